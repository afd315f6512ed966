package flow

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas"
)

// base is the density of the latent z.
type base interface {
	// logProb writes log p_Z(z_i) in nats for each row of z (n×d).
	logProb(dst []float64, z []float32, t *tape)
	// backward writes ∂/∂z of the mean negative log-likelihood to grad (n×d) and adds its parameters' gradients to g,
	// which is laid out like the base's own parameters. It follows logProb on the same z and tape.
	backward(grad, z []float32, n int, t *tape, g []float32)
	// sample draws n rows.
	sample(n int, rng *rand.Rand) []float32
}

func newBase(c Config, params []float32) base {
	if c.Classes == 0 {
		return normal{d: c.Dim}
	}
	m := &mixture{d: c.Dim, means: params, logWeight: make([]float64, c.Classes)}
	for i := range m.logWeight {
		m.logWeight[i] = -math.Log(float64(c.Classes))
	}
	return m
}

const log2Pi = 1.8378770664093454835606594728112

// normal is N(0, I).
type normal struct{ d int }

func (b normal) logProb(dst []float64, z []float32, _ *tape) {
	for i := range dst {
		dst[i] = -0.5 * (sumSquares(z[i*b.d:(i+1)*b.d]) + float64(b.d)*log2Pi)
	}
}

func (b normal) backward(grad, z []float32, n int, _ *tape, _ []float32) {
	inv := 1 / float32(n)
	for i, v := range z[:n*b.d] {
		grad[i] = v * inv
	}
}

func (b normal) sample(n int, rng *rand.Rand) []float32 {
	z := make([]float32, n*b.d)
	for i := range z {
		z[i] = float32(rng.NormFloat64())
	}
	return z
}

// mixture is Σ_c π_c N(μ_c, I): one component per class. The means are learned, the weights are the class shares.
type mixture struct {
	d         int
	means     []float32 // C×d, part of Flow.params
	logWeight []float64 // C, log π_c
}

// logProb computes ‖z − μ_c‖² as ‖z‖² − 2 z·μ_c + ‖μ_c‖², one product for the batch, and leaves the responsibilities
// p(c | z) in t.cross.
func (b *mixture) logProb(dst []float64, z []float32, t *tape) {
	n, c := len(dst), len(b.logWeight)
	cross := matrix(t.cross, n, c)
	gemm(blas.NoTrans, blas.Trans, 1, matrix(z, n, b.d), matrix(b.means, c, b.d), 0, cross)
	offset := b.offsets()
	for i := range dst {
		row := cross.Data[i*c : (i+1)*c]
		lse := softmax(row, offset)
		dst[i] = lse - 0.5*(sumSquares(z[i*b.d:(i+1)*b.d])+float64(b.d)*log2Pi)
	}
}

// offsets returns log π_c − ‖μ_c‖²/2.
func (b *mixture) offsets() []float64 {
	o := make([]float64, len(b.logWeight))
	for c, w := range b.logWeight {
		o[c] = w - 0.5*sumSquares(b.means[c*b.d:(c+1)*b.d])
	}
	return o
}

// softmax replaces v by the softmax of v + offset and returns the log of the sum of exponentials.
func softmax(v []float32, offset []float64) float64 {
	top := math.Inf(-1)
	for c, o := range offset {
		top = max(top, float64(v[c])+o)
	}
	var sum float64
	for c, o := range offset {
		e := math.Exp(float64(v[c]) + o - top)
		v[c] = float32(e)
		sum += e
	}
	inv := float32(1 / sum)
	for c := range v {
		v[c] *= inv
	}
	return top + math.Log(sum)
}

// backward: ∂/∂z = (z − Σ_c r_c μ_c)/n, ∂/∂μ_c = −Σ_i r_ic (z_i − μ_c)/n, with the responsibilities r.
func (b *mixture) backward(grad, z []float32, n int, t *tape, g []float32) {
	c := len(b.logWeight)
	resp, means := matrix(t.cross, n, c), matrix(b.means, c, b.d)
	inv := 1 / float32(n)
	for i, v := range z[:n*b.d] {
		grad[i] = v * inv
	}
	gemm(blas.NoTrans, blas.NoTrans, -inv, resp, means, 1, matrix(grad, n, b.d))
	gemm(blas.Trans, blas.NoTrans, -inv, resp, matrix(z, n, b.d), 1, matrix(g, c, b.d))
	for k := range c {
		var share float32
		for i := range n {
			share += resp.Data[i*c+k]
		}
		for j, m := range b.means[k*b.d : (k+1)*b.d] {
			g[k*b.d+j] += share * inv * m
		}
	}
}

func (b *mixture) sample(n int, rng *rand.Rand) []float32 {
	z := normal{b.d}.sample(n, rng)
	for i := range n {
		c := pick(b.logWeight, rng.Float64())
		for j, m := range b.means[c*b.d : (c+1)*b.d] {
			z[i*b.d+j] += m
		}
	}
	return z
}

// pick returns the component at which the cumulated weights pass u.
func pick(logWeight []float64, u float64) int {
	for c, w := range logWeight {
		if u -= math.Exp(w); u < 0 {
			return c
		}
	}
	return len(logWeight) - 1
}

func sumSquares(v []float32) float64 {
	var s float64
	for _, x := range v {
		s += float64(x) * float64(x)
	}
	return s
}
