package flow

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/mat"

	fast "github.com/oodflow/oodflow/internal/blas"
)

// linear is the invertible linear map of Glow (Kingma & Dhariwal, arXiv:1807.03039) for vectors, its 1×1 convolution,
// kept as an LU decomposition:
//
//	y = x W,  W = P L U,  log |det| = Σ log |u_ii|
//
// P is a fixed permutation, L unit lower and U upper triangular. The signs of U's diagonal are fixed, so that W
// can never become singular.
type linear struct {
	d     int
	lu    []float32 // d×d, part of Flow.params: L below the diagonal, log |u_ii| on it, U above
	rows  []float32 // d, fixed: row i of W is row rows[i] of LU
	signs []float32 // d, fixed: the signs of u_ii
}

// newLinear makes a map with P = I and positive signs of the parameters lu; fixed has room for 2d numbers.
func newLinear(d int, lu, fixed []float32) *linear {
	l := &linear{d: d, lu: lu, rows: fixed[:d:d], signs: fixed[d : 2*d]}
	for i := range d {
		l.rows[i], l.signs[i] = float32(i), 1
	}
	return l
}

// init sets W to a random rotation or reflection, which leaves a normal base, and one with means that went through
// it too, where it was.
func (l *linear) init(rng *rand.Rand) {
	d := l.d
	gauss := mat.NewDense(d, d, nil)
	for i := range d {
		for j := range d {
			gauss.Set(i, j, rng.NormFloat64())
		}
	}
	var qr mat.QR
	var q mat.Dense
	qr.Factorize(gauss)
	qr.QTo(&q)
	l.set(&q)
}

// set decomposes W.
func (l *linear) set(w *mat.Dense) {
	var lu mat.LU
	var lower, upper mat.TriDense
	lu.Factorize(w)
	lu.LTo(&lower)
	lu.UTo(&upper)
	for i, k := range lu.RowPivots(nil) {
		l.rows[i] = float32(k)
	}
	for i := range l.d {
		row := l.lu[i*l.d : (i+1)*l.d]
		for j := range row {
			if j < i {
				row[j] = float32(lower.At(i, j))
			} else {
				row[j] = float32(upper.At(i, j))
			}
		}
		u := upper.At(i, i)
		l.signs[i] = float32(math.Copysign(1, u))
		row[i] = float32(math.Log(math.Abs(u)))
	}
}

// check refuses numbers that are no permutation and no signs.
func (l *linear) check() error {
	seen := make([]bool, l.d)
	for i, r := range l.rows {
		if !(r >= 0 && r < float32(l.d)) || r != float32(int(r)) || seen[int(r)] {
			return fmt.Errorf("flow.linear holds no permutation: %v at %d", r, i)
		}
		seen[int(r)] = true
	}
	for i, s := range l.signs {
		if s != 1 && s != -1 {
			return fmt.Errorf("flow.linear holds the sign %v at %d: want 1 or -1", s, i)
		}
	}
	return nil
}

// ladj returns log |det W|.
func (l *linear) ladj() float64 {
	var sum float64
	for i := 0; i < len(l.lu); i += l.d + 1 {
		sum += float64(l.lu[i])
	}
	return sum
}

// factors are L and U with their zeros, and a third matrix to work in, each d×d.
type factors struct{ l, u, work []float32 }

// factors returns room for those of one map; it goes back to f.factorings.
func (f *Flow) factors() *factors {
	if s, ok := f.factorings.Get().(*factors); ok {
		return s
	}
	n := f.cfg.Dim * f.cfg.Dim
	return &factors{l: make([]float32, n), u: make([]float32, n), work: make([]float32, n)}
}

// expand writes L and U out.
func (l *linear) expand(s *factors) {
	d := l.d
	l.upper(s.u)
	for i := range d {
		row := s.l[i*d : (i+1)*d]
		copy(row, l.lu[i*d:i*d+i])
		row[i] = 1
		clear(row[i+1:])
	}
}

// upper writes U out.
func (l *linear) upper(u []float32) {
	d := l.d
	for i := range d {
		row := u[i*d : (i+1)*d]
		clear(row[:i])
		copy(row[i:], l.lu[i*d+i:(i+1)*d])
		row[i] = l.signs[i] * float32(math.Exp(float64(row[i])))
	}
}

// linearTiles is the number of tiles along each side of a d×d product with a triangular factor: tiles of zeros are
// left out, with four of them 34 of 64.
const linearTiles = 4

