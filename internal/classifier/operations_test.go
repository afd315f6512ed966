package classifier

import (
	"fmt"
	"math/rand/v2"

	"github.com/oodflow/oodflow/internal/onnx"
)

// operation is a graph of a few nodes from the image to the tensor y, with random constants.
type operation struct {
	name   string
	shape  []int64 // of the image
	nodes  []onnx.Node
	consts []constant
}

// constant is a tensor of random values, or of the given integers.
type constant struct {
	name string
	dims []int64
	ints []int64
}

func floats(name string, dims ...int64) constant { return constant{name: name, dims: dims} }
func integers(name string, v ...int64) constant {
	return constant{name, []int64{int64(len(v))}, v}
}

func node(op string, inputs []string, output string, attributes ...onnx.Attribute) onnx.Node {
	return onnx.Node{Name: output, Op: op, Inputs: inputs, Outputs: []string{output}, Attributes: attributes}
}

func (o operation) encode() []byte {
	g := &onnx.Graph{IRVersion: 8, Opsets: map[string]int64{"": 13}, Nodes: o.nodes,
		Inputs:  []onnx.Value{{Name: "image", Type: onnx.Float, Shape: o.shape}},
		Outputs: []onnx.Value{{Name: "y", Type: onnx.Float}}}
	r := rand.New(rand.NewPCG(7, 7))
	for _, c := range o.consts {
		if c.ints != nil {
			g.Initializers = append(g.Initializers, onnx.NewInt64s(c.name, c.dims, c.ints))
			continue
		}
		n := int64(1)
		for _, d := range c.dims {
			n *= d
		}
		data := make([]float32, n)
		for i := range data {
			data[i] = float32(r.NormFloat64())
			if c.name == "var" {
				data[i] = r.Float32() + 0.1
			}
		}
		g.Initializers = append(g.Initializers, onnx.NewFloat32s(c.name, c.dims, data))
	}
	return g.Encode()
}

