package detect

import (
	"github.com/oodflow/oodflow/features"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
)

// rows64 gives the features of a set in float64, divided by their norms when these are set.
type rows64 struct {
	s     *features.Set
	norms []float64 // nil or one for each row
}

// row writes row i to dst.
func (r rows64) row(dst []float64, i int) {
	for j, v := range r.s.Row(i) {
		dst[j] = float64(v)
	}
	if r.norms != nil {
		for j := range dst {
			dst[j] /= r.norms[i]
		}
	}
}

// centered writes rows from, from+1, ..., n of them, less center, to dst.
func (r rows64) centered(dst []float64, from, n int, center []float64) {
	parallel(n, func(a, b int) {
		for i := a; i < b; i++ {
			out := dst[i*r.s.D : (i+1)*r.s.D]
			r.row(out, from+i)
			for j := range out {
				out[j] -= center[j]
			}
		}
	})
}

// moments are the class means and the covariance within the classes.
type moments struct {
	center []float64 // d, the mean of the class means, weighted by class size
	means  []float64 // classes×d, less center
	cov    []float64 // d×d, symmetric: mean over the images of (z − μ_c)(z − μ_c)ᵀ
}

// newMoments takes two passes over the rows: the means first, so that the covariance is summed from small numbers.
func newMoments(rows rows64, c classes) moments {
	d := rows.s.D
	m := moments{center: make([]float64, d), means: make([]float64, c.count*d), cov: make([]float64, d*d)}
	m.addMeans(rows, c)
	total := 0
	for k, n := range c.size {
		total += n
		for j, v := range m.means[k*d : (k+1)*d] {
			m.center[j] += v
			m.means[k*d+j] = v / float64(n)
		}
	}
	for j := range m.center {
		m.center[j] /= float64(total)
	}
	for i := range m.means {
		m.means[i] -= m.center[i%d]
	}
	m.addCovariance(rows, c)
	for i := range m.cov {
		m.cov[i] /= float64(total)
	}
	return m
}

// addMeans sums the rows of each class.
func (m *moments) addMeans(rows rows64, c classes) {
	d := rows.s.D
	x := make([]float64, d)
	for i, k := range c.of {
		if k < 0 {
			continue
		}
		rows.row(x, i)
		for j, v := range x {
			m.means[k*d+j] += v
		}
	}
}

// covTile is the number of rows whose outer products are summed by one matrix product.
const covTile = 512

// addCovariance sums the outer products of the rows less the means of their classes.
func (m *moments) addCovariance(rows rows64, c classes) {
	d := rows.s.D
	x := make([]float64, covTile*d)
	for from := 0; from < len(c.of); from += covTile {
		n := min(covTile, len(c.of)-from)
		rows.centered(x, from, n, m.center)
		for i := range n {
			out := x[i*d : (i+1)*d]
			if k := c.of[from+i]; k >= 0 {
				for j := range out {
					out[j] -= m.means[k*d+j]
				}
			} else {
				clear(out)
			}
		}
		tile := blas64.General{Rows: n, Cols: d, Stride: d, Data: x[:n*d]}
		blas64.Gemm(blas.Trans, blas.NoTrans, 1, tile, tile, 1, blas64.General{Rows: d, Cols: d, Stride: d, Data: m.cov})
	}
}
