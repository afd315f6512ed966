package detect

import (
	"github.com/oodflow/oodflow/features"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// Rows that are compared at a time. The products of a tile of queries with a tile of the bank, 1 MiB, stay in cache.
// Scaling a tile of the bank costs little beside multiplying it with a block of queries.
const (
	queryTile = 256
	bankTile  = 1024
	mostBlock = 16 * queryTile
)

// bank finds among many rows those with the largest inner products with a query, exactly: float32 matrix products only rule
// out what cannot be among them, given a bound on their rounding error (see nearest).
type bank struct {
	d     int
	rows  []float32 // n×d
	scale []float64 // n; row i stands for scale[i]·rows[i], whose L2 norm is at most 1
}

// search finds for each row q/‖q‖ of s, whose norms are lengths, the rows of the bank with the k largest products. It
// calls found with the number of the query and the candidates, from several goroutines; those are valid until found
// returns.
func (b *bank) search(k int, s *features.Set, lengths []float64, found func(query int, near *nearest)) {
	w := newSearch(b, k, s.N)
	for from := 0; from < s.N; from += w.block {
		n := min(w.block, s.N-from)
		w.products(s.Features[from*b.d:(from+n)*b.d], lengths[from:from+n])
		parallel(n, func(i, j int) {
			for ; i < j; i++ {
				w.near[i].prune()
				found(from+i, &w.near[i])
			}
		})
	}
}

// search is the scratch memory for one block of queries.
type search struct {
	*bank
	block   int       // queries in a block
	queries []float32 // block×d, of norm 1
	rows    []float32 // bankTile×d, scaled
	dots    []float32 // queryTile×bankTile
	near    []nearest // block
}

func newSearch(b *bank, k, queries int) *search {
	const most = 4 << 20 // candidates, 32 MiB
	block := max(queryTile, min(mostBlock, most/candidateLimit(k)))
	block = min(block, queries)
	w := &search{
		bank: b, block: block,
		queries: make([]float32, block*b.d),
		rows:    make([]float32, min(bankTile, len(b.scale))*b.d),
		dots:    make([]float32, min(queryTile, block)*bankTile),
		near:    make([]nearest, block),
	}
	for i := range w.near {
		w.near[i].k, w.near[i].slack = k, 2*productError(b.d)
	}
	return w
}

// products offers the products of the queries q, row-major, with the whole bank.
func (w *search) products(q []float32, lengths []float64) {
	n, d := len(lengths), w.d
	parallel(n, func(a, b int) {
		for i := a; i < b; i++ {
			scaleRow(w.queries[i*d:(i+1)*d], q[i*d:(i+1)*d], 1/lengths[i])
			w.near[i].reset()
		}
	})
	for from := 0; from < len(w.scale); from += bankTile {
		m := min(bankTile, len(w.scale)-from)
		parallel(m, func(a, b int) {
			for i := a; i < b; i++ {
				scaleRow(w.rows[i*d:(i+1)*d], w.bank.rows[(from+i)*d:(from+i+1)*d], w.scale[from+i])
			}
		})
		for q := 0; q < n; q += queryTile {
			w.offer(from, m, q, min(queryTile, n-q))
		}
	}
}

// offer multiplies n queries, the first of which is q, with m rows of the bank, the first of which is from.
func (w *search) offer(from, m, q, n int) {
	blas32.Gemm(blas.NoTrans, blas.Trans, 1,
		general(n, w.d, w.queries[q*w.d:]), general(m, w.d, w.rows), 0, general(n, m, w.dots))
	parallel(n, func(a, b int) {
		for i := a; i < b; i++ {
			w.near[q+i].offer(from, w.dots[i*m:(i+1)*m])
		}
	})
}

// scaleRow writes x·by to dst.
func scaleRow(dst, x []float32, by float64) {
	dst = dst[:len(x)]
	for j, v := range x {
		dst[j] = float32(float64(v) * by)
	}
}

func general(rows, cols int, x []float32) blas32.General {
	return blas32.General{Rows: rows, Cols: cols, Stride: cols, Data: x[:rows*cols]}
}
