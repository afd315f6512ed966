package blas

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// level3 are the routines that an implementation may take from a library, for one kind of number.
type level3[T number] struct {
	gemm       func(tA, tB blas.Transpose, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int)
	syrk       func(ul blas.Uplo, t blas.Transpose, n, k int, alpha T, a []T, lda int, beta T, c []T, ldc int)
	trsm, trmm func(s blas.Side, ul blas.Uplo, t blas.Transpose, d blas.Diag, m, n int, alpha T, a []T, lda int, b []T, ldb int)
}

func level3Of32(b blas.Float32) level3[float32] {
	return level3[float32]{b.Sgemm, b.Ssyrk, b.Strsm, b.Strmm}
}

func level3Of64(b blas.Float64) level3[float64] {
	return level3[float64]{b.Dgemm, b.Dsyrk, b.Dtrsm, b.Dtrmm}
}

// prove computes small products of every kind and refuses a library whose results are not gonum's: one that was
// built for another convention, or whose kernels fail on this processor. Eigenvalues that are wrong are left to gonum.
func (l *library) prove() error {
	var b Implementation
	b.lib = l
	for _, size := range [][3]int{{5, 7, 6}, {19, 35, 13}} {
		if err := prove(level3Of32(b), level3Of32(gonum.Implementation{}), size[0], size[1], size[2], 1e-4); err != nil {
			return fmt.Errorf("it computes wrongly in single precision: %w", err)
		}
		if err := prove(level3Of64(b), level3Of64(gonum.Implementation{}), size[0], size[1], size[2], 1e-12); err != nil {
			return fmt.Errorf("it computes wrongly in double precision: %w", err)
		}
	}
	if l.double.syevd != 0 {
		if err := proveEigen(eigensolver{lib: l}); err != nil {
			l.double.syevd = 0
			l.choice.Warnings = append(l.choice.Warnings, fmt.Sprintf("%s: %v, so gonum computes eigenvalues", l.choice.Library, err))
		}
	}
	return nil
}

var (
	transposes = []blas.Transpose{blas.NoTrans, blas.Trans}
	triangles  = []blas.Uplo{blas.Upper, blas.Lower}
	sides      = []blas.Side{blas.Left, blas.Right}
	diagonals  = []blas.Diag{blas.NonUnit, blas.Unit}
)

// prove compares every routine in every mode with a reference, at strides larger than the rows. The operands a and b
// have a diagonal that dominates, so that solving with them loses no digits. Results begin as NaN where a factor
// beta of 0 must clear them.
func prove[T number](got, want level3[T], m, n, k int, tolerance float64) error {
	stride := max(m, n, k) + 3
	a, b := dominant[T](stride, 1), dominant[T](stride, 2)
	numbers, unset := dominant[T](stride, 3), make([]T, stride*stride)
	for i := range unset {
		unset[i] = T(math.NaN())
	}
	compare := func(name string, beta T, f func(r level3[T], c []T)) error {
		start := numbers
		if beta == 0 {
			start = unset
		}
		return agree(name, tolerance, start, func(c []T) { f(got, c) }, func(c []T) { f(want, c) })
	}
	for _, t := range transposes {
		for _, beta := range []T{0, 0.5} {
			for _, u := range transposes {
				if err := compare("gemm", beta, func(r level3[T], c []T) {
					r.gemm(t, u, m, n, k, 1.5, a, stride, b, stride, beta, c, stride)
				}); err != nil {
					return err
				}
			}
			for _, ul := range triangles {
				if err := compare("syrk", beta, func(r level3[T], c []T) {
					r.syrk(ul, t, n, k, 1.5, a, stride, beta, c, stride)
				}); err != nil {
					return err
				}
			}
		}
		for _, ul := range triangles {
			for _, s := range sides {
				for _, d := range diagonals {
					if err := compare("trsm", 1, func(r level3[T], c []T) {
						r.trsm(s, ul, t, d, m, n, 1.5, a, stride, c, stride)
					}); err != nil {
						return err
					}
					if err := compare("trmm", 1, func(r level3[T], c []T) {
						r.trmm(s, ul, t, d, m, n, 1.5, a, stride, c, stride)
					}); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// dominant is a square matrix of numbers below 1/n with ones added to its diagonal.
func dominant[T number](n int, seed uint32) []T {
	x := make([]T, n*n)
	for i := range x {
		seed = seed*1664525 + 1013904223 // Numerical Recipes' generator: anything without a pattern will do
		x[i] = (T(seed>>8)/(1<<23) - 1) / T(n)
	}
	for i := range n {
		x[i*n+i]++
	}
	return x
}

// agree computes a result in two ways from the same start and compares all of it, the parts that neither may touch
// included. The reference gets zeros for NaN, as gonum's syrk lets NaN through.
func agree[T number](name string, tolerance float64, start []T, got, want func(c []T)) error {
	x, y := slices.Clone(start), slices.Clone(start)
	for i, v := range y {
		if v != v {
			y[i] = 0
		}
	}
	got(x)
	want(y)
	for i, v := range y {
		untouched := start[i] != start[i] && v == 0
		if d := math.Abs(float64(x[i] - v)); !(d <= tolerance) && !(untouched && x[i] != x[i]) {
			return fmt.Errorf("%s gives %v where %v is right", name, x[i], v)
		}
	}
	return nil
}
