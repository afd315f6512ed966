package features

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// PairOptions bounds the work of Uniformity.
type PairOptions struct {
	// MaxPairs is the number of pairs above which pairs are sampled. Default 2,000,000, which is every pair of
	// 2,000 vectors: about a second for 2,048 dimensions, a tenth for 128.
	MaxPairs int
	// Seed chooses the sample; the same seed gives the same value.
	Seed uint64
}

// Mean is a mean over pairs of images.
type Mean struct {
	Value float64 `json:"value"`
	Pairs int64   `json:"pairs"` // how many pairs it was taken over
	Exact bool    `json:"exact"` // over all pairs, not a sample
}

// Uniformity measures how evenly the directions of the rows of x (n×d, row-major, not necessarily
// normalised) cover the sphere: with z = x/‖x‖₂ and t = 2,
//
//	log  mean over i < j of  exp(−t·‖zᵢ − zⱼ‖²)
//
// (Wang & Isola, arXiv:2005.10242, eq. 2; their loss, so lower is more uniform). It is 0 when all directions
// agree and never below −8, and about −4 for n random directions in many dimensions.
//
// Up to opt.MaxPairs all pairs are taken. Above, the rows are shuffled and cut into blocks of equal size, and
// all pairs within a block are taken: every row then meets equally many others drawn at random, so what
// single rows contribute to the error cancels and the rest falls as 1/√pairs. The value is within 0.01 of the
// exact one with the default number of pairs, on features of trained classifiers far closer.
//
// Fewer than two rows, a zero row (*ZeroVectorError) and NaN or Inf are errors.
func Uniformity(x []float32, d int, opt PairOptions) (Mean, error) {
	if d < 1 || len(x)%d != 0 {
		panic(fmt.Sprintf("features: %d values are no rows of %d", len(x), d))
	}
	n := len(x) / d
	if n < 2 {
		return Mean{}, errors.New("uniformity needs at least two images")
	}
	if opt.MaxPairs <= 0 {
		opt.MaxPairs = 2_000_000
	}
	blocks, order := 1, []int(nil)
	if pairs(n) > int64(opt.MaxPairs) {
		size := max(2, 1+2*opt.MaxPairs/n) // n/size blocks of size·(size−1)/2 pairs are about MaxPairs pairs
		blocks = n / size
		order = rand.New(rand.NewPCG(opt.Seed, 0)).Perm(n)
	}
	var sum float64
	var count int64
	var z, product []float32
	for k := range blocks {
		lo, hi := k*n/blocks, (k+1)*n/blocks
		z = z[:0]
		for i := lo; i < hi; i++ {
			row := i
			if order != nil {
				row = order[i]
			}
			z = append(z, x[row*d:(row+1)*d]...)
		}
		if _, err := Normalize(z, z, d); err != nil {
			return Mean{}, atRow(err, lo, order)
		}
		if m := min(hi-lo, pairTile); m*m > len(product) {
			product = make([]float32, m*m)
		}
		sum += kernelSum(product, z, hi-lo, d)
		count += pairs(hi - lo)
	}
	return Mean{Value: math.Log(sum / float64(count)), Pairs: count, Exact: order == nil}, nil
}

// pairTile is the number of rows whose products with as many others are computed at once.
const pairTile = 256

// pairs is the number of pairs i < j of n things.
func pairs(n int) int64 { return int64(n) * int64(n-1) / 2 }

// atRow moves a zero vector's row from its block to the set.
func atRow(err error, start int, order []int) error {
	if zero := (*ZeroVectorError)(nil); errors.As(err, &zero) {
		zero.Row += start
		if order != nil {
			zero.Row = order[zero.Row]
		}
	}
	return err
}

// kernelSum returns the sum over i < j of exp(−2‖zᵢ − zⱼ‖²) = exp(4(zᵢ·zⱼ − 1)) for the n unit rows of z. The
// dot products come in float32 from matrix products of tiles; their sum is float64. product is scratch for a
// tile, of which there is none larger than n×n.
func kernelSum(product, z []float32, n, d int) float64 {
	var sum float64
	for i := 0; i < n; i += pairTile {
		a := rowsOf(z, i, min(pairTile, n-i), d)
		for j := i; j < n; j += pairTile {
			b := rowsOf(z, j, min(pairTile, n-j), d)
			c := blas32.General{Rows: a.Rows, Cols: b.Rows, Stride: b.Rows, Data: product[:a.Rows*b.Rows]}
			blas32.Gemm(blas.NoTrans, blas.Trans, 1, a, b, 0, c)
			for r := range c.Rows {
				first := 0
				if i == j {
					first = r + 1
				}
				for _, dot := range c.Data[r*c.Stride+first : (r+1)*c.Stride] {
					sum += math.Exp(4 * (float64(dot) - 1))
				}
			}
		}
	}
	return sum
}

// rowsOf is the matrix of n rows of z from row i on.
func rowsOf(z []float32, i, n, d int) blas32.General {
	return blas32.General{Rows: n, Cols: d, Stride: d, Data: z[i*d : (i+n)*d]}
}
