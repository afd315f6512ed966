package flow

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	fast "github.com/oodflow/oodflow/internal/blas"
)

// matrix views the first r×c numbers of data as a matrix.
func matrix(data []float32, r, c int) blas32.General {
	return blas32.General{Rows: r, Cols: c, Stride: c, Data: data[:r*c]}
}

// part views c columns of a matrix n×d, from column o on.
func part(data []float32, n, d, o, c int) blas32.General {
	return columns(matrix(data, n, d), o, c)
}

// columns views c columns of m, from column o on.
func columns(m blas32.General, o, c int) blas32.General {
	if m.Rows > 0 {
		m.Data = m.Data[o : (m.Rows-1)*m.Stride+o+c]
	}
	m.Cols = c
	return m
}

// product computes c = alpha·op(a)·op(b) + beta·c.
type product func(ta, tb blas.Transpose, alpha float32, a, b blas32.General, beta float32, c blas32.General)

// gemm is a product on the goroutine that calls it: passes share out their rows themselves.
func gemm(ta, tb blas.Transpose, alpha float32, a, b blas32.General, beta float32, c blas32.General) {
	multiply(fast.Serial(), ta, tb, alpha, a, b, beta, c)
}

// gemmTogether is a product on all cores.
func gemmTogether(ta, tb blas.Transpose, alpha float32, a, b blas32.General, beta float32, c blas32.General) {
	multiply(fast.Split(), ta, tb, alpha, a, b, beta, c)
}

func multiply(by fast.Implementation, ta, tb blas.Transpose, alpha float32, a, b blas32.General, beta float32, c blas32.General) {
	m, k := a.Rows, a.Cols
	if ta != blas.NoTrans {
		m, k = k, m
	}
	by.Sgemm(ta, tb, m, c.Cols, k, alpha, a.Data, a.Stride, b.Data, b.Stride, beta, c.Data, c.Stride)
}