// operations are the forms of each operator that the pure Go engine rewrites.
func operations() []operation {
	var list []operation
	add := func(name string, shape []int64, consts []constant, nodes ...onnx.Node) {
		list = append(list, operation{name, shape, nodes, consts})
	}
	ints, integer, text := onnx.IntsAttribute, onnx.IntAttribute, onnx.TextAttribute
	for _, batch := range []int64{1, 3} {
		shape := []int64{batch, 4, 9, 11}
		unary := func(op string, attributes ...onnx.Attribute) {
			add(op, shape, nil, node(op, []string{"image"}, "y", attributes...))
		}
		conv := func(out, in, h, w int64, attributes ...onnx.Attribute) {
			add(fmt.Sprintf("Conv %d %d %d %d", out, in, h, w), shape, []constant{floats("w", out, in, h, w), floats("b", out)},
				node("Conv", []string{"image", "w", "b"}, "y", attributes...))
		}
		conv(5, 4, 3, 3)
		conv(5, 4, 3, 3, ints("pads", 1, 1, 1, 1), ints("strides", 2, 2))
		conv(5, 4, 3, 5, ints("pads", 1, 2, 1, 2))
		conv(5, 4, 3, 2, ints("pads", 0, 1, 2, 0), ints("strides", 2, 3))
		conv(5, 4, 2, 2, ints("pads", 3, 0, 0, 1))
		conv(5, 4, 3, 3, ints("dilations", 2, 3), ints("pads", 2, 3, 2, 3))
		conv(6, 2, 3, 3, integer("group", 2), ints("pads", 1, 1, 1, 1))
		conv(4, 1, 3, 3, integer("group", 4), ints("pads", 0, 0, 1, 1), ints("strides", 2, 2))
		conv(8, 1, 3, 3, integer("group", 4))
		conv(7, 4, 1, 1)
		conv(7, 4, 1, 1, ints("strides", 2, 2))
		conv(7, 4, 1, 1, ints("pads", 1, 0, 0, 2))
		conv(3, 4, 9, 11)
		for _, auto := range []string{"SAME_UPPER", "SAME_LOWER", "VALID"} {
			conv(5, 4, 3, 4, text("auto_pad", auto), ints("strides", 2, 2))
		}
		norm := []constant{floats("w", 5, 4, 3, 3), floats("s", 5), floats("o", 5), floats("m", 5), floats("var", 5)}
		add("Conv BatchNormalization", shape, norm, node("Conv", []string{"image", "w"}, "c"),
			node("BatchNormalization", []string{"c", "s", "o", "m", "var"}, "y"))
		add("Conv read twice", shape, norm, node("Conv", []string{"image", "w"}, "c"),
			node("BatchNormalization", []string{"c", "s", "o", "m", "var"}, "n"), node("Add", []string{"n", "c"}, "y"))
		add("Conv read before", shape, norm, node("Conv", []string{"image", "w"}, "c"),
			node("BatchNormalization", []string{"c", "s", "o", "m", "var"}, "n"), node("Sub", []string{"c", "n"}, "y"))
		add("BatchNormalization", []int64{batch, 5, 3, 2}, norm[1:], node("BatchNormalization", []string{"image", "s", "o", "m", "var"}, "y", onnx.FloatAttribute("epsilon", 0.1)))
		for _, op := range []string{"MaxPool", "AveragePool"} {
			for _, ceil := range []int64{0, 1} {
				unary(op, ints("kernel_shape", 3, 3), ints("strides", 2, 2), integer("ceil_mode", ceil))
				unary(op, ints("kernel_shape", 2, 3), ints("strides", 2, 2), ints("pads", 1, 1, 0, 2), integer("ceil_mode", ceil))
				unary(op, ints("kernel_shape", 3, 2), ints("strides", 3, 3), ints("pads", 0, 1, 2, 0), integer("ceil_mode", ceil))
			}
			unary(op, ints("kernel_shape", 2, 2), text("auto_pad", "SAME_UPPER"))
			unary(op, ints("kernel_shape", 3, 2), ints("strides", 2, 2), text("auto_pad", "SAME_LOWER"))
			unary(op, ints("kernel_shape", 9, 11))
		}
		unary("AveragePool", ints("kernel_shape", 3, 3), ints("pads", 1, 1, 1, 1), integer("count_include_pad", 1))
		unary("AveragePool", ints("kernel_shape", 3, 3), ints("pads", 1, 0, 1, 1), ints("strides", 2, 2), integer("count_include_pad", 1), integer("ceil_mode", 1))
		unary("GlobalAveragePool")
		unary("ReduceMean", ints("axes", -1, 2))
		unary("ReduceMean", ints("axes", 2, 3), integer("keepdims", 0))
		for _, op := range []string{"Relu", "Sigmoid", "Tanh", "LeakyRelu", "HardSigmoid", "Identity", "Flatten"} {
			unary(op)
		}
		unary("LeakyRelu", onnx.FloatAttribute("alpha", 0.3))
		unary("HardSigmoid", onnx.FloatAttribute("alpha", 0.7), onnx.FloatAttribute("beta", 0.1))
		unary("Flatten", integer("axis", 2))
		unary("Flatten", integer("axis", -1))
		unary("Flatten", integer("axis", 0))
		unary("Transpose")
		unary("Transpose", ints("perm", 0, 2, 3, 1))
		unary("Transpose", ints("perm", 0, 1, 3, 2))
		unary("Transpose", ints("perm", 3, 0, 2, 1))
		add("Squeeze Unsqueeze", []int64{batch, 4, 1, 1}, []constant{integers("at", -1, 2), integers("to", 1, -1)},
			node("Squeeze", []string{"image", "at"}, "s"), node("Unsqueeze", []string{"s", "to"}, "y"))
		for _, to := range [][]int64{{0, -1}, {-1, 11}, {batch, 2, 2, 0, -1}, {0, 0, 99}} {
			if len(to) == 5 { // a 0 copies the input's size at its own place
				to[3] = 9
			}
			add(fmt.Sprint("Reshape ", to), shape, []constant{integers("to", to...)}, node("Reshape", []string{"image", "to"}, "y"))
		}
		binary := func(op string, dims ...int64) {
			c := []constant{floats("var", dims...)}
			add(fmt.Sprint(op, dims), shape, c, node(op, []string{"image", "var"}, "y"))
			add(fmt.Sprint(op, dims, " reversed"), shape, c, node("Sigmoid", []string{"image"}, "s"), node(op, []string{"var", "s"}, "y"))
		}
		for _, op := range []string{"Add", "Sub", "Mul", "Div"} {
			binary(op, 4, 1, 1)
			binary(op)
			binary(op, batch, 4, 9, 11)
			binary(op, 1, 1, 9, 1)
			add(op+" of two", shape, nil, node("Sigmoid", []string{"image"}, "s"), node(op, []string{"image", "s"}, "y"))
			add(op+" with itself", shape, nil, node(op, []string{"image", "image"}, "y"))
			add(op+" of a map and its mean", shape, nil, node("GlobalAveragePool", []string{"image"}, "m"),
				node("Sigmoid", []string{"m"}, "s"), node(op, []string{"image", "s"}, "y"))
		}
		bound := func(name string, v float32) onnx.Node {
			return node("Constant", nil, name, onnx.TensorAttribute("value", onnx.NewFloat32s("", nil, []float32{v})))
		}
		add("Clip", shape, nil, bound("low", -0.5), bound("high", 0.7), node("Clip", []string{"image", "low", "high"}, "y"))
		add("Clip below", shape, nil, bound("low", 0.25), node("Clip", []string{"image", "low"}, "y"))
		add("Clip above", shape, nil, bound("high", 0.25), node("Clip", []string{"image", "", "high"}, "y"))
		add("Concat", shape, []constant{floats("w", 3, 4, 1, 1)}, node("Conv", []string{"image", "w"}, "c"),
			node("Concat", []string{"image", "c", "image"}, "y", integer("axis", 1)))
		slice := func(starts, ends, axes, steps []int64) {
			add(fmt.Sprint("Slice ", starts, ends, axes, steps), shape, []constant{integers("s", starts...), integers("e", ends...), integers("a", axes...), integers("t", steps...)},
				node("Slice", []string{"image", "s", "e", "a", "t"}, "y"))
		}
		slice([]int64{0, 0}, []int64{1 << 40, 1 << 40}, []int64{2, 3}, []int64{2, 2})
		slice([]int64{1, 2}, []int64{1 << 40, 9}, []int64{2, -1}, []int64{3, 2})
		slice([]int64{1}, []int64{-1}, []int64{1}, []int64{1})
		slice([]int64{-1}, []int64{-1 << 40}, []int64{1}, []int64{-2})
		slice([]int64{2, -6}, []int64{5, -1}, []int64{2, 3}, []int64{1, 1})
		slice([]int64{0, 4}, []int64{1, 5}, []int64{1, 2}, []int64{1, 1})
		pad := func(pads ...int64) {
			add(fmt.Sprint("Pad ", pads), shape, []constant{integers("p", pads...)}, node("Pad", []string{"image", "p"}, "y"))
		}
		pad(0, 2, 0, 0, 0, 3, 0, 0)
		pad(0, 0, 1, 2, 0, 0, 3, 0)
		pad(0, 1, 0, 1, 0, 0, 1, 0)
		flat := []int64{batch, 3, 2, 2}
		gemm := func(b, c []int64, attributes ...onnx.Attribute) {
			add(fmt.Sprint("Gemm ", b, c), flat, []constant{floats("b", b...), floats("c", c...)},
				node("Flatten", []string{"image"}, "f"), node("Gemm", []string{"f", "b", "c"}, "y", attributes...))
		}
		gemm([]int64{12, 5}, []int64{5})
		gemm([]int64{5, 12}, []int64{1, 5}, integer("transB", 1), onnx.FloatAttribute("alpha", 0.5), onnx.FloatAttribute("beta", 2))
		gemm([]int64{12, 1}, []int64{batch, 1})
		gemm([]int64{12, 5}, []int64{1})
		add("MatMul", flat, []constant{floats("b", 2, 6)}, node("MatMul", []string{"image", "b"}, "y"))
		add("shape arithmetic", flat, []constant{integers("zero", 0), integers("one", 1), integers("minus", -1)},
			node("Shape", []string{"image"}, "s"), node("Gather", []string{"s", "zero"}, "n", integer("axis", 0)),
			node("Gather", []string{"s", "one"}, "c"), node("Mul", []string{"c", "c"}, "cc"), node("Sub", []string{"cc", "c"}, "six"),
			node("Concat", []string{"n", "six", "minus"}, "to", integer("axis", 0)), node("Reshape", []string{"image", "to"}, "y"))
		// Results that share memory with what others still read.
		add("shared", shape, []constant{integers("to", batch, 396)}, node("Relu", []string{"image"}, "r"), node("Reshape", []string{"r", "to"}, "f"),
			node("Add", []string{"f", "f"}, "g"), node("Sigmoid", []string{"f"}, "h"), node("Mul", []string{"g", "h"}, "i"), node("Flatten", []string{"r"}, "j"), node("Sub", []string{"i", "j"}, "y"))
	}
	return list
}
