package features

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/mat"
)

// Negligible is the share of the largest dimension's variance up to which a dimension counts as constant: a
// standard deviation of a ten-thousandth of the largest. The line is a convention. Weight decay shrinks unused
// channels without end (a CIFAR-10 WideResNet has them at 1e-3 and at 1e-12, and at everything between); such a
// dimension adds nothing to a distance, but dividing by its standard deviation, as whitening or an ActNorm layer
// does, makes it count as much as any other.
const Negligible = 1e-8

// Dims describes the dimensions of the L2-normalised features.
type Dims struct {
	Dead     int `json:"dead"`     // always 0
	Constant int `json:"constant"` // variance at most Negligible × the largest; dead ones included

	// VarianceRatio is the largest variance of a dimension over the smallest of those that are not constant;
	// nil when all are constant.
	VarianceRatio *float64 `json:"variance_ratio"`

	// EffectiveRank is exp(−Σ p log p), p being the eigenvalues of the covariance matrix over their sum (Roy &
	// Vetterli, EUSIPCO 2007, on eigenvalues): how many dimensions the features fill, from 1 to d. nil when all
	// dimensions are constant or SummaryOptions.MaxRankDim leaves it out.
	EffectiveRank *float64 `json:"effective_rank"`

	// RankImages is how many images the effective rank was taken over, spread evenly over the set: up to 4,096,
	// or SummaryOptions.MaxRankDim where there are more dimensions than that. From n images, features that fill
	// r dimensions come out about r²/n too low.
	RankImages int `json:"effective_rank_images"`
}

// rankRows bounds the images behind an effective rank: a few per cent too low for the hundred or so dimensions
// that classifiers fill.
const rankRows = 4096

// dimsOf describes the dimensions of the raw features x and of z, x normalised and without its zero rows. z is
// overwritten with z less its mean.
func dimsOf(x, z []float32, d, maxRank int) Dims {
	var dims Dims
	for _, live := range alive(x, d) {
		if !live {
			dims.Dead++
		}
	}
	variance := centre(z, d)
	largest := 0.0
	for _, v := range variance {
		largest = max(largest, v)
	}
	smallest := largest
	for _, v := range variance {
		if v <= Negligible*largest {
			dims.Constant++
		} else {
			smallest = min(smallest, v)
		}
	}
	// A spread of rounding errors only, in every dimension, is none at all.
	if largest <= Negligible {
		dims.Constant = d
		return dims
	}
	ratio := largest / smallest
	dims.VarianceRatio = &ratio
	n := min(len(z)/d, rankRows)
	if maxRank == 0 {
		maxRank = 1024
	}
	if d > maxRank {
		n = min(n, maxRank)
	}
	if n > 1 {
		if rank := effectiveRank(z, d, n); finite(rank) {
			dims.EffectiveRank, dims.RankImages = &rank, n
		}
	}
	return dims
}

// alive tells which columns of x (rows of d) are not always 0.
func alive(x []float32, d int) []bool {
	live := make([]bool, d)
	for i := 0; i < len(x); i += d {
		for j, v := range x[i : i+d] {
			live[j] = live[j] || v != 0
		}
	}
	return live
}

// centre subtracts from z (rows of d) the mean row and returns each column's variance, over n. Both passes sum
// in float64.
func centre(z []float32, d int) []float64 {
	mean, variance := make([]float64, d), make([]float64, d)
	n := float64(max(len(z)/d, 1))
	for i := 0; i < len(z); i += d {
		for j, v := range z[i : i+d] {
			mean[j] += float64(v)
		}
	}
	for j := range mean {
		mean[j] /= n
	}
	for i := 0; i < len(z); i += d {
		row := z[i : i+d]
		for j, v := range row {
			c := float64(v) - mean[j]
			variance[j] += c * c
			row[j] = float32(c)
		}
	}
	for j := range variance {
		variance[j] /= n
	}
	return variance
}

// effectiveRank returns exp of the entropy of the covariance's eigenvalues, from n rows of the centred z spread
// evenly. With fewer rows than dimensions it works on the products between rows, which have the same
// eigenvalues but for zeros.
func effectiveRank(z []float32, d, n int) float64 {
	rows := len(z) / d
	x := make([]float32, 0, n*d)
	for i := range n {
		row := i * rows / n
		x = append(x, z[row*d:(row+1)*d]...)
	}
	a := blas32.General{Rows: n, Cols: d, Stride: d, Data: x}
	gram := products(a, n >= d)
	var eig mat.EigenSym
	if !eig.Factorize(gram, false) { // never seen: the QR iteration did not converge
		return math.NaN()
	}
	values := eig.Values(nil)
	var total, entropy float64
	for _, v := range values {
		total += max(v, 0)
	}
	for _, v := range values {
		if p := v / total; p > 0 {
			entropy -= p * math.Log(p)
		}
	}
	return math.Exp(entropy)
}

// products returns aᵀa when columns is set and aaᵀ otherwise. Tiles of the upper triangle are multiplied in
// float32 over at most 256 terms, and summed in float64.
func products(a blas32.General, columns bool) *mat.SymDense {
	const tile = 256
	size, depth := a.Rows, a.Cols
	if columns {
		size, depth = a.Cols, a.Rows
	}
	gram := mat.NewSymDense(size, nil)
	out := gram.RawSymmetric()
	scratch := make([]float32, tile*tile)
	for i := 0; i < size; i += tile {
		for j := i; j < size; j += tile {
			c := blas32.General{Rows: min(tile, size-i), Cols: min(tile, size-j)}
			c.Stride, c.Data = c.Cols, scratch[:c.Rows*c.Cols]
			for k := 0; k < depth; k += tile {
				terms := min(tile, depth-k)
				if columns {
					blas32.Gemm(blas.Trans, blas.NoTrans, 1, part(a, k, i, terms, c.Rows), part(a, k, j, terms, c.Cols), 0, c)
				} else {
					blas32.Gemm(blas.NoTrans, blas.Trans, 1, part(a, i, k, c.Rows, terms), part(a, j, k, c.Cols, terms), 0, c)
				}
				for r := range c.Rows {
					dst := out.Data[(i+r)*out.Stride+j:]
					for q, v := range c.Data[r*c.Stride : (r+1)*c.Stride] {
						dst[q] += float64(v)
					}
				}
			}
		}
	}
	return gram
}

// part is the rows×cols block of a that starts at (i, j).
func part(a blas32.General, i, j, rows, cols int) blas32.General {
	start := i*a.Stride + j
	return blas32.General{Rows: rows, Cols: cols, Stride: a.Stride, Data: a.Data[start : start+(rows-1)*a.Stride+cols]}
}
