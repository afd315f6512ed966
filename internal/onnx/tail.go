package onnx

import (
	"fmt"
	"slices"
)

// tail follows a layer's output forward along its route for as long as it
// stays the layer's scores: one vector per image, or a map of such vectors
// that is pooled on the way.
type tail struct {
	m     *Model
	route *route

	logits string // the tensor reached
	rank   int    // its rank, 0 where unknown
	class  int    // its axis of classes
	open   []int  // its axes over places of the map that are not pooled yet

	linear bool   // still W·x + b of the layer's input, up to pooling
	pooled bool   // the map was pooled on the way
	folds  []fold // what was added or multiplied since the layer
	why    []string
}

// follow runs along the route and fails where no vector per image comes out.
func (m *Model) follow(r *route) (*tail, error) {
	t := &tail{m: m, route: r, logits: r.layer.out, rank: r.layer.rank, class: r.layer.channel, linear: r.layer.exact}
	x := m.facts.shape[r.layer.in]
	for a := 1; a < t.rank; a++ {
		if a != t.class && (len(x) != t.rank || x[a] != 1) {
			t.open = append(t.open, a)
		}
	}
	for range maxRoute {
		n := r.next(m, t.logits)
		if n == nil {
			break
		}
		if !t.step(n) {
			t.note("%v comes after the logits and is left out", n)
			break
		}
	}
	if len(t.open) > 0 {
		return nil, fmt.Errorf("%v works on every place of a map, which is not pooled to one vector per image", r.layer)
	}
	if s := m.facts.shape[r.output]; !vectorLike(s) {
		return nil, fmt.Errorf("it has shape %s, not one vector per image", FormatShape(s, nil))
	}
	return t, nil
}

// vectorLike reports whether a shape is, or may be, one vector per image.
func vectorLike(shape []int64) bool {
	wide := 0
	for i, d := range shape {
		if i > 0 && d != 1 {
			wide++
		}
	}
	return wide <= 1
}

func (t *tail) note(format string, args ...any) { t.why = append(t.why, fmt.Sprintf(format, args...)) }

// isVector reports whether one vector per image has been reached.
func (t *tail) isVector() bool { return len(t.open) == 0 }

// step moves over one node; false leaves the logits where they are.
func (t *tail) step(n *Node) bool {
	moved := false
	switch n.Op {
	case "Identity":
		moved = true
	case "Dropout":
		moved = !t.m.trains(n) || t.bend(n)
	case "Cast":
		to := DType(n.Int("to", 0))
		moved = to.IsFloat()
	case "Add", "Sub", "Mul", "Div":
		moved = t.elementwise(n)
	case "BatchNormalization":
		moved = t.batchNorm(n)
	case "Flatten", "Reshape", "Squeeze", "Unsqueeze":
		moved = t.reshape(n)
	case "Transpose":
		moved = t.transpose(n)
	case "GlobalAveragePool", "GlobalMaxPool":
		moved = t.globalPool(n)
	case "AveragePool":
		moved = t.averagePool(n)
	case "ReduceMean", "ReduceMax", "ReduceSum":
		moved = t.reduce(n)
	case "DequantizeLinear":
		moved = !t.route.layer.exact || t.bend(n)
	default:
		moved = t.bend(n)
	}
	if moved {
		t.logits = n.Outputs[0]
	}
	return moved
}

// bend passes a nonlinearity, which only a map of scores may meet before the
// logits: SqueezeNet's ReLU between convolution and pooling.
func (t *tail) bend(n *Node) bool {
	if t.isVector() || !sameShape[n.Op] {
		return false
	}
	t.linear = false
	t.note("%v stands between the layer and the pooling: the logits are not linear in the features", n)
	return true
}

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
		return t.reshapeVector(shape)
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

// globalPool pools every axis after the second.
func (t *tail) globalPool(n *Node) bool {
	if t.isVector() {
		return true
	}
	if t.class != 1 {
		return false
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
	if t.isVector() {
		return true
	}
	if t.class != 1 || len(in) != t.rank || len(out) != t.rank {
		return false
	}
	kernel := n.Ints("kernel_shape")
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
