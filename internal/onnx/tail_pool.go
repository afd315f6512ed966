package onnx

import "slices"

// globalPool pools every axis after the second.
func (t *tail) globalPool(n *Node) bool {
	switch {
	case t.class != 1:
		return false
	case t.isVector():
		return true
	}
	t.close(n, n.Op == "GlobalAveragePool")
	return true
}

// close ends the map; mean says whether by its mean.
func (t *tail) close(n *Node, mean bool) {
	t.open, t.pooled = nil, true
	if !mean {
		t.linear = false
		t.note("%v pools the map of scores otherwise than by its mean: the logits are not linear in the features", n)
	}
}

// averagePool pools globally when the window covers the map. Where the sizes
// are not known, it must turn out later that one place is left.
func (t *tail) averagePool(n *Node) bool {
	in, out := t.m.facts.shape[n.Input(0)], t.m.facts.shape[n.Outputs[0]]
	kernel := n.Ints("kernel_shape")
	if t.class != 1 || t.isVector() || len(in) != t.rank || len(out) != t.rank || len(kernel) != t.rank-2 {
		return false
	}
	covers := true
	for _, p := range n.Ints("pads") {
		covers = covers && p == 0
	}
	for i, k := range kernel {
		covers = covers && in[2+i] == k
	}
	if product(out[2:]) == 1 {
		t.close(n, covers)
		return true
	}
	t.pooled = true
	if t.linear {
		t.linear = false
		t.note("whether %v covers the map is not known: the logits may not be linear in the features", n)
	}
	return true
}

// reduce pools over axes that are named.
func (t *tail) reduce(n *Node) bool {
	axes, ok := t.m.facts.axesOf(n, 1, t.rank)
	if !ok || len(axes) == 0 || slices.Contains(axes, 0) || slices.Contains(axes, t.class) {
		return false
	}
	wasOpen := !t.isVector()
	t.open = slices.DeleteFunc(t.open, func(a int) bool { return slices.Contains(axes, a) })
	if n.Int("keepdims", 1) == 0 {
		t.drop(axes)
	}
	if wasOpen {
		t.pooled = true
		if n.Op != "ReduceMean" {
			t.linear = false
			t.note("%v pools the map of scores otherwise than by its mean: the logits are not linear in the features", n)
		}
	}
	return true
}
