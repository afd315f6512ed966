package onnx

import "slices"

// transpose moves the axes; the batch must stay in front.
func (t *tail) transpose(n *Node) bool {
	perm := n.Ints("perm")
	if t.rank == 0 || len(perm) != t.rank || perm[0] != 0 {
		return false
	}
	t.class = slices.Index(perm, int64(t.class))
	for i, a := range t.open {
		t.open[i] = slices.Index(perm, int64(a))
	}
	slices.Sort(t.open)
	return t.class > 0
}

// reshape drops or joins axes. A map must keep its axis of classes, or turn
// out to be a single place.
func (t *tail) reshape(n *Node) bool {
	shape, classes := t.m.facts.shape[n.Outputs[0]], t.route.layer.classes
	switch {
	case len(shape) < 2:
		return false
	case t.isVector():
		t.split = !t.reshapeVector(shape)
		return !t.split
	case n.Op == "Squeeze" && t.squeezesOpen(n), len(shape) == 2 && t.isScores(shape):
		t.note("%v shows that the map has one place", n)
		t.rank, t.class, t.open = len(shape), 1, nil
		return true
	case t.class == 1 && len(shape) == 3 && shape[1] == classes:
		t.rank, t.open = 3, []int{2}
		return true
	}
	return false
}

// reshapeVector finds the axis of classes after a reshape of single vectors.
func (t *tail) reshapeVector(shape []int64) bool {
	classes := t.route.layer.classes
	at := 0
	for i := 1; i < len(shape); i++ {
		switch {
		case at == 0 && (shape[i] == classes || len(shape) == 2 && shape[i] < 0):
			at = i
		case shape[i] != 1:
			return false
		}
	}
	if at == 0 {
		return false
	}
	t.rank, t.class = len(shape), at
	return true
}

// isScores reports whether a flattened map has as many elements as there are
// classes: by its own shape, or by that of the output, which comes after it
// unchanged.
func (t *tail) isScores(shape []int64) bool {
	classes := t.route.layer.classes
	if shape[1] >= 0 {
		return shape[1] == classes
	}
	end := t.m.facts.shape[t.route.output]
	return len(end) == 2 && end[1] == classes
}

// squeezesOpen reports whether a Squeeze removes every open axis.
func (t *tail) squeezesOpen(n *Node) bool {
	axes, ok := t.m.facts.axesOf(n, 1, t.rank)
	if !ok || axes == nil {
		return false
	}
	for _, a := range t.open {
		if !slices.Contains(axes, a) {
			return false
		}
	}
	return true
}

// drop renumbers the axes after some are removed.
func (t *tail) drop(axes []int) {
	slices.Sort(axes)
	axes = slices.Compact(axes)
	t.class = renumberAxis(t.class, axes)
	for i, a := range t.open {
		t.open[i] = renumberAxis(a, axes)
	}
	t.rank -= len(axes)
}

// renumberAxis is the place of axis a once the others are gone.
func renumberAxis(a int, gone []int) int {
	place := a
	for _, g := range gone {
		if g < a {
			place--
		}
	}
	return place
}
