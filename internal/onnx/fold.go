package onnx

import (
	"fmt"
	"math"
)

// fold is an operation with constants after the layer that keeps the logits
// linear in its input: W and b take it up.
type fold struct {
	node      *Node
	constant  string // of Add, Sub, Mul, Div
	swapped   bool   // the constant is the first operand
	rank, dim int    // of the tensor it works on, and its axis of classes
}

// elementwise passes a bias, a scale or a temperature that is the same at
// every place of the map.
func (t *tail) elementwise(n *Node) bool {
	f := fold{node: n, rank: t.rank, dim: t.class, constant: n.Input(1)}
	if n.Input(0) != t.logits {
		f.constant, f.swapped = n.Input(0), true
	}
	fixed := t.m.facts.fixed[f.constant]
	switch {
	case !fixed && !t.route.layer.exact && n.Op == "Mul":
		return true // the scale of a dynamically quantized layer
	case !fixed, n.Op == "Div" && f.swapped:
		return false
	}
	if f.fits(t.m.facts.shape[f.constant], t.route.layer.classes) {
		t.folds = append(t.folds, f)
		return true
	}
	if t.isVector() {
		return false
	}
	t.linear = false
	t.note("%v differs from place to place: the logits are not linear in the features", n)
	return true
}

// fits reports whether a constant's shape is broadcast along the axis of
// classes only.
func (f *fold) fits(shape []int64, classes int64) bool {
	if shape == nil {
		return false
	}
	if product(shape) == 1 && len(shape) <= max(f.rank, 1) {
		return true
	}
	skip := f.rank - len(shape)
	if f.rank == 0 { // unknown: only a plain vector is safe
		return len(shape) == 1 && shape[0] == classes
	}
	if skip < 0 {
		return false
	}
	for i, d := range shape {
		if d != 1 && (skip+i != f.dim || d != classes) {
			return false
		}
	}
	return true
}

// batchNorm passes a BatchNormalization with its running statistics.
func (t *tail) batchNorm(n *Node) bool {
	if t.m.trains(n) || t.class != 1 {
		return t.bend(n)
	}
	t.folds = append(t.folds, fold{node: n, rank: t.rank, dim: t.class})
	return true
}

// apply takes the fold up in W, classes×dim, and b.
func (f *fold) apply(m *Model, w []float32, b []float64) error {
	if f.node.Op == "BatchNormalization" {
		return f.applyNorm(m, w, b)
	}
	at, err := m.perClass(f.constant, len(b))
	if err != nil {
		return err
	}
	for c := range b {
		v := float64(at(c))
		switch {
		case f.node.Op == "Add":
			b[c] += v
		case f.node.Op == "Sub" && f.swapped:
			b[c] = v - b[c]
			scaleRow(w, c, len(b), -1)
		case f.node.Op == "Sub":
			b[c] -= v
		case f.node.Op == "Mul":
			b[c] *= v
			scaleRow(w, c, len(b), v)
		default: // Div
			b[c] /= v
			scaleRow(w, c, len(b), 1/v)
		}
	}
	return nil
}

// applyNorm is (x − mean)/√(var + ε)·scale + shift.
func (f *fold) applyNorm(m *Model, w []float32, b []float64) error {
	var at [4]func(int) float32 // scale, shift, mean, variance
	for i := range at {
		var err error
		if at[i], err = m.perClass(f.node.Input(i+1), len(b)); err != nil {
			return err
		}
	}
	epsilon := float64(f.node.Float("epsilon", 1e-5))
	for c := range b {
		s := float64(at[0](c)) / math.Sqrt(float64(at[3](c))+epsilon)
		b[c] = (b[c]-float64(at[2](c)))*s + float64(at[1](c))
		scaleRow(w, c, len(b), s)
	}
	return nil
}

// scaleRow multiplies row c of n in w.
func scaleRow(w []float32, c, n int, by float64) {
	d := len(w) / n
	for i := c * d; i < (c+1)*d; i++ {
		w[i] = float32(float64(w[i]) * by)
	}
}

// perClass reads a constant that has one value for all classes or one each.
func (m *Model) perClass(tensor string, classes int) (at func(int) float32, err error) {
	x, err := m.evaluate(tensor)
	switch {
	case err != nil:
		return nil, err
	case len(x.data) == 1:
		return func(int) float32 { return x.data[0] }, nil
	case len(x.data) == classes:
		return func(c int) float32 { return x.data[c] }, nil
	}
	return nil, fmt.Errorf("%q has shape %v, not one value for each of %d classes", tensor, x.dims, classes)
}
