package onnx

import "fmt"

// layer is a linear layer of the graph: a node that multiplies its input by
// a weight that does not depend on the image.
type layer struct {
	node         *Node
	index        int    // of the node
	in, out      string // tensors
	weight       string
	bias         string // read by the node itself; "" if none
	classes, dim int64
	rowsAreDims  bool // the weight is dim×classes, not classes×dim
	alpha, beta  float32
	exact        bool // the node computes W·x + b in floating point
	rank         int  // of the input, 0 where unknown
	channel      int  // axis that the layer works along
}

// asLayer returns the linear layer that a node is, nil if it is none.
func (m *Model) asLayer(index int) *layer {
	n := &m.Nodes[index]
	if len(n.Outputs) == 0 || n.Outputs[0] == "" || m.facts.fixed[n.Outputs[0]] {
		return nil
	}
	l := &layer{node: n, index: index, in: n.Input(0), out: n.Outputs[0], weight: n.Input(1), alpha: 1, beta: 1, exact: true}
	ok := false
	switch {
	case n.Domain != "" && n.Domain != "com.microsoft":
	case n.Op == "Gemm":
		ok = m.gemmLayer(l)
	case n.Op == "MatMul" || n.Op == "MatMulInteger":
		ok = m.matmulLayer(l)
	case n.Op == "Conv":
		ok = m.convLayer(l)
	case n.Op == "QLinearMatMul" || n.Op == "QGemm" || n.Op == "QLinearConv":
		ok = m.quantizedLayer(l)
	}
	if !ok || l.classes <= 0 || l.dim <= 0 {
		return nil
	}
	return l
}

// gemmLayer reads alpha·x·W' + beta·b. Where Gemm transposes x, its features
// are what the Transpose before it read.
func (m *Model) gemmLayer(l *layer) bool {
	w := m.facts.shape[l.weight]
	if !m.facts.fixed[l.weight] || len(w) != 2 {
		return false
	}
	l.bias, l.rank, l.channel = l.node.Input(2), 2, 1
	l.alpha, l.beta = l.node.Float("alpha", 1), l.node.Float("beta", 1)
	l.rowsAreDims = l.node.Int("transB", 0) == 0
	l.classes, l.dim = w[0], w[1]
	if l.rowsAreDims {
		l.dim, l.classes = w[0], w[1]
	}
	if l.node.Int("transA", 0) != 0 {
		t := m.ProducerOf(l.in)
		if t == nil || t.Op != "Transpose" {
			return false
		}
		l.in = t.Input(0)
	}
	return true
}

// matmulLayer reads x·W with the weight on the right, as one matrix.
func (m *Model) matmulLayer(l *layer) bool {
	w := m.facts.shape[l.weight]
	if !m.facts.fixed[l.weight] || len(w) < 2 || product(w[:len(w)-2]) != 1 {
		return false
	}
	l.rowsAreDims = true
	l.dim, l.classes = w[len(w)-2], w[len(w)-1]
	if x := m.facts.shape[l.in]; x != nil {
		if len(x) < 2 {
			return false // no batch
		}
		l.rank, l.channel = len(x), len(x)-1
	}
	if len(w) > max(l.rank, 2) {
		return false // the product has more axes than the input
	}
	if l.node.Op == "MatMulInteger" {
		l.exact = false
		return m.floatInput(l)
	}
	return true
}

// convLayer reads a convolution whose kernel is one pixel wide: a linear
// layer at each place of the map.
func (m *Model) convLayer(l *layer) bool {
	w := m.facts.shape[l.weight]
	if !m.facts.fixed[l.weight] || len(w) < 3 || product(w[2:]) != 1 || l.node.Int("group", 1) != 1 {
		return false
	}
	for _, s := range l.node.Ints("strides") {
		if s != 1 {
			return false
		}
	}
	for _, p := range l.node.Ints("pads") {
		if p != 0 {
			return false
		}
	}
	l.bias, l.rank, l.channel = l.node.Input(2), len(w), 1
	l.classes, l.dim = w[0], w[1]
	return true
}

