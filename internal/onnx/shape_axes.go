package onnx

import "slices"

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

// argShape is the shape of the places of the greatest or least elements.
func argShape(x []int64, n *Node) []int64 {
	axis, ok := axisOf(n.Int("axis", 0), len(x))
	if !ok {
		return nil
	}
	out := slices.Clone(x)
	if out[axis] = 1; n.Int("keepdims", 1) == 0 {
		out = slices.Delete(out, axis, axis+1)
	}
	return out
}
