package features

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Tolerance measures how close together a classifier puts the images of one class: with z = x/‖x‖₂,
//
//	mean over i < j with class[i] = class[j] of  zᵢ·zⱼ
//
// the mean cosine similarity within classes (Wang & Liu, arXiv:2012.09740, sec. 4.3, over pairs of different
// images), from −1 to 1; higher is more tolerant. x is n×d, row-major, not necessarily normalised; class holds
// n classes, true or predicted; images with a negative class are left out.
//
// It is exact for any n, in float64 and O(n·d): a class's pairs sum to (‖Σz‖² − Σ‖z‖²)/2.
//
// No two images of one class, a zero row (*ZeroVectorError) and NaN or Inf are errors. Tolerance panics when
// class is not n long.
func Tolerance(x []float32, d int, class []int64) (Mean, error) {
	if d < 1 || len(x) != len(class)*d {
		panic(fmt.Sprintf("features: %d values are no %d rows of %d", len(x), len(class), d))
	}
	known := slices.DeleteFunc(slices.Clone(class), func(k int64) bool { return k < 0 })
	slices.Sort(known)
	known = slices.Compact(known)
	sums := newClassSums(known, d, len(known))
	for i, k := range class {
		row := x[i*d : (i+1)*d]
		r := norm(row)
		switch {
		case k < 0:
			continue
		case r == 0:
			return Mean{}, &ZeroVectorError{Row: i}
		case !finite(r):
			return Mean{}, fmt.Errorf("the feature vector of row %d holds NaN or Inf", i)
		}
		sums.add(row, r, k)
	}
	mean, ok := sums.mean()
	if !ok {
		return Mean{}, errNoPair
	}
	return mean, nil
}

var errNoPair = errors.New("tolerance needs two images of one class")

// mostSums bounds the values in the class sums of a Summary, 256 MiB: 16,384 classes of 2,048 dimensions.
const mostSums = 1 << 25

// classSums sums directions up by class; of classes that are not in it nothing.
type classSums struct {
	of  map[int64]*classSum
	all bool // no class was left out
}

type classSum struct {
	n   int
	sum []float64 // Σz
	own float64   // Σ‖z‖², which is n up to rounding
}

// newClassSums takes in the given classes, or most of them drawn at random.
func newClassSums(classes []int64, d, most int) *classSums {
	c := &classSums{of: map[int64]*classSum{}, all: len(classes) <= most}
	for _, i := range Sample(len(classes), most) {
		c.of[classes[i]] = &classSum{sum: make([]float64, d)}
	}
	return c
}

// add takes x, whose norm is r.
func (c *classSums) add(x []float32, r float64, class int64) {
	s := c.of[class]
	if s == nil {
		return
	}
	s.n++
	for j, v := range x {
		z := float64(v) / r
		s.sum[j] += z
		s.own += z * z
	}
}

// mean is over all pairs within a class; false where there is none.
func (c *classSums) mean() (Mean, bool) {
	var total float64
	m := Mean{Exact: c.all}
	for _, k := range slices.Sorted(maps.Keys(c.of)) {
		s := c.of[k]
		var square float64
		for _, v := range s.sum {
			square += v * v
		}
		if s.n > 1 {
			total += (square - s.own) / 2
			m.Pairs += pairs(s.n)
		}
	}
	m.Value = total / float64(m.Pairs)
	return m, m.Pairs > 0
}
