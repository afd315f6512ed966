package blas

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// Implementation computes the products of matrices with the library that was picked, and everything else, as well as
// whatever is empty or out of shape, with gonum: the checks, the panics and their words are gonum's. The zero value
// is gonum's implementation.
//
// Where a matrix holds infinities or NaN the results may differ from gonum's, which skips zeros.
type Implementation struct {
	gonum.Implementation
	lib   *library // nil: gonum
	parts int      // goroutines that a large product is split between
}

var (
	_ blas.Float32    = Implementation{}
	_ blas.Float64    = Implementation{}
	_ blas.Complex64  = Implementation{}
	_ blas.Complex128 = Implementation{}
)

// Sgemm computes C = alpha·op(A)·op(B) + beta·C as gonum does.
func (b Implementation) Sgemm(tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, bm []float32, ldb int, beta float32, c []float32, ldc int) {
	if b.lib == nil || !gemmFits(tA, tB, m, n, k, len(a), lda, len(bm), ldb, len(c), ldc) {
		b.Implementation.Sgemm(tA, tB, m, n, k, alpha, a, lda, bm, ldb, beta, c, ldc)
		return
	}
	gemm(&b.lib.single, b.parts, product[float32]{
		tA: tA != blas.NoTrans, tB: tB != blas.NoTrans, m: m, n: n, k: k,
		alpha: alpha, a: a, lda: lda, b: bm, ldb: ldb, beta: beta, c: c, ldc: ldc,
	})
}

// Dgemm computes C = alpha·op(A)·op(B) + beta·C as gonum does.
func (b Implementation) Dgemm(tA, tB blas.Transpose, m, n, k int, alpha float64, a []float64, lda int, bm []float64, ldb int, beta float64, c []float64, ldc int) {
	if b.lib == nil || !gemmFits(tA, tB, m, n, k, len(a), lda, len(bm), ldb, len(c), ldc) {
		b.Implementation.Dgemm(tA, tB, m, n, k, alpha, a, lda, bm, ldb, beta, c, ldc)
		return
	}
	gemm(&b.lib.double, b.parts, product[float64]{
		tA: tA != blas.NoTrans, tB: tB != blas.NoTrans, m: m, n: n, k: k,
		alpha: alpha, a: a, lda: lda, b: bm, ldb: ldb, beta: beta, c: c, ldc: ldc,
	})
}

// Ssyrk computes one triangle of C = alpha·op(A)·op(A)ᵀ + beta·C as gonum does.
func (b Implementation) Ssyrk(ul blas.Uplo, tA blas.Transpose, n, k int, alpha float32, a []float32, lda int, beta float32, c []float32, ldc int) {
	if b.lib == nil || !syrkFits(ul, tA, n, k, len(a), lda, len(c), ldc) {
		b.Implementation.Ssyrk(ul, tA, n, k, alpha, a, lda, beta, c, ldc)
		return
	}
	syrk(&b.lib.single, b.parts, rank[float32]{
		upper: ul == blas.Upper, trans: tA != blas.NoTrans, n: n, k: k,
		alpha: alpha, a: a, lda: lda, beta: beta, c: c, ldc: ldc,
	})
}

// Dsyrk computes one triangle of C = alpha·op(A)·op(A)ᵀ + beta·C as gonum does.
func (b Implementation) Dsyrk(ul blas.Uplo, tA blas.Transpose, n, k int, alpha float64, a []float64, lda int, beta float64, c []float64, ldc int) {
	if b.lib == nil || !syrkFits(ul, tA, n, k, len(a), lda, len(c), ldc) {
		b.Implementation.Dsyrk(ul, tA, n, k, alpha, a, lda, beta, c, ldc)
		return
	}
	syrk(&b.lib.double, b.parts, rank[float64]{
		upper: ul == blas.Upper, trans: tA != blas.NoTrans, n: n, k: k,
		alpha: alpha, a: a, lda: lda, beta: beta, c: c, ldc: ldc,
	})
}

// Strsm solves op(A)·X = alpha·B or X·op(A) = alpha·B with a triangular A and stores X in B, as gonum does.
func (b Implementation) Strsm(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha float32, a []float32, lda int, bm []float32, ldb int) {
	if b.lib == nil || !triangularFits(s, ul, tA, d, m, n, len(a), lda, len(bm), ldb) {
		b.Implementation.Strsm(s, ul, tA, d, m, n, alpha, a, lda, bm, ldb)
		return
	}
	triangular(&b.lib.single, b.parts, sweep[float32]{
		routine: b.lib.single.trsm, left: s == blas.Left, upper: ul == blas.Upper, trans: tA != blas.NoTrans, unit: d == blas.Unit,
		m: m, n: n, alpha: alpha, a: a, lda: lda, b: bm, ldb: ldb,
	})
}