// eachTile calls do with the bounds of each tile, rows i0 to i1 and columns j0 to j1.
func eachTile(d int, do func(i0, i1, j0, j1 int)) {
	for i := range linearTiles {
		for j := range linearTiles {
			i0, i1 := d*i/linearTiles, d*(i+1)/linearTiles
			j0, j1 := d*j/linearTiles, d*(j+1)/linearTiles
			if i0 < i1 && j0 < j1 {
				do(i0, i1, j0, j1)
			}
		}
	}
}

// tile views rows i0 to i1 and columns j0 to j1 of the d×d matrix a.
func tile(a []float32, d, i0, i1, j0, j1 int) blas32.General {
	return part(a[i0*d:], i1-i0, d, j0, j1-j0)
}

// compose writes W to w.
func (l *linear) compose(w []float32, s *factors) {
	d := l.d
	l.expand(s)
	eachTile(d, func(i0, i1, j0, j1 int) {
		k := min(i1, j1) // L is zero right of i1, U below j1
		gemm(blas.NoTrans, blas.NoTrans, 1, tile(s.l, d, i0, i1, 0, k), tile(s.u, d, 0, k, j0, j1),
			0, tile(s.work, d, i0, i1, j0, j1))
	})
	for i, r := range l.rows {
		copy(w[i*d:(i+1)*d], s.work[int(r)*d:(int(r)+1)*d])
	}
}

// forward maps x to y (both n×d) by the composed w.
func (l *linear) forward(y, x []float32, n int, w []float32, mul product) {
	mul(blas.NoTrans, blas.NoTrans, 1, matrix(x, n, l.d), matrix(w, l.d, l.d), 0, matrix(y, n, l.d))
}

// backward takes grad = ∂L/∂y (n×d) to ∂L/∂x in place and leaves ∂L/∂y in gy.
func (l *linear) backward(grad, gy []float32, n int, w []float32) {
	copy(gy, grad[:n*l.d])
	gemm(blas.NoTrans, blas.Trans, 1, matrix(gy, n, l.d), matrix(w, l.d, l.d), 0, matrix(grad, n, l.d))
}

// gradient writes the gradient of lu to g and returns it. x and gy = ∂L/∂y are those of all n rows of a batch; L is a mean
// negative log-likelihood, so the log-determinant adds −1 on the diagonal. With G = xᵀ gy, the gradient of W,
//
//	∂L/∂L = Pᵀ G Uᵀ below the diagonal,  ∂L/∂U = Lᵀ Pᵀ G on and above it
func (l *linear) gradient(g, x, gy []float32, n int, s *factors) []float32 {
	d := l.d
	l.expand(s)
	gemm(blas.Trans, blas.NoTrans, 1, matrix(x, n, d), matrix(gy, n, d), 0, matrix(g, d, d))
	pg := s.work
	for i, r := range l.rows {
		copy(pg[int(r)*d:(int(r)+1)*d], g[i*d:(i+1)*d])
	}
	eachTile(d, func(i0, i1, j0, j1 int) {
		if i0 >= j0 { // Uᵀ is zero above j0
			gemm(blas.NoTrans, blas.Trans, 1, tile(pg, d, i0, i1, j0, d), tile(s.u, d, j0, j1, j0, d), 0, tile(g, d, i0, i1, j0, j1))
		}
	})
	gu := s.u // U is not needed again
	eachTile(d, func(i0, i1, j0, j1 int) {
		if i0 <= j0 { // Lᵀ is zero left of i0
			gemm(blas.Trans, blas.NoTrans, 1, tile(s.l, d, i0, d, i0, i1), tile(pg, d, i0, d, j0, j1), 0, tile(gu, d, i0, i1, j0, j1))
		}
	})
	for i := range d {
		row, upper := g[i*d:(i+1)*d], gu[i*d:(i+1)*d]
		copy(row[i+1:], upper[i+1:])
		diag := l.signs[i] * float32(math.Exp(float64(l.lu[i*d+i])))
		row[i] = upper[i]*diag - 1
	}
	return g
}

// inverse maps y (n×d) to x = y U⁻¹ L⁻¹ Pᵀ in place by two triangular solves. u is U written out, row is scratch for d
// numbers.
func (l *linear) inverse(y []float32, n int, u, row []float32) {
	d, solve := l.d, fast.Serial().Strsm
	solve(blas.Right, blas.Upper, blas.NoTrans, blas.NonUnit, n, d, 1, u, d, y, d)
	solve(blas.Right, blas.Lower, blas.NoTrans, blas.Unit, n, d, 1, l.lu, d, y, d)
	for i := 0; i < n*d; i += d {
		to := y[i : i+d]
		copy(row, to)
		for j, r := range l.rows {
			to[j] = row[int(r)]
		}
	}
}
