package flow

import (
	"math/rand/v2"
	"slices"
	"time"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// Timing says how long a flow takes for one batch: medians, so that a job can be sized by it.
type Timing struct {
	Train     time.Duration // one training step: forward, backward and Adam
	Score     time.Duration // the log-densities of one batch
	GemmTrain time.Duration // the matrix products of a training step alone, at the same shapes
	GemmScore time.Duration // the matrix products of scoring alone
}

// Measure times flows of the given shape on random rows, each figure over the given number of steps.
func Measure(cfg Config, batch, steps int) (Timing, error) {
	rng := rand.New(rand.NewPCG(1, initStream))
	f, err := newFlow(cfg, rng)
	if err != nil {
		return Timing{}, err
	}
	for i := range f.params { // gonum passes over zeros, which a trained flow has none of
		f.params[i] = float32(0.01 * rng.NormFloat64())
	}
	x := make([]float32, 8*batch*cfg.Dim)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	tr := newTrainer(f, Matrix(x, cfg.Dim), Options{Batch: batch})
	tr.noise = make([]float32, cfg.Dim)
	for j := range tr.noise {
		tr.noise[j] = float32(DefaultOptions().Noise)
	}
	one, logp := x[:batch*cfg.Dim], make([]float64, batch)
	g := newProducts(f, one)
	return Timing{
		Train:     median(steps, func() { _, _, _ = tr.step(1e-4, 100) }),
		Score:     median(steps, func() { _, err = f.LogProb(logp, one) }),
		GemmTrain: median(steps, func() { g.forward(); g.backward() }),
		GemmScore: median(steps, g.forward),
	}, err
}

// median returns the median time of steps calls, after three that are not counted.
func median(steps int, call func()) time.Duration {
	times := make([]time.Duration, steps)
	for i := range 3 + steps {
		start := time.Now()
		call()
		times[max(0, i-3)] = time.Since(start)
	}
	slices.Sort(times)
	return times[steps/2]
}

// products are the matrix products of a flow, on scratch memory: what its passes cannot be faster than.
type products struct {
	blocks []block
	n      int
	x      []float32 // n×d, what a linear map makes
	w, gw  []float32 // d×d, a linear map and its gradient
	y      []float32 // n×d
	grad   []float32 // n×d
	hid    []float32 // n×h
	out    []float32 // n×2m
	w1, w2 []float32
}

// newProducts begins with the rows y.
func newProducts(f *Flow, y []float32) *products {
	d, h, n := f.cfg.Dim, f.cfg.Hidden, rows(y, f.cfg.Dim)
	wide := d + 1 // 2m for the larger half of an odd d
	return &products{
		blocks: f.blocks, n: n,
		y: y, grad: make([]float32, n*d), hid: make([]float32, n*h), out: make([]float32, n*wide),
		x: make([]float32, n*d), w: make([]float32, d*d), gw: make([]float32, d*d),
		w1: make([]float32, d*h), w2: make([]float32, h*wide),
	}
}

func (p *products) forward() {
	for _, b := range p.blocks {
		if b.linear != nil {
			blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, matrix(p.y, p.n, b.d), matrix(p.w, b.d, b.d), 0, matrix(p.x, p.n, b.d))
		}
		hid := matrix(p.hid, p.n, b.h)
		blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, part(p.y, p.n, b.d, b.ao, b.a), matrix(b.w1, b.a, b.h), 0, hid)
		blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, hid, matrix(b.w2, b.h, 2*b.m), 0, matrix(p.out, p.n, 2*b.m))
	}
}

func (p *products) backward() {
	for _, b := range p.blocks {
		hid, out, ya := matrix(p.hid, p.n, b.h), matrix(p.out, p.n, 2*b.m), part(p.y, p.n, b.d, b.ao, b.a)
		blas32.Gemm(blas.Trans, blas.NoTrans, 1, hid, out, 0, matrix(p.w2, b.h, 2*b.m))
		blas32.Gemm(blas.NoTrans, blas.Trans, 1, out, matrix(b.w2, b.h, 2*b.m), 0, hid)
		blas32.Gemm(blas.Trans, blas.NoTrans, 1, ya, hid, 0, matrix(p.w1, b.a, b.h))
		blas32.Gemm(blas.NoTrans, blas.Trans, 1, hid, matrix(b.w1, b.a, b.h), 1, part(p.grad, p.n, b.d, b.ao, b.a))
		if b.linear != nil {
			grad := matrix(p.grad, p.n, b.d)
			blas32.Gemm(blas.Trans, blas.NoTrans, 1, matrix(p.y, p.n, b.d), grad, 0, matrix(p.gw, b.d, b.d))
			blas32.Gemm(blas.NoTrans, blas.Trans, 1, grad, matrix(p.w, b.d, b.d), 0, matrix(p.x, p.n, b.d))
		}
	}
}
