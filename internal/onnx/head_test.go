package onnx

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// node makes a node for the graphs below: "Op", its inputs and its outputs
// separated by spaces, and attributes.
func node(op, inputs, output string, attributes ...Attribute) Node {
	return Node{Op: op, Name: "/" + output + "/" + op, Inputs: strings.Fields(inputs), Outputs: strings.Fields(output), Attributes: attributes}
}

// random is a constant with normal values that the seed of its name fixes.
func random(name string, dims ...int64) *Tensor {
	seed := uint64(len(name))
	for _, c := range name {
		seed = seed*31 + uint64(c)
	}
	g := rand.New(rand.NewPCG(seed, 1))
	data := make([]float32, size(dims))
	for i := range data {
		data[i] = float32(g.NormFloat64())
	}
	return NewFloat32s(name, dims, data)
}

// ofType is a constant of small integers in another element type.
func ofType(name string, typ DType, dims ...int64) *Tensor {
	raw := make([]byte, size(dims)*typ.Size())
	for i := range size(dims) {
		switch typ {
		case Int8, Uint8:
			raw[i] = byte(13*i%23) + 1
		case Float16: // 0x3c00 + k is a little over 1
			raw[2*i], raw[2*i+1] = byte(37*i), 0x3c
		case BFloat16:
			raw[2*i], raw[2*i+1] = byte(16*i), 0x3f
		case Double:
			raw[8*i+6], raw[8*i+7] = byte(5*i), 0x3f
		}
	}
	return newTensor(name, typ, dims, raw)
}

// positive makes every element of a constant positive, as a variance is.
func positive(t *Tensor) *Tensor {
	data, _ := t.Float32s()
	for i, v := range data {
		data[i] = v*v + 0.5
	}
	return NewFloat32s(t.Name, t.Dims, data)
}