// Dtrsm solves op(A)·X = alpha·B or X·op(A) = alpha·B with a triangular A and stores X in B, as gonum does.
func (b Implementation) Dtrsm(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha float64, a []float64, lda int, bm []float64, ldb int) {
	if b.lib == nil || !triangularFits(s, ul, tA, d, m, n, len(a), lda, len(bm), ldb) {
		b.Implementation.Dtrsm(s, ul, tA, d, m, n, alpha, a, lda, bm, ldb)
		return
	}
	triangular(&b.lib.double, b.parts, sweep[float64]{
		routine: b.lib.double.trsm, left: s == blas.Left, upper: ul == blas.Upper, trans: tA != blas.NoTrans, unit: d == blas.Unit,
		m: m, n: n, alpha: alpha, a: a, lda: lda, b: bm, ldb: ldb,
	})
}

// Strmm computes B = alpha·op(A)·B or B = alpha·B·op(A) with a triangular A, as gonum does.
func (b Implementation) Strmm(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha float32, a []float32, lda int, bm []float32, ldb int) {
	if b.lib == nil || !triangularFits(s, ul, tA, d, m, n, len(a), lda, len(bm), ldb) {
		b.Implementation.Strmm(s, ul, tA, d, m, n, alpha, a, lda, bm, ldb)
		return
	}
	triangular(&b.lib.single, b.parts, sweep[float32]{
		routine: b.lib.single.trmm, left: s == blas.Left, upper: ul == blas.Upper, trans: tA != blas.NoTrans, unit: d == blas.Unit,
		m: m, n: n, alpha: alpha, a: a, lda: lda, b: bm, ldb: ldb,
	})
}

// Dtrmm computes B = alpha·op(A)·B or B = alpha·B·op(A) with a triangular A, as gonum does.
func (b Implementation) Dtrmm(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha float64, a []float64, lda int, bm []float64, ldb int) {
	if b.lib == nil || !triangularFits(s, ul, tA, d, m, n, len(a), lda, len(bm), ldb) {
		b.Implementation.Dtrmm(s, ul, tA, d, m, n, alpha, a, lda, bm, ldb)
		return
	}
	triangular(&b.lib.double, b.parts, sweep[float64]{
		routine: b.lib.double.trmm, left: s == blas.Left, upper: ul == blas.Upper, trans: tA != blas.NoTrans, unit: d == blas.Unit,
		m: m, n: n, alpha: alpha, a: a, lda: lda, b: bm, ldb: ldb,
	})
}

// gemmFits tells whether a product is neither empty nor out of shape, so that the library may have it.
func gemmFits(tA, tB blas.Transpose, m, n, k, lenA, lda, lenB, ldb, lenC, ldc int) bool {
	ra, ca := turned(tA, m, k)
	rb, cb := turned(tB, k, n)
	return isTranspose(tA) && isTranspose(tB) &&
		matrixFits(ra, ca, lda, lenA) && matrixFits(rb, cb, ldb, lenB) && matrixFits(m, n, ldc, lenC)
}

func syrkFits(ul blas.Uplo, tA blas.Transpose, n, k, lenA, lda, lenC, ldc int) bool {
	ra, ca := turned(tA, n, k)
	return isUplo(ul) && isTranspose(tA) && matrixFits(ra, ca, lda, lenA) && matrixFits(n, n, ldc, lenC)
}

func triangularFits(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n, lenA, lda, lenB, ldb int) bool {
	order := n
	if s == blas.Left {
		order = m
	}
	return (s == blas.Left || s == blas.Right) && isUplo(ul) && isTranspose(tA) && (d == blas.Unit || d == blas.NonUnit) &&
		matrixFits(order, order, lda, lenA) && matrixFits(m, n, ldb, lenB)
}

// matrixFits tells whether an r×c matrix by rows is not empty, lies within its slice, and has sizes that a library
// with 32-bit integers can be told.
func matrixFits(r, c, stride, length int) bool {
	return r > 0 && c > 0 && stride >= c && r <= math.MaxInt32 && stride <= math.MaxInt32 && length >= (r-1)*stride+c
}

// turned returns the extents of a matrix as stored, where op of it is r×c.
func turned(t blas.Transpose, r, c int) (int, int) {
	if t == blas.NoTrans {
		return r, c
	}
	return c, r
}

func isTranspose(t blas.Transpose) bool {
	return t == blas.NoTrans || t == blas.Trans || t == blas.ConjTrans
}

func isUplo(ul blas.Uplo) bool { return ul == blas.Upper || ul == blas.Lower }
