package features

import (
	"errors"
	"fmt"
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
	order := make([]int, 0, len(class)) // rows by class
	for i, k := range class {
		if k >= 0 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return int(min(max(class[a]-class[b], -1), 1)) // both are ≥ 0: no overflow
	})
	var total float64
	var count int64
	sum := make([]float64, d)
	for len(order) > 0 {
		same := 1
		for same < len(order) && class[order[same]] == class[order[0]] {
			same++
		}
		s, err := cosineSum(sum, x, d, order[:same])
		if err != nil {
			return Mean{}, err
		}
		total += s
		count += pairs(same)
		order = order[same:]
	}
	if count == 0 {
		return Mean{}, errNoPair
	}
	return Mean{Value: total / float64(count), Pairs: count, Exact: true}, nil
}

var errNoPair = errors.New("tolerance needs two images of one class")

// cosineSum returns the sum of cosines over the pairs of the given rows of x; sum is scratch for d values.
func cosineSum(sum []float64, x []float32, d int, rows []int) (float64, error) {
	clear(sum)
	var own float64 // Σ‖z‖², which is the number of rows up to rounding
	for _, i := range rows {
		row := x[i*d : (i+1)*d]
		r := norm(row)
		switch {
		case r == 0:
			return 0, &ZeroVectorError{Row: i}
		case !finite(r):
			return 0, fmt.Errorf("the feature vector of row %d holds NaN or Inf", i)
		}
		for j, v := range row {
			z := float64(v) / r
			sum[j] += z
			own += z * z
		}
	}
	var square float64
	for _, v := range sum {
		square += v * v
	}
	return (square - own) / 2, nil
}
