package onnx

import "slices"

// outputInts follows the small integer tensors that exporters compute shapes
// with; nil where it cannot. An element that is not known is unknownInt.
func (f *facts) outputInts(n *Node, shape []int64) []int64 {
	if n.Op == "Shape" {
		if x, ok := f.shape[n.Input(0)]; ok && n.Attribute("start") == nil && n.Attribute("end") == nil {
			return sizesAsInts(x)
		}
		return nil
	}
	if n.Op == "Concat" {
		return f.concatInts(n)
	}
	x, ok := f.ints[n.Input(0)]
	if !ok {
		return unknownInts(n, shape)
	}
	switch n.Op {
	case "Identity", "Unsqueeze", "Squeeze", "Cast", "Reshape":
		return x
	case "Gather":
		return f.gatherInts(x, n)
	case "Slice":
		return f.sliceInts(x, n)
	}
	return unknownInts(n, shape)
}

// unknownInts is for values that are computed: as many unknowns as the
// output has elements, so that a rank can still be counted.
func unknownInts(n *Node, shape []int64) []int64 {
	switch n.Op {
	case "Unsqueeze", "Gather", "Mul", "Add", "Sub", "Div", "Cast", "Floor", "Squeeze":
		if c := product(shape); shape != nil && len(shape) <= 1 && c >= 0 && c <= maxInts {
			return slices.Repeat([]int64{unknownInt}, int(c))
		}
	}
	return nil
}

func sizesAsInts(shape []int64) []int64 {
	out := slices.Clone(shape)
	for i, d := range out {
		if d < 0 {
			out[i] = unknownInt
		}
	}
	return out
}

func (f *facts) concatInts(n *Node) []int64 {
	out := []int64{}
	for _, in := range n.Inputs {
		v, ok := f.ints[in]
		if !ok || len(out)+len(v) > maxInts {
			return nil
		}
		out = append(out, v...)
	}
	return out
}

func (f *facts) gatherInts(x []int64, n *Node) []int64 {
	index, ok := f.ints[n.Input(1)]
	if !ok {
		return nil
	}
	out := make([]int64, len(index))
	for i, k := range index {
		if k < 0 && k != unknownInt {
			k += int64(len(x))
		}
		if k < 0 || k >= int64(len(x)) {
			return nil
		}
		out[i] = x[k]
	}
	return out
}

func (f *facts) sliceInts(x []int64, n *Node) []int64 {
	axes, starts, ends, steps, ok := f.sliceParams(n, 1)
	if !ok || len(axes) != 1 || len(starts) != 1 || len(ends) != 1 || len(steps) != 1 || steps[0] != 1 ||
		starts[0] == unknownInt || ends[0] == unknownInt {
		return nil
	}
	clamp := func(v int64) int64 {
		if v < 0 {
			v += int64(len(x))
		}
		return min(max(v, 0), int64(len(x)))
	}
	from, to := clamp(starts[0]), clamp(ends[0])
	return x[from:max(from, to)]
}
