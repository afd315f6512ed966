package onnx

import "slices"

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

// padsOf reads what a Pad adds, at the beginning of each axis and then at
// the end of each; nil where it is not known.
func (f *facts) padsOf(n *Node) []int64 {
	if pads := n.Ints("pads"); pads != nil {
		return pads
	}
	return f.ints[n.Input(1)]
}

// padsNothing reports whether a Pad is one of those that PyTorch writes
// before a pooling that counts its padding, even where there is none.
func (f *facts) padsNothing(n *Node) bool {
	pads := f.padsOf(n)
	return pads != nil && !slices.ContainsFunc(pads, func(p int64) bool { return p != 0 })
}

// padShape adds the padding, where it is given for every axis.
func (f *facts) padShape(x []int64, n *Node) []int64 {
	pads := f.padsOf(n)
	switch {
	case f.padsNothing(n):
		return x
	case len(pads) != 2*len(x) || slices.Contains(pads, unknownInt):
		return unknownDims(len(x))
	}
	out := slices.Clone(x)
	for i := range out {
		if out[i] >= 0 {
			out[i] = max(0, out[i]+pads[i]+pads[i+len(x)])
		}
	}
	return out
}
