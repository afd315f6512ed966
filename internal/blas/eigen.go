package blas

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/lapack"
	lapackgonum "gonum.org/v1/gonum/lapack/gonum"
)

// eigensolver is gonum's LAPACK, except that the eigenvalues and eigenvectors of symmetric matrices come from the
// library's dsyevd, which halves the problem until it is small and is many times as fast. What is empty, out of
// shape or not finite is left to gonum.
type eigensolver struct {
	lapackgonum.Implementation
	lib *library // nil, or one without the function: gonum
}

var _ lapack.Float64 = eigensolver{}

// Dsyev computes eigenvalues, ascending, and on demand eigenvectors of a symmetric matrix as gonum does. The signs of
// the vectors may differ from gonum's, and so may the vectors of an eigenvalue that occurs several times. It asks for
// the workspace that gonum asks for; the library's own, 2·n² numbers with vectors, is made for the call.
func (e eigensolver) Dsyev(jobz lapack.EVJob, ul blas.Uplo, n int, a []float64, lda int, w, work []float64, lwork int) bool {
	if e.lib == nil || e.lib.double.syevd == 0 || !eigenFits(jobz, ul, n, a, lda, w, work, lwork) {
		return e.Implementation.Dsyev(jobz, ul, n, a, lda, w, work, lwork)
	}
	e.Implementation.Dsyev(jobz, ul, n, a, lda, w, work, -1) // only leaves its wish in work[0], as gonum does
	if !e.lib.double.callSyevd(jobz == lapack.EVCompute, ul == blas.Upper, n, a, lda, w) {
		return false
	}
	if jobz == lapack.EVCompute {
		transposeSquare(n, a, lda) // the library has a vector in each of its columns, which are rows here
	}
	return true
}

// eigenFits tells whether the call is no query of the workspace, and the matrix neither empty, out of shape nor with
// NaN or infinities, on which some builds of LAPACK never end.
func eigenFits(jobz lapack.EVJob, ul blas.Uplo, n int, a []float64, lda int, w, work []float64, lwork int) bool {
	return (jobz == lapack.EVNone || jobz == lapack.EVCompute) && isUplo(ul) && matrixFits(n, n, lda, len(a)) &&
		n <= maxOrder && len(w) >= n && lwork >= max(1, 3*n-1) && len(work) >= lwork && finiteTriangle(ul, n, a, lda)
}

// maxOrder keeps the length of the workspace, 1 + 6·n + 2·n², within 32 bits.
const maxOrder = 32_000

func finiteTriangle(ul blas.Uplo, n int, a []float64, lda int) bool {
	for i := range n {
		row := a[i*lda : i*lda+i+1]
		if ul == blas.Upper {
			row = a[i*lda+i : i*lda+n]
		}
		for _, v := range row {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return false
			}
		}
	}
	return true
}

// transposeSquare swaps rows and columns of an n×n matrix, tile by tile.
func transposeSquare(n int, a []float64, lda int) {
	const tile = 32
	for i0 := 0; i0 < n; i0 += tile {
		for j0 := i0; j0 < n; j0 += tile {
			for i := i0; i < min(i0+tile, n); i++ {
				for j := max(j0, i+1); j < min(j0+tile, n); j++ {
					a[i*lda+j], a[j*lda+i] = a[j*lda+i], a[i*lda+j]
				}
			}
		}
	}
}

// proveEigen solves small symmetric matrices, of which the larger one is divided, and refuses what is no solution. The
// triangle that is not meant is NaN, and so is the gap behind each row, which must stay.
func proveEigen(e lapack.Float64) error {
	for _, n := range []int{1, 6, 40} {
		for _, ul := range triangles {
			start := dominant[float64](n+2, 4)
			lda := n + 2
			for i := range start {
				if row, col := i/lda, i%lda; col >= n || ul == blas.Upper && col < row || ul == blas.Lower && col > row {
					start[i] = math.NaN()
				}
			}
			if err := proveSolution(e, ul, n, start, lda, 1e-12); err != nil {
				return err
			}
		}
	}
	return nil
}

// proveSolution compares A·V with V·diag(λ), and VᵀV with the identity, at most the tolerance times |λ|'s largest
// apart, and the eigenvalues with those computed alone.
func proveSolution(e lapack.Float64, ul blas.Uplo, n int, a []float64, lda int, tolerance float64) error {
	v, alone := slices.Clone(a), slices.Clone(a)
	values, same, work := make([]float64, n), make([]float64, n), make([]float64, 3*n)
	if !e.Dsyev(lapack.EVCompute, ul, n, v, lda, values, work, len(work)) || !e.Dsyev(lapack.EVNone, ul, n, alone, lda, same, work, len(work)) {
		return errors.New("its eigenvalues do not converge")
	}
	norm := max(math.Abs(values[0]), math.Abs(values[n-1]))
	for i := range n {
		if i > 0 && !(values[i] >= values[i-1]) || !(math.Abs(values[i]-same[i]) <= tolerance*norm) {
			return fmt.Errorf("its eigenvalue %d is %v, or %v alone", i, values[i], same[i])
		}
		for gap := i*lda + n; gap < min((i+1)*lda, len(a)); gap++ {
			if math.Float64bits(v[gap]) != math.Float64bits(a[gap]) {
				return errors.New("its eigenvectors run over")
			}
		}
	}
	element := func(i, j int) float64 {
		if (ul == blas.Upper) != (i <= j) {
			i, j = j, i
		}
		return a[i*lda+j]
	}
	for i := range n {
		for k := range n {
			var image, product float64
			for j := range n {
				image += element(i, j) * v[j*lda+k]
				product += v[j*lda+i] * v[j*lda+k]
			}
			if i == k {
				product--
			}
			if !(math.Abs(image-values[k]*v[i*lda+k]) <= tolerance*norm) || !(math.Abs(product) <= tolerance) {
				return fmt.Errorf("its eigenvector %d is none", k)
			}
		}
	}
	return nil
}
