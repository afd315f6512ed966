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
	case "Shape":
		return []int64{int64(len(x))}
	}
	if !known {
		return f.shapeWithoutInput(n)
	}
	switch n.Op {
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
	case "Expand":
		return f.expandShape(x, n)
	case "ArgMax", "ArgMin", "TopK", "Split", "Pad", "Resize", "Upsample", "ConvTranspose", "DepthToSpace", "SpaceToDepth":
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

// pooledAll keeps batch and channels of N×C×... and makes the rest 1.
func pooledAll(x []int64) []int64 {
	out := slices.Clone(x)
	for i := 2; i < len(out); i++ {
		out[i] = 1
	}
	return out
}

// convShape is N×M×(spatial sizes) for a weight of M×(C/group)×(kernel).
func convShape(x, w []int64, n *Node) []int64 {
	if len(w) < 3 {
		return nil
	}
	out := unknownDims(len(w))
	out[1] = w[0]
	if len(x) != len(w) {
		return out
	}
	out[0] = x[0]
	copy(out[2:], windowed(x[2:], w[2:], n))
	return out
}

// poolShape is the output of a pooling window over N×C×(spatial sizes).
func poolShape(x []int64, n *Node) []int64 {
	kernel := n.Ints("kernel_shape")
	if len(x) != len(kernel)+2 {
		return nil
	}
	return append(slices.Clone(x[:2]), windowed(x[2:], kernel, n)...)
}

// windowed applies ONNX's rule for the output size of a sliding window to
// each spatial axis.
func windowed(x, kernel []int64, n *Node) []int64 {
	out := unknownDims(len(x))
	strides, dilations, pads := n.Ints("strides"), n.Ints("dilations"), n.Ints("pads")
	at := func(list []int64, i int, otherwise int64) int64 {
		if i < len(list) {
			return list[i]
		}
		return otherwise
	}
	for i := range out {
		stride, size := at(strides, i, 1), x[i]
		span := at(dilations, i, 1)*(kernel[i]-1) + 1
		if size < 0 || stride <= 0 || kernel[i] <= 0 {
			continue
		}
		switch n.Text("auto_pad") {
		case "SAME_UPPER", "SAME_LOWER":
			out[i] = (size + stride - 1) / stride
			continue
		case "", "NOTSET":
			size += at(pads, i, 0) + at(pads, i+len(x), 0)
		}
		if size -= span; n.Int("ceil_mode", 0) != 0 {
			size += stride - 1
		}
		if size >= 0 {
			out[i] = size/stride + 1
		}
	}
	return out
}

// gemmShape is the M×N of a Gemm.
func (f *facts) gemmShape(n *Node) []int64 {
	out := []int64{-1, -1}
	if a := f.shape[n.Input(0)]; len(a) == 2 {
		out[0] = a[n.Int("transA", 0)&1]
	}
	if b := f.shape[n.Input(1)]; len(b) == 2 {
		out[1] = b[1-n.Int("transB", 0)&1]
	}
	return out
}

// matmulShape is numpy's rule for stacks of matrices, without vectors.
func matmulShape(a, b []int64) []int64 {
	if len(a) < 2 || len(b) < 2 {
		return nil
	}
	stack := broadcastDims(a[:len(a)-2], b[:len(b)-2])
	return append(stack, a[len(a)-2], b[len(b)-1])
}

// broadcast is numpy's rule over all inputs of an elementwise node.
func (f *facts) broadcast(n *Node) []int64 {
	out := []int64{}
	for _, in := range n.Inputs {
		s, ok := f.shape[in]
		if !ok {
			return nil
		}
		out = broadcastDims(out, s)
	}
	return out
}

func broadcastDims(a, b []int64) []int64 {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := slices.Clone(a)
	skip := len(a) - len(b)
	for i, d := range b {
		switch have := out[skip+i]; {
		case have == 1:
			out[skip+i] = d
		case have < 0 && d > 1:
			out[skip+i] = d
		}
	}
	return out
}

func (f *facts) concatShape(n *Node) []int64 {
	var out []int64
	axis := n.Int("axis", 0)
	for i, in := range n.Inputs {
		s, ok := f.shape[in]
		if !ok || i > 0 && len(s) != len(out) {
			return nil
		}
		a, ok := axisOf(axis, len(s))
		if !ok {
			return nil
		}
		if i == 0 {
			out = slices.Clone(s)
			continue
		}
		for j := range out {
			switch {
			case j == a && (out[j] < 0 || s[j] < 0):
				out[j] = -1
			case j == a:
				out[j] += s[j]
			case out[j] < 0:
				out[j] = s[j]
			}
		}
	}
	return out
}

// axisOf counts a negative axis from the end.
func axisOf(axis int64, rank int) (int, bool) {
	if axis < 0 {
		axis += int64(rank)
	}
	return int(axis), axis >= 0 && axis < int64(rank)
}

// axesOf reads a node's axes, an attribute or (later opsets) an input, as
// indices; ok is false where they are given but not known.
func (f *facts) axesOf(n *Node, input, rank int) (axes []int, ok bool) {
	list := n.Ints("axes")
	if list == nil && n.Input(input) != "" {
		if list = f.ints[n.Input(input)]; list == nil {
			return nil, false
		}
	}
	if len(list) > maxRank {
		return nil, false
	}
	for _, a := range list {
		i, ok := axisOf(a, rank)
		if !ok {
			return nil, false
		}
		axes = append(axes, i)
	}
	return axes, true
}

func (f *facts) reduceShape(x []int64, n *Node) []int64 {
	axes, ok := f.axesOf(n, 1, len(x))
	if !ok {
		return nil
	}
	if len(axes) == 0 {
		if n.Int("noop_with_empty_axes", 0) != 0 {
			return x
		}
		for i := range x {
			axes = append(axes, i)
		}
	}
	out := []int64{}
	for i, d := range x {
		switch {
		case !slices.Contains(axes, i):
			out = append(out, d)
		case n.Int("keepdims", 1) != 0:
			out = append(out, 1)
		}
	}
	return out
}

func flattenShape(x []int64, axis int64) []int64 {
	if axis < 0 {
		axis += int64(len(x))
	}
	if axis < 0 || axis > int64(len(x)) {
		return nil
	}
	return []int64{product(x[:axis]), product(x[axis:])}
}

// product multiplies sizes; -1 if one is unknown or the product overflows.
func product(dims []int64) int64 {
	for _, d := range dims {
		if d < 0 {
			return -1
		}
	}
	n, err := count(dims)
	if err != nil {
		return -1
	}
	return n
}

func (f *facts) reshapeShape(x []int64, n *Node) []int64 {
	want, ok := f.ints[n.Input(1)]
	if !ok {
		return f.shapeWithoutInput(n)
	}
	out, infer := make([]int64, len(want)), -1
	for i, d := range want {
		switch {
		case d == 0 && n.Int("allowzero", 0) == 0 && i < len(x):
			out[i] = x[i]
		case d == -1:
			infer, out[i] = i, -1
		case d < 0:
			out[i] = -1
		default:
			out[i] = d
		}
	}
	if infer >= 0 {
		rest := slices.Delete(slices.Clone(out), infer, infer+1)
		out[infer] = quotient(x, rest)
	}
	return out
}

// quotient is the product of x over that of y, where sizes that are unknown
// in both may cancel: the batch that a Reshape carries along in place.
func quotient(x, y []int64) int64 {
	if len(x) > 0 && len(y) > 0 && x[0] < 0 && y[0] < 0 {
		x, y = x[1:], y[1:]
	}
	p, q := product(x), product(y)
	if p < 0 || q <= 0 || p%q != 0 {
		return -1
	}
	return p / q
}

func (f *facts) squeezeShape(x []int64, n *Node) []int64 {
	axes, ok := f.axesOf(n, 1, len(x))
	if !ok || axes == nil && slices.Contains(x, -1) {
		return nil
	}
	out := []int64{}
	for i, d := range x {
		if slices.Contains(axes, i) || axes == nil && d == 1 {
			continue
		}
		out = append(out, d)
	}
	return out
}

func (f *facts) unsqueezeShape(x []int64, n *Node) []int64 {
	list := n.Ints("axes")
	if list == nil {
		list = f.ints[n.Input(1)]
	}
	if len(list) > maxRank {
		return nil
	}
	axes, ok := f.axesOf(n, 1, len(x)+len(list))
	if !ok || axes == nil {
		return nil
	}
	out := []int64{}
	for i, at := 0, 0; i < len(x)+len(axes); i++ {
		switch {
		case slices.Contains(axes, i):
			out = append(out, 1)
		case at < len(x):
			out = append(out, x[at])
			at++
		}
	}
	return out
}

func transposeShape(x, perm []int64) []int64 {
	out := make([]int64, len(x))
	for i := range out {
		from := int64(len(x) - 1 - i)
		if perm != nil {
			if len(perm) != len(x) {
				return nil
			}
			from = perm[i]
		}
		if from < 0 || from >= int64(len(x)) {
			return nil
		}
		out[i] = x[from]
	}
	return out
}

func (f *facts) gatherShape(x []int64, n *Node) []int64 {
	index, ok := f.shape[n.Input(1)]
	axis, inside := axisOf(n.Int("axis", 0), len(x))
	if !ok || !inside {
		return nil
	}
	return slices.Concat(x[:axis], index, x[axis+1:])
}

// sliceParams reads a Slice's parameters, attributes or inputs.
func (f *facts) sliceParams(n *Node, rank int) (axes []int, starts, ends, steps []int64, ok bool) {
	starts, ends = n.Ints("starts"), n.Ints("ends")
	if starts == nil {
		starts, ends, steps = f.ints[n.Input(1)], f.ints[n.Input(2)], f.ints[n.Input(4)]
	}
	axes, ok = f.axesOf(n, 3, rank)
	if axes == nil {
		for i := range starts {
			axes = append(axes, i)
		}
	}
	if steps == nil && n.Input(4) == "" {
		steps = slices.Repeat([]int64{1}, len(starts))
	}
	return axes, starts, ends, steps, ok
}

func (f *facts) sliceShape(x []int64, n *Node) []int64 {
	axes, starts, ends, steps, ok := f.sliceParams(n, len(x))
	if !ok || len(axes) == 0 {
		return unknownDims(len(x))
	}
	out := slices.Clone(x)
	for i, a := range axes {
		if a >= len(out) {
			return nil
		}
		if i >= len(starts) || i >= len(ends) || i >= len(steps) {
			out[a] = -1
			continue
		}
		out[a] = sliced(x[a], starts[i], ends[i], steps[i])
	}
	return out
}

// sliced is the size of start:end:step of an axis; -1 where it depends on
// what is not known. A slice of one element is known without the axis' size.
func sliced(size, start, end, step int64) int64 {
	switch {
	case start == unknownInt || end == unknownInt || step != 1:
		return -1
	case size < 0 && end == start+1 && (start >= 0 || end < 0):
		return 1
	case size < 0 && start == -1 && end > 1<<31:
		return 1
	case size < 0:
		return -1
	}
	clamp := func(v int64) int64 {
		if v < 0 {
			v += size
		}
		return min(max(v, 0), size)
	}
	return max(0, clamp(end)-clamp(start))
}

func (f *facts) expandShape(x []int64, n *Node) []int64 {
	if want, ok := f.ints[n.Input(1)]; ok {
		return broadcastDims(x, known(want))
	}
	if s := f.shape[n.Input(1)]; len(s) == 1 && s[0] >= 0 && s[0] <= maxRank {
		return unknownDims(max(int(s[0]), len(x)))
	}
	return nil
}
