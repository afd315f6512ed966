package onnx

import "slices"

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
