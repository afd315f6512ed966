package features

import (
	"math"
	"slices"

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

	// RankImages is how many images the effective rank was taken over, drawn at random: up to 4,096, or
	// SummaryOptions.MaxRankDim where there are more dimensions than that. From n images, features that fill r
	// dimensions come out about r²/n too low.
	RankImages int `json:"effective_rank_images"`
}

// rankRows bounds the images behind an effective rank: a few per cent too low for the hundred or so dimensions
// that classifiers fill.
const rankRows = 4096

// moments sums up the columns of vectors x and of their directions z. The latter are taken about the first z, which loses
// nothing to cancellation: being among them, its squared distance from the mean is at most n variances.
type moments struct {
	live               []bool // columns of x that are not always 0
	n                  int
	first, sum, square []float64
}

func newMoments(d int) moments {
	return moments{make([]bool, d), 0, make([]float64, d), make([]float64, d), make([]float64, d)}
}

func (m *moments) add(x, z []float32) {
	if m.n == 0 {
		for j, v := range z {
			m.first[j] = float64(v)
		}
	}
	m.n++
	for j, v := range z {
		c := float64(v) - m.first[j]
		m.sum[j] += c
		m.square[j] += c * c
		m.live[j] = m.live[j] || x[j] != 0
	}
}

// of returns mean and variance, over n, of a column of z.
func (m *moments) of(j int) (mean, variance float64) {
	n := float64(max(m.n, 1))
	shift := m.sum[j] / n
	return m.first[j] + shift, max(0, m.square[j]/n-shift*shift)
}

// dims describes the dimensions. z are some of the directions, for the effective rank.
func (m *moments) dims(z []float32, maxRank int) Dims {
	var dims Dims
	d := len(m.live)
	mean, variance := make([]float64, d), make([]float64, d)
	for j, live := range m.live {
		mean[j], variance[j] = m.of(j)
		if !live {
			dims.Dead++
		}
	}
	largest := slices.Max(variance)
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
	most := rankRows
	if maxRank == 0 {
		maxRank = 1024
	}
	if d > maxRank {
		most = min(most, max(0, maxRank))
	}
	if rows := Sample(len(z)/d, most); len(rows) > 1 {
		if rank := effectiveRank(centred(z, mean, rows)); finite(rank) {
			dims.EffectiveRank, dims.RankImages = &rank, len(rows)
		}
	}
	return dims
}

// centred copies the given rows of z less the mean.
func centred(z []float32, mean []float64, rows []int) blas32.General {
	d := len(mean)
	a := blas32.General{Rows: len(rows), Cols: d, Stride: d, Data: make([]float32, 0, len(rows)*d)}
	for _, i := range rows {
		for j, v := range z[i*d : (i+1)*d] {
			a.Data = append(a.Data, float32(float64(v)-mean[j]))
		}
	}
	return a
}

// effectiveRank returns exp of the entropy of the covariance's eigenvalues, from centred rows. With fewer rows than
// dimensions it works on the products between rows, which have the same eigenvalues but for zeros.
func effectiveRank(a blas32.General) float64 {
	gram := products(a, a.Rows >= a.Cols)
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
