package flow

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"
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
	mean   []float32 // d
	m      []float32 // d×d
	inv    []float32 // d×d
	logdet float64   // log |det M|
}

func newWhiten(d int) *whiten {
	return &whiten{d: d, mean: make([]float32, d), m: make([]float32, d*d), inv: make([]float32, d*d)}
}

func (w *whiten) forward(dst, x []float32, t *tape) {
	n := len(x) / w.d
	centred := t.centred[:len(x)]
	for i := 0; i < len(x); i += w.d {
		for j, mu := range w.mean {
			centred[i+j] = x[i+j] - mu
		}
	}
	gemm(blas.NoTrans, blas.NoTrans, 1, matrix(centred, n, w.d), matrix(w.m, w.d, w.d), 0, matrix(dst, n, w.d))
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

// varianceFloor bounds the eigenvalues of the whitened covariance from below, as a share of the largest one. A dead
// channel has next to no variance; without a floor it would be scaled by millions, and float32 rounding with it: at
// 1e-8 a feature is scaled by at most 10⁴ times the least scaled one, which float32 still resolves to 1e-3 of a
// standard deviation.
const varianceFloor = 1e-8

var errNoVariance = errors.New("the training features do not vary: whitening is undefined")

// fitWhiten estimates the whitening of x (n×d) around centre(i), the d-vector subtracted from row i before the
// covariance is taken (nil: the mean). M is the symmetric root V Λ^(−1/2) Vᵀ, which turns the axes least.
func fitWhiten(x []float32, d int, labels []int, means []float64) (*whiten, error) {
	n := rows(x, d)
	mean := meanRow(x, d)
	cov, err := covariance(x, d, func(i int) []float64 {
		if labels == nil {
			return mean
		}
		return means[labels[i]*d : (labels[i]+1)*d]
	})
	if err != nil {
		return nil, err
	}
	var eig mat.EigenSym
	if !eig.Factorize(cov, true) {
		return nil, fmt.Errorf("whiten %d features of %d dimensions: the eigenvalues did not converge", n, d)
	}
	return fromEigen(mean, &eig)
}

func fromEigen(mean []float64, eig *mat.EigenSym) (*whiten, error) {
	d := len(mean)
	values := eig.Values(nil)
	top := values[d-1]
	if !(top > 0) || math.IsInf(top, 0) {
		return nil, errNoVariance
	}
	w := newWhiten(d)
	root := make([]float64, d)
	for i, v := range values {
		v = max(v, varianceFloor*top)
		root[i] = math.Sqrt(v)
		w.logdet -= 0.5 * math.Log(v)
	}
	for j, v := range mean {
		w.mean[j] = float32(v)
	}
	var vectors mat.Dense
	eig.VectorsTo(&vectors)
	symmetric(w.inv, &vectors, root)
	for i := range root {
		root[i] = 1 / root[i]
	}
	symmetric(w.m, &vectors, root)
	return w, nil
}

// symmetric writes V diag(values) Vᵀ to dst (d×d).
func symmetric(dst []float32, v *mat.Dense, values []float64) {
	var scaled, out mat.Dense
	scaled.Mul(v, mat.NewDiagDense(len(values), values))
	out.Mul(&scaled, v.T())
	for i, x := range out.RawMatrix().Data {
		dst[i] = float32(x)
	}
}

// covariance returns Σ_i (x_i − c_i)(x_i − c_i)ᵀ / n in float64.
func covariance(x []float32, d int, centre func(i int) []float64) (*mat.SymDense, error) {
	const chunk = 1024
	n := rows(x, d)
	cov := mat.NewSymDense(d, nil)
	buf := make([]float64, min(n, chunk)*d)
	for i := 0; i < n; i += chunk {
		m := min(chunk, n-i)
		for r := range m {
			c := centre(i + r)
			row := x[(i+r)*d : (i+r+1)*d]
			for j, v := range row {
				buf[r*d+j] = float64(v) - c[j]
			}
		}
		part := blas64.General{Rows: m, Cols: d, Stride: d, Data: buf[:m*d]}
		blas64.Syrk(blas.Trans, 1/float64(n), part, 1, cov.RawSymmetric())
	}
	for j := range d {
		if v := cov.At(j, j); math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("covariance: dimension %d is not finite", j)
		}
	}
	return cov, nil
}

func meanRow(x []float32, d int) []float64 {
	mean := make([]float64, d)
	for i := 0; i < len(x); i += d {
		for j, v := range x[i : i+d] {
			mean[j] += float64(v)
		}
	}
	n := float64(len(x) / d)
	for j := range mean {
		mean[j] /= n
	}
	return mean
}

// classMeans returns the mean feature of each class (C×d) and the number of its rows. A class without rows has the
// mean of all.
func classMeans(x []float32, d int, labels []int, classes int) (means []float64, counts []int) {
	means, counts = make([]float64, classes*d), make([]int, classes)
	for i, c := range labels {
		counts[c]++
		mu := means[c*d : (c+1)*d]
		for j, v := range x[i*d : (i+1)*d] {
			mu[j] += float64(v)
		}
	}
	all := meanRow(x, d)
	for c, k := range counts {
		mu := means[c*d : (c+1)*d]
		for j := range mu {
			if k == 0 {
				mu[j] = all[j]
			} else {
				mu[j] /= float64(k)
			}
		}
	}
	return means, counts
}
