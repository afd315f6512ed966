package flow

import (
	"errors"
	"fmt"
	"math"
)

// Tensor is a named part of a flow's state: float32 or float64 numbers, the other slice is nil.
type Tensor struct {
	Name  string
	Shape []int
	F32   []float32
	F64   []float64
}

// State returns the numbers that, with Config, make up the flow. The slices are the flow's own: do not change them.
//
//	flow.params         F32 [p]     learned parameters: each block's log-scale, shift, W1, b1, W2, b2; then the base's means.
//	                                In a Glow, LU [d,d] follows shift: L below the diagonal, log |u_ii| on it, U above
//	flow.linear         F32 [K,2,d] in a Glow, each block's P and signs of u_ii: row i of W is row P_i of LU
//	flow.base.weights   F64 [C]     log π_c, with a mixture base
//	flow.whiten.mean    F32 [d]     with whitening
//	flow.whiten.matrix  F32 [d,d]   M of z = (x − mean) M, upper triangular
//	flow.whiten.inverse F32 [d,d]
//	flow.whiten.logdet  F64 [1]     log |det M|
func (f *Flow) State() []Tensor {
	state := f.cfg.State()
	for i := range state {
		t := &state[i]
		switch t.Name {
		case "flow.params":
			t.F32 = f.params
		case "flow.linear":
			t.F32 = f.fixed
		case "flow.base.weights":
			t.F64 = f.base.(*mixture).logWeight
		case "flow.whiten.mean":
			t.F32 = f.whiten.mean
		case "flow.whiten.matrix":
			t.F32 = f.whiten.m
		case "flow.whiten.inverse":
			t.F32 = f.whiten.inv
		case "flow.whiten.logdet":
			t.F64 = f.whiten.logdet[:]
		}
	}
	return state
}

// State returns the names and shapes of the tensors of a flow with this configuration, without numbers, so that a
// reader can hold them against a file before it allocates anything.
func (c Config) State() []Tensor {
	t := []Tensor{{Name: "flow.params", Shape: []int{c.params()}}}
	if c.Arch == ArchGlow {
		t = append(t, Tensor{Name: "flow.linear", Shape: []int{c.Layers, 2, c.Dim}})
	}
	if c.Classes > 0 {
		t = append(t, Tensor{Name: "flow.base.weights", Shape: []int{c.Classes}})
	}
	if c.Whiten != WhitenNone {
		t = append(t,
			Tensor{Name: "flow.whiten.mean", Shape: []int{c.Dim}},
			Tensor{Name: "flow.whiten.matrix", Shape: []int{c.Dim, c.Dim}},
			Tensor{Name: "flow.whiten.inverse", Shape: []int{c.Dim, c.Dim}},
			Tensor{Name: "flow.whiten.logdet", Shape: []int{1}})
	}
	return t
}

// Restore returns the flow of a configuration and a state. read fills t.F32 or t.F64, whichever is not nil and as long
// as it is, from where State's tensors were kept. Numbers that are not finite are an error.
func Restore(cfg Config, read func(t Tensor) error) (*Flow, error) {
	f, err := layout(cfg)
	if err != nil {
		return nil, err
	}
	for _, t := range f.State() {
		if err := read(t); err != nil {
			return nil, err
		}
		if !allFinite(t.F32) || !allFinite(t.F64) {
			return nil, fmt.Errorf("%s holds a number that is not finite", t.Name)
		}
	}
	return f, errors.Join(f.checkLinear(), f.checkWeights())
}

// checkLinear refuses linear maps that are none.
func (f *Flow) checkLinear() error {
	for _, b := range f.blocks {
		if b.linear != nil {
			if err := b.linear.check(); err != nil {
				return err
			}
		}
	}
	return nil
}

func allFinite[T float32 | float64](x []T) bool {
	for _, v := range x {
		if v-v != 0 {
			return false
		}
	}
	return true
}

// checkWeights refuses mixture weights that do not sum to one.
func (f *Flow) checkWeights() error {
	m, ok := f.base.(*mixture)
	if !ok {
		return nil
	}
	var sum float64
	for _, w := range m.logWeight {
		sum += math.Exp(w)
	}
	if math.Abs(sum-1) > 1e-6 {
		return fmt.Errorf("flow.base.weights sum to %v, not 1", sum)
	}
	return nil
}
