package onnx

import "slices"

// outputShape follows one node's first output, nil where it cannot.
func (f *facts) outputShape(n *Node) []int64 {
	x, known := f.shape[n.Input(0)]
	switch n.Op {
	case "Conv":
		return convShape(x, f.shape[n.Input(1)], n)
	case "AveragePool", "MaxPool", "LpPool":
		return poolShape(x, n)
	case "Gemm":
		return f.gemmShape(n)
	case "MatMul":
		return matmulShape(x, f.shape[n.Input(1)])
	case "Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "PRelu", "Where", "Sum":
		return f.broadcast(n)
	case "Concat":
		return f.concatShape(n)
	}
	if !known {
		return f.shapeWithoutInput(n)
	}
	switch n.Op {
	case "Shape":
		return []int64{int64(len(x))}
	case "GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool":
		return pooledAll(x)
	case "ReduceMean", "ReduceMax", "ReduceSum", "ReduceMin", "ReduceL2", "ReduceProd":
		return f.reduceShape(x, n)
	case "Flatten":
		return flattenShape(x, n.Int("axis", 1))
	case "Reshape":
		return f.reshapeShape(x, n)
	case "Squeeze":
		return f.squeezeShape(x, n)
	case "Unsqueeze":
		return f.unsqueezeShape(x, n)
	case "Transpose":
		return transposeShape(x, n.Ints("perm"))
	case "Gather":
		return f.gatherShape(x, n)
	case "Slice":
		return f.sliceShape(x, n)
	case "Pad":
		return f.padShape(x, n)
	case "Expand":
		return f.expandShape(x, n)
	case "ArgMax", "ArgMin":
		return argShape(x, n)
	case "TopK", "Split", "Resize", "Upsample", "ConvTranspose", "DepthToSpace", "SpaceToDepth":
		return sameRank(x, n.Op)
	}
	if sameShape[n.Op] {
		return x
	}
	return nil
}

// sameShape lists the operators whose first output has the first input's
// shape.
var sameShape = map[string]bool{
	"BatchNormalization": true, "InstanceNormalization": true, "LayerNormalization": true, "GroupNormalization": true,
	"LpNormalization": true, "LRN": true, "MeanVarianceNormalization": true, "SimplifiedLayerNormalization": true,
	"Relu": true, "LeakyRelu": true, "Elu": true, "Selu": true, "Celu": true, "Clip": true, "Sigmoid": true,
	"HardSigmoid": true, "HardSwish": true, "Mish": true, "Gelu": true, "Tanh": true, "Softplus": true, "Softsign": true,
	"ThresholdedRelu": true, "QuickGelu": true, "FastGelu": true, "BiasGelu": true,
	"Softmax": true, "LogSoftmax": true, "Hardmax": true, "Erf": true, "Exp": true, "Log": true, "Neg": true, "Abs": true, "Sqrt": true,
	"Reciprocal": true, "Floor": true, "Ceil": true, "Round": true, "Sign": true,
	"Identity": true, "Dropout": true, "Cast": true, "QuantizeLinear": true, "DequantizeLinear": true, "DynamicQuantizeLinear": true,
}

// shapeWithoutInput handles the operators that fix a shape by themselves.
func (f *facts) shapeWithoutInput(n *Node) []int64 {
	switch n.Op {
	case "Shape":
		return []int64{-1}
	case "Flatten":
		return []int64{-1, -1}
	case "Reshape":
		if want := f.ints[n.Input(1)]; want != nil {
			return known(want)
		}
		if s := f.shape[n.Input(1)]; len(s) == 1 && s[0] >= 0 && s[0] <= maxRank {
			return unknownDims(int(s[0]))
		}
	}
	return nil
}

// known replaces everything that is not a plain size by -1.
func known(dims []int64) []int64 {
	out := slices.Clone(dims)
	for i, d := range out {
		if d <= 0 {
			out[i] = -1
		}
	}
	return out
}

func unknownDims(rank int) []int64 {
	return slices.Repeat([]int64{-1}, rank)
}

func sameRank(x []int64, op string) []int64 {
	out := unknownDims(len(x))
	if (op == "Resize" || op == "Upsample") && len(out) > 1 {
		copy(out[:2], x)
	}
	return out
}