// classifier is a graph of a body, which ends in the map "map" of 6 channels
// and 4×4 places, a pooled "gap" of [N 6 1 1] and a flat "f" of [N 6], and
// the given nodes after it.
func classifier(t testing.TB, nodes []Node, outputs string, constants ...*Tensor) *Model {
	t.Helper()
	g := &Graph{
		IRVersion: 8, Opsets: map[string]int64{"": 13, "com.microsoft": 1},
		Inputs:       []Value{{Name: "x", Type: Float, Shape: []int64{-1, 3, 8, 8}, Symbols: []string{"N", "", "", ""}}},
		Initializers: append(constants, random("kernel", 6, 3, 3, 3)),
		Nodes: append([]Node{
			node("Conv", "x kernel", "conv", IntsAttribute("strides", 2, 2), IntsAttribute("pads", 1, 1, 1, 1)),
			node("Relu", "conv", "map"),
			node("GlobalAveragePool", "map", "gap"),
			node("Flatten", "gap", "f"),
		}, nodes...),
	}
	for _, out := range strings.Fields(outputs) {
		g.Outputs = append(g.Outputs, Value{Name: out})
	}
	m, err := Parse(g.Encode(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// checkLinear computes the logits from random features with the graph's own
// nodes and holds W·f + b against them.
func checkLinear(t *testing.T, m *Model, h *Head) {
	t.Helper()
	g := rand.New(rand.NewPCG(5, 5))
	shape := slices.Clone(h.Shape)
	for i, d := range shape {
		if d < 0 {
			shape[i] = 3 // batch, and sides of a map that are not known
		}
	}
	x := generate(shape, func([]int64) float64 { return g.NormFloat64() })
	y := run(t, m, map[string]nd{h.Features: x}, h.Logits)
	if y.dims[0] != x.dims[0] || size(y.dims) != x.dims[0]*int64(h.Classes) {
		t.Fatalf("logits of shape %v from features of shape %v, %d classes", y.dims, x.dims, h.Classes)
	}
	if h.Pool == "mean" {
		var axes []int64
		for _, a := range h.PoolAxes {
			axes = append(axes, int64(a))
		}
		x = reduced(x, axes, true)
	}
	f := make([]float32, h.Dim)
	for i := range int(x.dims[0]) {
		for j := range f {
			f[j] = float32(x.data[i*h.Dim+j])
		}
		got, scale := h.affine(f)
		for c, v := range got {
			if want := y.data[i*h.Classes+c]; math.Abs(v-want) > 1e-5*scale {
				t.Fatalf("row %d class %d: W·f + b = %v, the graph computes %v", i, c, v, want)
			}
		}
	}
}

// transB is Gemm's attribute for a weight of classes × dim.
var transB = IntAttribute("transB", 1)

// TestFindHead covers the forms that heads come in, each numerically.
func TestFindHead(t *testing.T) {
	axes := NewInt64s("axes", []int64{2}, []int64{2, 3})
	tests := []struct {
		name      string
		nodes     []Node
		constants []*Tensor
		outputs   string // the logits are the last one unless named
		features  string
		logits    string
		pool      string
		bent      bool // not linear
	}{
		{name: "gemm", nodes: []Node{node("Gemm", "f w b", "y", transB)},
			constants: []*Tensor{random("w", 5, 6), random("b", 5)}, features: "f"},
		{name: "gemm not transposed, alpha and beta", nodes: []Node{node("Gemm", "f w b", "y", FloatAttribute("alpha", 0.5), FloatAttribute("beta", -2))},
			constants: []*Tensor{random("w", 6, 5), random("b", 1, 5)}, features: "f"},
		{name: "gemm without bias, square", nodes: []Node{node("Gemm", "f w", "y", transB)},
			constants: []*Tensor{random("w", 6, 6)}, features: "f"},
		{name: "gemm not transposed, square", nodes: []Node{node("Gemm", "f w", "y")},
			constants: []*Tensor{random("w", 6, 6)}, features: "f"},
		{name: "gemm with scalar bias", nodes: []Node{node("Gemm", "f w b", "y")},
			constants: []*Tensor{random("w", 6, 5), random("b")}, features: "f"},
		{name: "gemm on a transposed input", nodes: []Node{node("Transpose", "f", "ft", IntsAttribute("perm", 1, 0)), node("Gemm", "ft w", "y", IntAttribute("transA", 1))},
			constants: []*Tensor{random("w", 6, 5)}, features: "f"},
		{name: "matmul and bias", nodes: []Node{node("MatMul", "f w", "p"), node("Add", "p b", "y")},
			constants: []*Tensor{random("w", 6, 5), random("b", 5)}, features: "f"},
		{name: "bias and matmul", nodes: []Node{node("MatMul", "f w", "p"), node("Add", "b p", "y")},
			constants: []*Tensor{random("w", 6, 5), random("b", 1, 5)}, features: "f"},
		{name: "matmul alone", nodes: []Node{node("MatMul", "f w", "y")},
			constants: []*Tensor{random("w", 6, 5)}, features: "f"},
		{name: "subtracted bias", nodes: []Node{node("MatMul", "f w", "p"), node("Sub", "p b", "y")},
			constants: []*Tensor{random("w", 6, 5), random("b", 5)}, features: "f"},
		{name: "subtracted from a constant", nodes: []Node{node("MatMul", "f w", "p"), node("Sub", "b p", "y")},
			constants: []*Tensor{random("w", 6, 5), random("b", 5)}, features: "f"},
		{name: "temperature", nodes: []Node{node("Gemm", "f w b", "p", transB), node("Div", "p t", "y")},
			constants: []*Tensor{random("w", 5, 6), random("b", 5), random("t")}, features: "f"},
		{name: "scale by class, then bias", nodes: []Node{node("MatMul", "f w", "p"), node("Mul", "s p", "q"), node("Add", "q b", "y")},
			constants: []*Tensor{random("w", 6, 5), random("s", 5), random("b", 5)}, features: "f"},
		{name: "bias, then scale", nodes: []Node{node("Gemm", "f w b", "p", transB), node("Mul", "p s", "y")},
			constants: []*Tensor{random("w", 5, 6), random("b", 5), random("s", 5)}, features: "f"},
		{name: "batch normalization after", nodes: []Node{node("Gemm", "f w b", "p", transB), node("BatchNormalization", "p g h m v", "y", FloatAttribute("epsilon", 0.01))},
			constants: []*Tensor{random("w", 5, 6), random("b", 5), random("g", 5), random("h", 5), random("m", 5), positive(random("v", 5))}, features: "f"},
		{name: "divided by the logits", nodes: []Node{node("Gemm", "f w", "p", transB), node("Div", "one p", "y")},
			constants: []*Tensor{random("w", 5, 6), random("one")}, features: "f", logits: "p"},

		{name: "weight through Identity and Transpose", nodes: []Node{node("Identity", "w", "w1"), node("Transpose", "w1", "w2", IntsAttribute("perm", 1, 0)), node("MatMul", "f w2", "y")},
			constants: []*Tensor{random("w", 5, 6)}, features: "f"},
		{name: "weight in half precision", nodes: []Node{node("Cast", "w", "w1", IntAttribute("to", 1)), node("Gemm", "f w1", "y", transB)},
			constants: []*Tensor{ofType("w", Float16, 5, 6)}, features: "f"},
		{name: "weight in bfloat16", nodes: []Node{node("Gemm", "f w", "y", transB)}, constants: []*Tensor{ofType("w", BFloat16, 5, 6)}, features: "f"},
		{name: "weight in double precision", nodes: []Node{node("Gemm", "f w", "y", transB)}, constants: []*Tensor{ofType("w", Double, 5, 6)}, features: "f"},
		{name: "weight in a Constant node", nodes: []Node{
			{Op: "Constant", Outputs: []string{"w"}, Attributes: []Attribute{TensorAttribute("value", random("", 5, 6))}}, node("Gemm", "f w", "y", transB)}, features: "f"},
		{name: "weight in 8 bits by class", nodes: []Node{node("DequantizeLinear", "w s z", "w1", IntAttribute("axis", 0)), node("Gemm", "f w1 b", "y", transB)},
			constants: []*Tensor{ofType("w", Int8, 5, 6), positive(random("s", 5)), ofType("z", Int8, 5), random("b", 5)}, features: "f"},
		{name: "weight in 8 bits, one scale", nodes: []Node{node("DequantizeLinear", "w s z", "w1"), node("MatMul", "f w1", "y")},
			constants: []*Tensor{ofType("w", Uint8, 6, 5), positive(random("s")), ofType("z", Uint8)}, features: "f"},
		{name: "weight reshaped", nodes: []Node{node("Reshape", "w s", "w1"), node("MatMul", "f w1", "y")},
			constants: []*Tensor{random("w", 30), NewInt64s("s", []int64{2}, []int64{6, 5})}, features: "f"},
		{name: "weight computed", nodes: []Node{node("Mul", "w g", "w1"), node("MatMul", "f w1", "y")},
			constants: []*Tensor{random("w", 6, 5), random("g", 1, 5)}, features: "f", bent: true},

		{name: "dropout before", nodes: []Node{node("Dropout", "f", "d"), node("Gemm", "d w", "y", transB)}, constants: []*Tensor{random("w", 5, 6)}, features: "f"},
		{name: "reshape before", nodes: []Node{node("Reshape", "gap s", "r"), node("Gemm", "r w", "y", transB)},
			constants: []*Tensor{random("w", 5, 6), NewInt64s("s", []int64{2}, []int64{0, -1})}, features: "r"},
		{name: "squeeze before", nodes: []Node{node("Squeeze", "gap axes", "r"), node("MatMul", "r w", "y")},
			constants: []*Tensor{random("w", 6, 5), axes}, features: "r"},
		{name: "dropout after", nodes: []Node{node("Gemm", "f w", "p", transB), node("Dropout", "p", "y")}, constants: []*Tensor{random("w", 5, 6)}, features: "f"},
		{name: "identity and cast after", nodes: []Node{node("Gemm", "f w", "p", transB), node("Identity", "p", "q"), node("Cast", "q", "y", IntAttribute("to", 1))},
			constants: []*Tensor{random("w", 5, 6)}, features: "f"},
		{name: "hidden layer", nodes: []Node{node("Gemm", "f v", "h", transB), node("Relu", "h", "r"), node("Gemm", "r w", "y", transB)},
			constants: []*Tensor{random("v", 7, 6), random("w", 5, 7)}, features: "r"},
		{name: "softmax and argmax", nodes: []Node{node("Gemm", "f w", "l", transB), node("Softmax", "l", "p"), node("ArgMax", "p", "a")},
			constants: []*Tensor{random("w", 5, 6)}, outputs: "a p", features: "f", logits: "l"},
		{name: "relu after", nodes: []Node{node("Gemm", "f w", "l", transB), node("Relu", "l", "y")}, constants: []*Tensor{random("w", 5, 6)}, features: "f", logits: "l"},
		{name: "one class", nodes: []Node{node("Gemm", "f w", "l", transB), node("Sigmoid", "l", "y")}, constants: []*Tensor{random("w", 1, 6)}, features: "f", logits: "l"},
		{name: "background dropped", nodes: []Node{node("Gemm", "f w", "l", transB), node("Slice", "l one end one", "y")},
			constants: []*Tensor{random("w", 5, 6), NewInt64s("one", []int64{1}, []int64{1}), NewInt64s("end", []int64{1}, []int64{9})}, features: "f", logits: "l"},

		{name: "pooled, then convolution", nodes: []Node{node("Conv", "gap w b", "c"), node("Flatten", "c", "y")},
			constants: []*Tensor{random("w", 5, 6, 1, 1), random("b", 5)}, features: "gap"},
		{name: "convolution, then pooled", nodes: []Node{node("Conv", "map w b", "c"), node("GlobalAveragePool", "c", "g"), node("Flatten", "g", "y")},
			constants: []*Tensor{random("w", 5, 6, 1, 1), random("b", 5)}, features: "map", pool: "mean"},
		{name: "convolution, then mean", nodes: []Node{node("Conv", "map w", "c"), node("ReduceMean", "c", "y", IntsAttribute("axes", -1, -2), IntAttribute("keepdims", 0))},
			constants: []*Tensor{random("w", 5, 6, 1, 1)}, features: "map", pool: "mean"},
		{name: "convolution, then mean by mean", nodes: []Node{node("Conv", "map w", "c"), node("ReduceMean", "c", "r", IntsAttribute("axes", 3), IntAttribute("keepdims", 0)), node("ReduceMean", "r", "y", IntsAttribute("axes", 2), IntAttribute("keepdims", 0))},
			constants: []*Tensor{random("w", 5, 6, 1, 1)}, features: "map", pool: "mean"},
		{name: "convolution, window over the map", nodes: []Node{node("Conv", "map w", "c"), node("AveragePool", "c", "g", IntsAttribute("kernel_shape", 4, 4)), node("Flatten", "g", "y")},
			constants: []*Tensor{random("w", 5, 6, 1, 1)}, features: "map", pool: "mean"},
		{name: "convolution, bias, scale and normalization, pooled", nodes: []Node{node("Conv", "map w", "c"), node("Add", "c b", "d"), node("Mul", "d s", "e"), node("BatchNormalization", "e g h m v", "n"), node("GlobalAveragePool", "n", "q"), node("Squeeze", "q axes", "y")},
			constants: []*Tensor{random("w", 5, 6, 1, 1), random("b", 5, 1, 1), random("s", 1, 5, 1, 1), random("g", 5), random("h", 5), random("m", 5), positive(random("v", 5)), axes}, features: "map", pool: "mean"},
		{name: "convolution, relu, pooled", nodes: []Node{node("Conv", "map w", "c"), node("Relu", "c", "r"), node("GlobalAveragePool", "r", "g"), node("Flatten", "g", "y")},
			constants: []*Tensor{random("w", 5, 6, 1, 1)}, features: "map", pool: "mean", bent: true},
		{name: "convolution, greatest place", nodes: []Node{node("Conv", "map w", "c"), node("GlobalMaxPool", "c", "g"), node("Flatten", "g", "y")},
			constants: []*Tensor{random("w", 5, 6, 1, 1)}, features: "map", pool: "mean", bent: true},
		{name: "convolution, bias by place, pooled", nodes: []Node{node("Conv", "map w", "c"), node("Add", "c b", "d"), node("GlobalAveragePool", "d", "g"), node("Flatten", "g", "y")},
			constants: []*Tensor{random("w", 5, 6, 1, 1), random("b", 4, 4)}, features: "map", pool: "mean", bent: true},
		{name: "convolution, bias by column, pooled", nodes: []Node{node("Conv", "map w", "c"), node("Add", "c b", "d"), node("GlobalAveragePool", "d", "g"), node("Flatten", "g", "y")},
			constants: []*Tensor{random("w", 4, 6, 1, 1), random("b", 4)}, features: "map", pool: "mean", bent: true}, // as many columns as classes
		{name: "convolution, padding of nothing, window over the map", nodes: []Node{node("Conv", "map w", "c"), node("Pad", "c pads", "d"), node("AveragePool", "d", "g", IntsAttribute("kernel_shape", 4, 4)), node("Flatten", "g", "y")},
			constants: []*Tensor{random("w", 5, 6, 1, 1), NewInt64s("pads", []int64{8}, make([]int64, 8))}, features: "map", pool: "mean"},
		{name: "convolution, window that misses a border", nodes: []Node{node("Conv", "map w", "c"), node("AveragePool", "c", "g", IntsAttribute("kernel_shape", 3, 3), IntsAttribute("strides", 3, 3)), node("Flatten", "g", "y")},
			constants: []*Tensor{random("w", 5, 6, 1, 1)}, features: "map", pool: "mean", bent: true},
		{name: "channels last", nodes: []Node{node("Transpose", "map", "t", IntsAttribute("perm", 0, 2, 3, 1)), node("MatMul", "t w", "p"), node("Add", "p b", "q"), node("ReduceMean", "q", "y", IntsAttribute("axes", 1, 2), IntAttribute("keepdims", 0))},
			constants: []*Tensor{random("w", 6, 5), random("b", 5)}, features: "t", pool: "mean"},
		{name: "convolution, channels moved last, mean", nodes: []Node{node("Conv", "map w", "c"), node("Transpose", "c", "t", IntsAttribute("perm", 0, 2, 3, 1)), node("Add", "t b", "q"), node("ReduceMean", "q", "y", IntsAttribute("axes", 1, 2), IntAttribute("keepdims", 0))},
			constants: []*Tensor{random("w", 5, 6, 1, 1), random("b", 5)}, features: "map", pool: "mean"},

		{name: "dynamic quantization", nodes: []Node{
			{Op: "DynamicQuantizeLinear", Inputs: []string{"f"}, Outputs: []string{"q", "qs", "qz"}}, node("MatMulInteger", "q w qz", "i"), node("Cast", "i", "c", IntAttribute("to", 1)),
			node("Mul", "qs ws", "s"), node("Mul", "c s", "p"), node("Add", "p b", "y")},
			constants: []*Tensor{ofType("w", Uint8, 6, 5), random("ws"), random("b", 5)}, features: "f", bent: true},
		{name: "quantized layer", nodes: []Node{node("QuantizeLinear", "f s z", "q"), node("QLinearMatMul", "q s z w s z s z", "i"), node("DequantizeLinear", "i s z", "y")},
			constants: []*Tensor{ofType("w", Uint8, 6, 5), random("s"), ofType("z", Uint8)}, features: "f", bent: true},
		{name: "quantized around", nodes: []Node{node("QuantizeLinear", "f s z", "q"), node("DequantizeLinear", "q s z", "fq"), node("Gemm", "fq w", "l"), node("QuantizeLinear", "l s z", "lq"), node("DequantizeLinear", "lq s z", "y")},
			constants: []*Tensor{random("w", 6, 5), random("s"), ofType("z", Uint8)}, features: "fq", logits: "l"},

		{name: "features an output too, first", nodes: []Node{node("Gemm", "f w", "y", transB)}, constants: []*Tensor{random("w", 5, 6)}, outputs: "f y", features: "f", logits: "y"},
		{name: "hidden layer an output too", nodes: []Node{node("Gemm", "f v", "h", transB), node("Relu", "h", "r"), node("Gemm", "r w", "y", transB)},
			constants: []*Tensor{random("v", 7, 6), random("w", 5, 7)}, outputs: "r y", features: "r", logits: "y"},
		{name: "auxiliary head first and deeper", nodes: []Node{node("Gemm", "f w", "y", transB), node("Relu", "f", "g"), node("Gemm", "g v", "aux_y", transB)},
			constants: []*Tensor{random("w", 5, 6), random("v", 5, 6)}, outputs: "aux_y y", features: "f", logits: "y"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.outputs == "" {
				test.outputs = "y"
			}
			if test.logits == "" {
				test.logits = "y"
			}
			m := classifier(t, test.nodes, test.outputs, test.constants...)
			h, err := m.FindHead()
			if err != nil {
				t.Fatal(err)
			}
			if h.Features != test.features || h.Logits != test.logits || h.Pool != test.pool || h.Linear == test.bent {
				t.Fatalf("features %s, logits %s, pool %q, linear %v; want %s, %s, %q, %v\n%s", h.Features, h.Logits, h.Pool, h.Linear,
					test.features, test.logits, test.pool, !test.bent, strings.Join(h.Why, "\n"))
			}
			if h.Linear {
				checkLinear(t, m, h)
			}
		})
	}
}

// TestNoHead refuses graphs whose output is not one vector of scores.
func TestNoHead(t *testing.T) {
	w := random("w", 5, 6, 1, 1)
	tests := []struct {
		name      string
		nodes     []Node
		constants []*Tensor
		reason    string
	}{
		{"features only", []Node{node("Relu", "f", "y")}, nil, "before any linear layer"},
		{"the input itself", []Node{node("Softmax", "x", "y")}, nil, "reached from the input"},
		{"a map of scores", []Node{node("Conv", "map w", "y")}, []*Tensor{w}, "not pooled"},
		{"softmax over a map", []Node{node("Conv", "map w", "c"), node("Softmax", "c", "y", IntAttribute("axis", 1))}, []*Tensor{w}, "not pooled"},
		{"rows that are places", []Node{node("Transpose", "map", "t", IntsAttribute("perm", 0, 2, 3, 1)), node("Reshape", "t rows", "r"), node("Gemm", "r w", "p", transB), node("Reshape", "p back", "b"), node("ReduceMean", "b", "y", IntsAttribute("axes", 1), IntAttribute("keepdims", 0))},
			[]*Tensor{random("w", 5, 6), NewInt64s("rows", []int64{2}, []int64{-1, 6}), NewInt64s("back", []int64{3}, []int64{-1, 16, 5})}, "parts of images"},
		{"a reconstruction", []Node{node("Gemm", "f w", "l", transB), node("Sigmoid", "l", "y")}, []*Tensor{random("w", 3*8*8, 6)}, "as many values as the input"},
		{"one pooling over another", []Node{node("Conv", "map w", "c"), node("GlobalAveragePool", "c", "g"), node("GlobalMaxPool", "c", "h"), node("Div", "g h", "d"), node("Flatten", "d", "y")}, []*Tensor{w}, "not pooled"},
		{"a padded map", []Node{node("Conv", "map w", "c"), node("Pad", "c pads", "d"), node("GlobalAveragePool", "d", "g"), node("Flatten", "g", "y")},
			[]*Tensor{w, NewInt64s("pads", []int64{8}, []int64{0, 0, 1, 0, 0, 0, 0, 0})}, "not pooled"},
		{"half pooled", []Node{node("Conv", "map w", "c"), node("ReduceMean", "c", "y", IntsAttribute("axes", 2))}, []*Tensor{w}, "not pooled"},
		{"windows that do not cover the map", []Node{node("Conv", "map w", "c"), node("AveragePool", "c", "d", IntsAttribute("kernel_shape", 2, 2)), node("Flatten", "d", "y")}, []*Tensor{w}, "not pooled"},
		{"grouped convolution", []Node{node("Conv", "gap w", "c", IntAttribute("group", 2)), node("Flatten", "c", "y")}, []*Tensor{random("w", 6, 3, 1, 1)}, "before any linear layer"},
		{"normalised embedding", []Node{node("Gemm", "f w", "e", transB), node("LpNormalization", "e", "y")}, []*Tensor{random("w", 5, 6)}, "LpNormalization"},
		{"weight that depends on the image", []Node{node("Transpose", "f", "ft", IntsAttribute("perm", 1, 0)), node("MatMul", "f ft", "y")}, nil, "MatMul"},
		{"an operator of the same name elsewhere", []Node{{Op: "Gemm", Domain: "my.own", Inputs: []string{"f", "w"}, Outputs: []string{"y"}}}, []*Tensor{random("w", 6, 5)}, "before any linear layer"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := classifier(t, test.nodes, "y", test.constants...)
			h, err := m.FindHead()
			checkRefused(t, h, err, test.reason)
		})
	}
}

// TestFindHeadDamagedWeights tells a damaged weight from a missing head.
func TestFindHeadDamagedWeights(t *testing.T) {
	w := &Tensor{Name: "w", Type: Float, Dims: []int64{5, 6}}
	for _, d := range w.Dims {
		w.msg = appendInt(w.msg, 1, d)
	}
	w.msg = appendBytes(appendText(appendInt(w.msg, 2, int64(Float)), 8, "w"), 9, make([]byte, 100))
	m := classifier(t, []Node{node("Gemm", "f w", "y", transB)}, "y", w)
	_, err := m.FindHead()
	var missing *NoHeadError
	if err == nil || errors.As(err, &missing) || !strings.Contains(err.Error(), `"w"`) {
		t.Errorf("got %v", err)
	}
}

// TestHeadAt takes the user's tensor for the features.
func TestHeadAt(t *testing.T) {
	nodes := []Node{node("Relu", "f", "g"), node("Gemm", "g w b", "logits", transB), node("Softmax", "logits", "y")}
	m := classifier(t, nodes, "y", random("w", 5, 6), random("b", 5))
	plain := classifier(t, []Node{node("Gemm", "f w b", "y", transB)}, "y", random("w", 5, 6), random("b", 5))
	kept := classifier(t, []Node{node("Dropout", "f", "d"), node("Gemm", "d w b", "y", transB)}, "y", random("w", 5, 6), random("b", 5))
	mean := classifier(t, []Node{node("ReduceMean", "map", "r", IntsAttribute("axes", 2, 3), IntAttribute("keepdims", 0)), node("Gemm", "r w b", "y", transB)}, "y", random("w", 5, 6), random("b", 5))
	last := classifier(t, []Node{node("Transpose", "map", "t", IntsAttribute("perm", 0, 2, 3, 1)), node("ReduceMean", "t", "r", IntsAttribute("axes", 1, 2), IntAttribute("keepdims", 0)), node("Gemm", "r w b", "y", transB)}, "y", random("w", 5, 6), random("b", 5))
	tests := []struct {
		m              *Model
		tensor, logits string
		pool           string
		dim            int
		linear         bool
	}{
		{m, "g", "logits", "", 6, true},
		{m, "f", "logits", "", 6, false}, // a ReLU lies between
		{m, "gap", "logits", "", 6, false},
		{m, "map", "logits", "mean", 6, false},
		{m, "y", "logits", "", 5, false},
		{plain, "f", "y", "", 6, true},
		{plain, "gap", "y", "", 6, true},
		{plain, "map", "y", "mean", 6, true},
		{plain, "conv", "y", "mean", 6, false},
		{kept, "d", "y", "", 6, true},
		{kept, "f", "y", "", 6, true},
		{mean, "map", "y", "mean", 6, true},
		{mean, "r", "y", "", 6, true},
		{last, "t", "y", "mean", 6, true}, // N×H×W×C
	}
	for _, test := range tests {
		h, err := test.m.HeadAt(test.tensor)
		if err != nil {
			t.Errorf("%s: %v", test.tensor, err)
			continue
		}
		if h.Features != test.tensor || h.Logits != test.logits || h.Pool != test.pool || h.Dim != test.dim || h.Linear != test.linear || h.Classes != 5 {
			t.Errorf("%s: got %+v", test.tensor, h)
		}
		if h.Linear {
			checkLinear(t, test.m, h)
		}
	}
}

// TestHeadAtWithoutHead serves models that only give features.
func TestHeadAtWithoutHead(t *testing.T) {
	m := classifier(t, []Node{node("Relu", "f", "y")}, "y")
	h, err := m.HeadAt("gap")
	if err != nil || h.Dim != 6 || h.Logits != "y" || h.Linear {
		t.Errorf("got %+v, %v", h, err)
	}
	if h, err := m.HeadAt("y"); err != nil || h.Logits != "" || h.Classes != 0 {
		t.Errorf("features as the only output: got %+v, %v", h, err)
	}
}

func TestHeadAtUnknown(t *testing.T) {
	m := classifier(t, []Node{node("Gemm", "f w", "/fc/Gemm_output_0", transB)}, "/fc/Gemm_output_0", random("w", 5, 6))
	for name, near := range map[string]string{"/fc/Gem_output_0": "/fc/Gemm_output_0", "gemm_output": "/fc/Gemm_output_0", "mop": "map", "completely else": ""} {
		_, err := m.HeadAt(name)
		var unknown *UnknownTensorError
		if !errors.As(err, &unknown) || unknown.Tensor != name {
			t.Errorf("%s: got %v", name, err)
		} else if near == "" && len(unknown.Near) > 0 || near != "" && (len(unknown.Near) == 0 || unknown.Near[0] != near) {
			t.Errorf("%s: near %v, want %s first", name, unknown.Near, near)
		}
	}
	if _, err := m.HeadAt("w"); err == nil {
		t.Error("a weight taken for features")
	}
}
