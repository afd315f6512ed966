package flow

import (
	"math"

	"github.com/oodflow/oodflow/internal/blas"
	"github.com/oodflow/oodflow/internal/kernel"
)

// adam is the optimiser of Kingma & Ba (arXiv:1412.6980) over one flat parameter slice.
type adam struct {
	m, v   []float32 // first and second moments
	beta1t float64   // β₁^t
	beta2t float64   // β₂^t

	p, g []float32 // of the step that is being taken
	now  kernel.AdamStep
}

// The constants are the paper's own.
const (
	beta1   = 0.9
	beta2   = 0.999
	epsilon = 1e-8
)

func newAdam(n int) *adam {
	return &adam{m: make([]float32, n), v: make([]float32, n), beta1t: 1, beta2t: 1}
}

// reset forgets the moments.
func (a *adam) reset() {
	clear(a.m)
	clear(a.v)
	a.beta1t, a.beta2t = 1, 1
}

// step moves p against scale·g by the learning rate; scale is what gradient clipping left of the gradient.
func (a *adam) step(p, g []float32, rate float64, scale float32) {
	a.beta1t *= beta1
	a.beta2t *= beta2
	a.p, a.g = p, g
	a.now = kernel.AdamStep{
		Scale: scale, Beta1: beta1, Beta2: beta2, Epsilon: epsilon,
		Rate: float32(rate / (1 - a.beta1t)),
		Norm: float32(1 / math.Sqrt(1-a.beta2t)),
	}
	blas.Parallel((len(p)+adamPart-1)/adamPart, a)
	a.p, a.g = nil, nil
}

// adamPart is the number of parameters that are moved together.
const adamPart = 1 << 15

// Part moves the i-th group of parameters.
func (a *adam) Part(i int) {
	lo, hi := i*adamPart, min((i+1)*adamPart, len(a.p))
	kernel.Adam(a.p[lo:hi], a.g[lo:hi], a.m[lo:hi], a.v[lo:hi], a.now)
}

// clip returns the factor that bounds the norm of a gradient by limit.
func clip(norm, limit float64) float32 {
	if norm <= limit {
		return 1
	}
	return float32(limit / norm)
}
