package flow

import (
	"fmt"
	"math"
	"sync"

	G "gorgonia.org/gorgonia"

	"github.com/oodflow/oodflow/internal/blas"
)

// graph is the engine that evaluates the model with gorgonia. The expression is built, differentiated and compiled once;
// a step copies the batch and the parameters into it and the gradient out of it.
type graph struct {
	f      *Flow
	grad   []float32
	x      []float64 // n×d, what the expression sees of the batch
	params []float64 // and of Flow.params
	vm     G.VM
	nll    G.Value   // of the last run
	grads  []G.Value // likewise, one for each parameter of the expression, in the order of Flow.params
}

// useBLAS gives gorgonia the BLAS that everything else computes with.
var useBLAS = sync.OnceFunc(func() { G.Use(blas.Split()) })

func newGraph(f *Flow, n int, grad []float32) *graph {
	useBLAS()
	e := &graph{f: f, grad: grad, x: make([]float64, n*f.cfg.Dim), params: make([]float64, len(f.params))}
	m := newModel(n, e.params)
	nll := m.nll(f, m.matrix("x", n, f.cfg.Dim, e.x))
	grads, err := G.Grad(nll.Node, m.params...)
	if err != nil {
		panic(fmt.Sprintf("flow: differentiate the model: %v", err)) // whatever the numbers, it is the same expression
	}
	G.Read(nll.Node, &e.nll)
	e.grads = make([]G.Value, len(grads))
	for i, g := range grads {
		G.Read(g, &e.grads[i])
	}
	e.vm = G.NewTapeMachine(m.g)
	return e
}

// gradient implements engine.
func (e *graph) gradient(x []float32) (nll, norm float64) {
	if len(x) != len(e.x) {
		panic("flow: a batch of another size")
	}
	widen(e.x, x)
	widen(e.params, e.f.params)
	e.vm.Reset()
	if err := e.vm.RunAll(); err != nil {
		panic(fmt.Sprintf("flow: evaluate the model: %v", err))
	}
	rest, square := e.grad, 0.0
	for _, g := range e.grads {
		v := g.Data().([]float64)
		for i, w := range v {
			rest[i] = float32(w)
			square += float64(rest[i]) * float64(rest[i])
		}
		rest = rest[len(v):]
	}
	return e.nll.Data().(float64), math.Sqrt(square)
}

// widen writes x to dst, which is allocated if nil, and returns it.
func widen(dst []float64, x []float32) []float64 {
	if dst == nil {
		dst = make([]float64, len(x))
	}
	for i, v := range x {
		dst[i] = float64(v)
	}
	return dst
}
