package flow

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"
)

// moments are what a Gaussian model is made of, summed in float64.
type moments struct {
	mean   []float64     // d, of all rows
	means  []float64     // C×d, of each class; a class without rows has the mean of all
	counts []int         // C, rows of each class
	rows   int           // n
	within bool          // whether the covariance is around the class means
	cov    *mat.SymDense // d×d, Σ_i (x_i − μ)(x_i − μ)ᵀ / n, around the mean of all or of the row's class
}

// moments reads all rows twice. within takes the covariance around the class means. A row that is not finite is a *RowError.
func (d Data) moments(within bool) (*moments, error) {
	m, err := d.means()
	if err != nil {
		return nil, err
	}
	around := func(i int) []float64 {
		if !within {
			return m.mean
		}
		c := d.class(i)
		return m.means[c*d.Dim() : (c+1)*d.Dim()]
	}
	m.rows, m.within = d.Len(), within
	m.cov, err = d.covariance(around)
	return m, err
}

// means returns the moments without the covariance. Without labels all rows are of one class.
func (d Data) means() (*moments, error) {
	dim, classes := d.Dim(), d.Classes
	if d.Labels == nil {
		classes = 1
	}
	m := &moments{mean: make([]float64, dim), means: make([]float64, classes*dim), counts: make([]int, classes)}
	err := d.each(func(first int, x []float32) error {
		for i := 0; i < len(x); i += dim {
			c := d.class(first + i/dim)
			m.counts[c]++
			mu := m.means[c*dim : (c+1)*dim]
			for j, v := range x[i : i+dim] {
				mu[j] += float64(v)
			}
		}
		return checkFinite("training", first, x, dim)
	})
	for i, v := range m.means { // sums, which are exact where the rows are all the same, however large
		m.mean[i%dim] += v
	}
	for j := range m.mean {
		m.mean[j] /= float64(d.Len())
	}
	for c, k := range m.counts {
		mu := m.means[c*dim : (c+1)*dim]
		for j := range mu {
			if k == 0 {
				mu[j] = m.mean[j]
			} else {
				mu[j] /= float64(k)
			}
		}
	}
	return m, err
}

// class returns the class of row i.
func (d Data) class(i int) int {
	if d.Labels == nil {
		return 0
	}
	return d.Labels[i]
}

// spread returns the standard deviation of each feature over all rows: the covariance's diagonal and, where that is around
// the class means, their own spread.
func (m *moments) spread() []float32 {
	dim := len(m.mean)
	sd := make([]float32, dim)
	for j := range sd {
		v := m.cov.At(j, j)
		if m.within {
			for c, k := range m.counts {
				away := m.means[c*dim+j] - m.mean[j]
				v += float64(k) / float64(m.rows) * away * away
			}
		}
		sd[j] = float32(math.Sqrt(v))
	}
	return sd
}

// covariance sums the outer products of the rows around what centre gives for each.
func (d Data) covariance(centre func(i int) []float64) (*mat.SymDense, error) {
	dim := d.Dim()
	cov := mat.NewSymDense(dim, nil)
	buf := make([]float64, min(d.Len(), chunk)*dim)
	err := d.each(func(first int, x []float32) error {
		for i := 0; i < len(x); i += dim {
			mu := centre(first + i/dim)
			for j, v := range x[i : i+dim] {
				buf[i+j] = float64(v) - mu[j]
			}
		}
		part := blas64.General{Rows: len(x) / dim, Cols: dim, Stride: dim, Data: buf[:len(x)]}
		blas64.Syrk(blas.Trans, 1/float64(d.Len()), part, 1, cov.RawSymmetric())
		return nil
	})
	if err != nil {
		return nil, err
	}
	for j := range dim {
		if v := cov.At(j, j); math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("covariance: dimension %d is not finite", j)
		}
	}
	return cov, nil
}
