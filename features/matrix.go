package features

import (
	"errors"
	"sync"
)

// matrix is one of a file's, read by rows.
type matrix interface {
	// rows writes the rows of the given numbers to dst, one after the other.
	rows(dst []float32, index []int) error
}

// memoryMatrix is one in memory.
type memoryMatrix struct {
	x    []float32
	cols int
}

func (m memoryMatrix) rows(dst []float32, index []int) error {
	for k, i := range index {
		copy(dst[k*m.cols:(k+1)*m.cols], m.x[i*m.cols:(i+1)*m.cols])
	}
	return nil
}

// fileMatrix is one whose elements lie row-major in a file.
type fileMatrix struct {
	cols int
	at   func(dst []float32, from int64) error // reads len(dst) elements from element from on
}

// Rows that are far apart are read by several goroutines: a disk serves many requests at once better than one after
// the other.
const (
	readers  = 8
	leastFor = 64 // rows that are worth a reader
)

func (m fileMatrix) rows(dst []float32, index []int) error {
	parts := 1
	if n := len(index); n > 0 && index[n-1]-index[0] != n-1 {
		parts = max(1, min(readers, n/leastFor))
	}
	if parts == 1 {
		return m.runs(dst, index)
	}
	errs := make([]error, parts)
	var wg sync.WaitGroup
	for p := range parts {
		lo, hi := p*len(index)/parts, (p+1)*len(index)/parts
		wg.Go(func() { errs[p] = m.runs(dst[lo*m.cols:hi*m.cols], index[lo:hi]) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// runs reads rows that follow one another at once.
func (m fileMatrix) runs(dst []float32, index []int) error {
	for k := 0; k < len(index); {
		end := k + run(index[k:])
		if err := m.at(dst[k*m.cols:end*m.cols], int64(index[k])*int64(m.cols)); err != nil {
			return err
		}
		k = end
	}
	return nil
}

// run is the number of rows at the beginning of index that follow one another.
func run(index []int) int {
	n := 1
	for n < len(index) && index[n] == index[n-1]+1 {
		n++
	}
	return n
}
