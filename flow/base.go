package flow

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/oodflow/oodflow/internal/kernel"
)

// base is the density of the latent z.
type base interface {
	// prepare computes what all rows need: an offset for each component.
	prepare(offset []float64)
	// logProb writes log p_Z(z_i) in nats for each row of z (n×d).
	logProb(dst []float64, z []float32, offset []float64, t *tape)
	// backward writes ∂/∂z of the negative log-likelihood over batch to grad (n×d), and adds to share each component's
	// part in these rows. It follows logProb on the same z and tape.
	backward(grad, z []float32, batch int, t *tape, share []float32)
	// gradMeans writes the gradient of the means lo to hi to g and returns it. z and t are those of the whole
	// batch, share is summed over it.
	gradMeans(g, z []float32, batch, lo, hi int, t *tape, share []float32) []float32
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

func (b normal) prepare([]float64) {}

func (b normal) logProb(dst []float64, z []float32, _ []float64, _ *tape) {
	for i := range dst {
		dst[i] = -0.5 * (kernel.SumSquares(z[i*b.d:(i+1)*b.d]) + float64(b.d)*log2Pi)
	}
}

func (b normal) backward(grad, z []float32, batch int, _ *tape, _ []float32) {
	kernel.Scale(grad, z, 1/float32(batch))
}

func (b normal) gradMeans([]float32, []float32, int, int, int, *tape, []float32) []float32 {
	return nil
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

// prepare computes log π_c − ‖μ_c‖²/2.
func (b *mixture) prepare(offset []float64) {
	for c, w := range b.logWeight {
		offset[c] = w - 0.5*kernel.SumSquares(b.means[c*b.d:(c+1)*b.d])
	}
}

// logProb computes ‖z − μ_c‖² as ‖z‖² − 2 z·μ_c + ‖μ_c‖², one product for all rows, and leaves the responsibilities
// p(c | z) in t.cross.
func (b *mixture) logProb(dst []float64, z []float32, offset []float64, t *tape) {
	n, c := len(dst), len(b.logWeight)
	cross := matrix(t.cross, n, c)
	gemm(blas.NoTrans, blas.Trans, 1, matrix(z, n, b.d), matrix(b.means, c, b.d), 0, cross)
	for i := range dst {
		lse := kernel.Softmax(cross.Data[i*c:(i+1)*c], offset)
		dst[i] = lse - 0.5*(kernel.SumSquares(z[i*b.d:(i+1)*b.d])+float64(b.d)*log2Pi)
	}
}

// backward: ∂/∂z = (z − Σ_c r_c μ_c)/batch with the responsibilities r, whose sums over the rows are the shares.
func (b *mixture) backward(grad, z []float32, batch int, t *tape, share []float32) {
	n, c := len(z)/b.d, len(b.logWeight)
	inv := 1 / float32(batch)
	kernel.Scale(grad, z, inv)
	resp := matrix(t.cross, n, c)
	gemm(blas.NoTrans, blas.NoTrans, -inv, resp, matrix(b.means, c, b.d), 1, matrix(grad, n, b.d))
	for i := range n {
		for k, r := range resp.Data[i*c : (i+1)*c] {
			share[k] += r
		}
	}
}

// gradMeans: ∂/∂μ_c = −Σ_i r_ic (z_i − μ_c)/batch.
func (b *mixture) gradMeans(g, z []float32, batch, lo, hi int, t *tape, share []float32) []float32 {
	inv := 1 / float32(batch)
	to := matrix(g[lo*b.d:], hi-lo, b.d)
	resp := part(t.cross, batch, len(b.logWeight), lo, hi-lo)
	gemm(blas.Trans, blas.NoTrans, -inv, resp, matrix(z, batch, b.d), 0, to)
	for k := lo; k < hi; k++ {
		mean := blas32.Vector{N: b.d, Inc: 1, Data: b.means[k*b.d : (k+1)*b.d]}
		blas32.Axpy(share[k]*inv, mean, blas32.Vector{N: b.d, Inc: 1, Data: to.Data[(k-lo)*b.d : (k-lo+1)*b.d]})
	}
	return to.Data
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
