package flow

import (
	"fmt"
	"slices"
)

// Rows are n feature vectors of d numbers each, in memory (see [Matrix]) or wherever else they are kept: training asks
// for some of them at a time, from one goroutine.
type Rows interface {
	// Len returns n and Dim returns d.
	Len() int
	Dim() int
	// Read writes the rows of the given numbers, in their order, to dst (len(index)×d).
	Read(dst []float32, index []int) error
}

// Matrix returns the rows of x (n×d, row-major), which is not copied. It panics if len(x) is not a multiple of d.
func Matrix(x []float32, d int) Rows { return dense{x, rows(x, d), d} }

type dense struct {
	x    []float32
	n, d int
}

func (m dense) Len() int { return m.n }
func (m dense) Dim() int { return m.d }

func (m dense) Read(dst []float32, index []int) error {
	for i, r := range index {
		copy(dst[i*m.d:(i+1)*m.d], m.x[r*m.d:(r+1)*m.d])
	}
	return nil
}

// Data is what a flow is fitted to.
type Data struct {
	Rows
	Labels []int // n class numbers in [0, Classes), or nil
	// Classes is the number of classes; 0 without labels.
	Classes int
}

// repeats tells whether a class has more than one row.
func (d Data) repeats() bool {
	seen := make([]bool, d.Classes)
	for _, c := range d.Labels {
		if seen[c] {
			return true
		}
		seen[c] = true
	}
	return false
}

// check looks at everything but the rows themselves.
func (d Data) check(name string, least int) error {
	n := d.Len()
	if n < least {
		return fmt.Errorf("%d %s rows: want at least %d", n, name, least)
	}
	if d.Labels != nil && len(d.Labels) != n {
		panic(fmt.Sprintf("flow: %d labels for %d rows", len(d.Labels), n))
	}
	return nil
}

// chunk is the number of rows that a pass over all of them reads at a time.
const chunk = 1024

// each calls do with all rows in order, some at a time; x is valid until do returns. An error of do ends it.
func (d Data) each(do func(first int, x []float32) error) error {
	n, dim := d.Len(), d.Dim()
	buf, index := make([]float32, min(n, chunk)*dim), make([]int, min(n, chunk))
	for i := 0; i < n; i += chunk {
		m := min(chunk, n-i)
		for k := range m {
			index[k] = i + k
		}
		x := buf[:m*dim]
		if err := d.Read(x, index[:m]); err != nil {
			return fmt.Errorf("read rows %d to %d: %w", i, i+m-1, err)
		}
		if err := do(i, x); err != nil {
			return err
		}
	}
	return nil
}

// head reads the first rows, at most so many.
func (d Data) head(most int) ([]float32, error) {
	n := min(d.Len(), most)
	x := make([]float32, 0, n*d.Dim())
	err := Data{Rows: first{d.Rows, n}}.each(func(_ int, part []float32) error {
		x = append(x, part...)
		return nil
	})
	return x, err
}

// first are the first n of some rows.
type first struct {
	Rows
	n int
}

func (f first) Len() int { return f.n }

// largest is the largest magnitude of a feature to train on: differences of two and short sums stay within float32.
const largest = 1e37

// checkFinite refuses a chunk of rows that holds NaN, Inf or something close to it.
func checkFinite(name string, start int, x []float32, d int) error {
	i := slices.IndexFunc(x, func(v float32) bool { return !(v >= -largest && v <= largest) })
	if i < 0 {
		return nil
	}
	err := fmt.Errorf("value %d is %v", i%d, x[i])
	if finite(float64(x[i])) {
		err = fmt.Errorf("%w: want at most %g, scale the features down", err, largest)
	}
	return &RowError{Of: name, Row: start + i/d, Err: err}
}