// quantizedLayer reads the layers of 8-bit models, whose features are the
// floating-point tensor that was quantized for them.
func (m *Model) quantizedLayer(l *layer) bool {
	l.weight, l.exact = l.node.Input(3), false
	w := m.facts.shape[l.weight]
	switch {
	case !m.facts.fixed[l.weight] || len(w) < 2:
		return false
	case l.node.Op == "QLinearConv":
		if product(w[2:]) != 1 || len(w) < 3 {
			return false
		}
		l.classes, l.dim, l.rank, l.channel = w[0], w[1], len(w), 1
	case l.node.Op == "QGemm" && l.node.Int("transB", 0) != 0:
		l.classes, l.dim, l.rank, l.channel = w[0], w[1], 2, 1
	default:
		l.dim, l.classes, l.rank, l.channel = w[len(w)-2], w[len(w)-1], 2, 1
	}
	return m.floatInput(l)
}

// floatInput moves a quantized layer's input back to the tensor that was
// quantized; it fails where there is none close by.
func (m *Model) floatInput(l *layer) bool {
	for range maxChain {
		n := m.ProducerOf(l.in)
		if n == nil {
			return false
		}
		l.in = n.Input(0)
		switch n.Op {
		case "QuantizeLinear", "DynamicQuantizeLinear":
			return true
		case "Flatten", "Reshape", "Squeeze", "Identity", "Dropout":
		default:
			return false
		}
	}
	return false
}

// inputType is the element type of what a layer reads, which must be that of
// its weight; a quantized layer's input is the float32 before quantization.
func (m *Model) inputType(l *layer) DType {
	if !l.exact {
		return Float
	}
	return m.fixedType(l.weight)
}

// fixedType is the element type of a constant, 0 where the graph computes it
// in ways that are not followed.
func (m *Model) fixedType(tensor string) DType {
	for range maxChain {
		if t := m.constants[tensor]; t != nil {
			return t.Type
		}
		n := m.ProducerOf(tensor)
		if n == nil {
			break
		}
		tensor = n.Input(0)
		switch n.Op {
		case "Cast":
			return DType(n.Int("to", 0))
		case "DequantizeLinear":
			tensor = n.Input(1) // the scale has the type of the result
		}
	}
	return 0
}

// String is the layer as "Gemm /fc/Gemm (64 to 10)", for messages.
func (l *layer) String() string {
	return fmt.Sprintf("%v (%d to %d)", l.node, l.dim, l.classes)
}

// weights returns W as classes×dim with alpha applied and b with beta.
func (m *Model) weights(l *layer) (w []float32, b []float64, err error) {
	x, err := m.evaluate(l.weight)
	if err != nil {
		return nil, nil, err
	}
	if int64(len(x.data)) != l.classes*l.dim {
		return nil, nil, fmt.Errorf("weight %q has %d elements, not %d×%d", l.weight, len(x.data), l.classes, l.dim)
	}
	w = x.data
	if l.rowsAreDims {
		t, err := array{[]int64{l.dim, l.classes}, x.data}.transpose(nil)
		if err != nil {
			return nil, nil, err
		}
		w = t.data
	}
	if l.alpha != 1 {
		for i := range w {
			w[i] *= l.alpha
		}
	}
	b = make([]float64, l.classes)
	if l.bias == "" {
		return w, b, nil
	}
	bias, err := m.evaluate(l.bias)
	if err != nil {
		return nil, nil, err
	}
	v, ok := bias.alongLast(l.classes)
	if !ok {
		return nil, nil, fmt.Errorf("bias %q of shape %v is %w", l.bias, bias.dims, errComputed)
	}
	for i := range b {
		b[i] = float64(l.beta) * float64(v(i))
	}
	return w, b, nil
}

// alongLast reads an array that is broadcast along the last axis of size n:
// every other axis must be 1.
func (x array) alongLast(n int64) (at func(i int) float32, ok bool) {
	switch {
	case len(x.data) == 1:
		return func(int) float32 { return x.data[0] }, true
	case len(x.dims) > 0 && x.dims[len(x.dims)-1] == n && int64(len(x.data)) == n:
		return func(i int) float32 { return x.data[i] }, true
	}
	return nil, false
}
