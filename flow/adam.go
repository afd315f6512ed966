package flow

import "math"

// adam is the optimiser of Kingma & Ba (arXiv:1412.6980) over one flat parameter slice.
type adam struct {
	m, v   []float32 // first and second moments
	beta1t float64   // β₁^t
	beta2t float64   // β₂^t
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
	lr := float32(rate / (1 - a.beta1t))
	norm := float32(1 / math.Sqrt(1-a.beta2t))
	for i, x := range g {
		x *= scale
		m := beta1*a.m[i] + (1-beta1)*x
		v := beta2*a.v[i] + (1-beta2)*x*x
		a.m[i], a.v[i] = m, v
		p[i] -= lr * m / (float32(math.Sqrt(float64(v)))*norm + epsilon)
	}
}

// clip returns the factor that bounds the norm of g by limit, and that norm.
func clip(g []float32, limit float64) (scale float32, norm float64) {
	norm = math.Sqrt(sumSquares(g))
	if norm <= limit {
		return 1, norm
	}
	return float32(limit / norm), norm
}
