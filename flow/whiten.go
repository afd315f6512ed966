package flow

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/lapack/lapack64"
	"gonum.org/v1/gonum/mat"

	"github.com/oodflow/oodflow/internal/kernel"
)

// Whitening names the covariance a flow's first layer removes.
type Whitening string

const (
	// WhitenNone leaves the features as they are.
	WhitenNone Whitening = "none"
	// WhitenTotal uses the covariance of all training features: the flow starts at one Gaussian.
	WhitenTotal Whitening = "total"
	// WhitenWithin uses the covariance of the features around their class means: with a base at the class means the
	// flow starts at the Mahalanobis detector's density.
	WhitenWithin Whitening = "within"
)

func (w Whitening) check() error {
	switch w {
	case WhitenNone, WhitenTotal, WhitenWithin:
		return nil
	}
	return fmt.Errorf("unknown whitening %q: want none, total or within", string(w))
}

// whiten maps x to (x − mean) M, with M chosen so that the training covariance becomes the identity; it is exact and
// is not trained.
type whiten struct {
	d      int
	mean   []float32  // d
	m      []float32  // d×d
	inv    []float32  // d×d
	logdet [1]float64 // log |det M|
}

func newWhiten(d int) *whiten {
	return &whiten{d: d, mean: make([]float32, d), m: make([]float32, d*d), inv: make([]float32, d*d)}
}

// whitenStrips is the number of column strips that forward computes one by one, so that it can leave out the zeros
// below M's diagonal: with four, 3/8 of the product.
const whitenStrips = 4

// forward writes the whitened rows of x to dst, which may be x; centred is scratch of at least the same size.
func (w *whiten) forward(dst, centred, x []float32, p *prepared, mul product) {
	n := len(x) / w.d
	kernel.ActNorm(matrix(centred, n, w.d), matrix(x, n, w.d), p.one(), p.negMean)
	for s := range whitenStrips {
		lo, hi := w.d*s/whitenStrips, w.d*(s+1)/whitenStrips
		if lo < hi {
			mul(blas.NoTrans, blas.NoTrans, 1, part(centred, n, w.d, 0, hi), part(w.m, hi, w.d, lo, hi-lo),
				0, part(dst, n, w.d, lo, hi-lo))
		}
	}
}

func (w *whiten) inverse(z []float32) {
	n := len(z) / w.d
	x := make([]float32, len(z))
	gemm(blas.NoTrans, blas.NoTrans, 1, matrix(z, n, w.d), matrix(w.inv, w.d, w.d), 0, matrix(x, n, w.d))
	for i := 0; i < len(x); i += w.d {
		for j, mu := range w.mean {
			z[i+j] = x[i+j] + mu
		}
	}
}

// leastRidge is the smallest share of the mean variance that is added to every variance before whitening. A dead
// channel has next to no variance; left alone it would be scaled by millions, and float32 rounding with it: with 1e-8
// a coordinate is scaled by at most 10⁴ times what the mean variance asks for, which float32 still resolves to 1e-3
// of a standard deviation.
const leastRidge = 1e-8

var (
	errNoVariance       = errors.New("the training features do not vary: whitening is undefined")
	errNoVarianceWithin = errors.New("the training features do not vary within the classes: whiten by the total covariance")
)

// leastSpread is the least standard deviation, as a mean over the dimensions, that whitening makes into 1: with the least
// ridge a dead dimension is then scaled by 1e34, which float32 still holds.
const leastSpread = 1e-30

// fitWhiten makes the whitening of a covariance Σ (d×d) around mean, with ridge times the mean variance added to the
// diagonal. With Σ = UᵀU, U upper triangular, M = U⁻¹. Σ is not changed.
func fitWhiten(mean []float64, cov *mat.SymDense, ridge float64) (*whiten, error) {
	d := len(mean)
	level := mat.Trace(cov) / float64(d)
	if !(level > 0) || math.IsInf(level, 0) {
		return nil, errNoVariance
	}
	if spread := math.Sqrt(level); spread < leastSpread {
		return nil, fmt.Errorf("the training features have a standard deviation of %.1g, too small for float32: they do not vary, or have to be scaled up", spread)
	}
	sum := mat.NewSymDense(d, nil)
	sum.CopySym(cov)
	for j := range d {
		sum.SetSym(j, j, sum.At(j, j)+ridge*level)
	}
	u, ok := lapack64.Potrf(sum.RawSymmetric()) // mat.Cholesky takes twice as long, to estimate a condition
	if !ok {
		return nil, fmt.Errorf("whiten %d dimensions: the covariance is not positive definite with a ridge of %g", d, ridge)
	}
	inv := u
	inv.Data = slices.Clone(u.Data)
	lapack64.Trtri(inv)
	w := newWhiten(d)
	for i, v := range mean {
		w.mean[i] = float32(v)
		w.logdet[0] -= math.Log(u.Data[i*u.Stride+i])
		for j := i; j < d; j++ {
			w.m[i*d+j], w.inv[i*d+j] = float32(inv.Data[i*u.Stride+j]), float32(u.Data[i*u.Stride+j])
		}
	}
	return w, nil
}
