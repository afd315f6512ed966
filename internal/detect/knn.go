package detect

import (
	"fmt"
	"slices"

	"github.com/oodflow/oodflow/features"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// DefaultK is the number of neighbours of [KNN], OpenOOD's setting.
const DefaultK = 50

// Rows of queries and of the bank that are compared at a time. The tile of dot products, 1 MiB, stays in cache,
// and converting a tile of the bank costs little beside multiplying it with so many queries.
const (
	queryTile = 256
	bankTile  = 1024
)

// KNN scores by the distance to the training features:
//
//	score = the k-th smallest of ‖z/‖z‖ − b/‖b‖‖² over the bank of training vectors b,  in [0, 4].
//
// All vectors are L2-normalised; the distance is squared. Ties count as often as they occur. It needs features and keeps
// all of them. Sun et al., arXiv:2204.06507, with OpenOOD's k = 50 but without its addition of 1e-10.
//
// The result is exact: float32 matrix products only rule out what cannot be among the k nearest, given a bound on
// their rounding error, and the distances that remain are computed from differences in float64. Near
// duplicates thus keep their digits, which 2 − 2·cos loses.
type KNN struct {
	k, d  int
	bank  []float32 // n×d, as they were given: not normalised
	norms []float64 // n, L2 norms of the rows of bank
	warn  []string
}

var _ Detector = (*KNN)(nil)

// FitKNN keeps the features of train as the bank; they are not copied and must not change afterwards. k must be at
// least 1; where train has fewer rows than k, k becomes their number and [Warnings] says so. A zero vector is a
// *features.ZeroVectorError.
func FitKNN(train *features.Set, k int) (*KNN, error) {
	if k < 1 {
		return nil, fmt.Errorf("fit knn: k must be at least 1, not %d", k)
	}
	if train.N == 0 {
		return nil, &NeedsError{Detector: "knn", What: "at least one image"}
	}
	m := &KNN{k: min(k, train.N), d: train.D, bank: train.Features}
	if m.k < k {
		m.warn = append(m.warn, fmt.Sprintf("knn: k is %d instead of %d, since there are no more training images", m.k, k))
	}
	var err error
	if m.norms, err = norms(train); err != nil {
		return nil, fmt.Errorf("fit knn: %w", err)
	}
	return m, nil
}

// Name returns "knn".
func (*KNN) Name() string { return "knn" }

// Dim returns the number of features per image.
func (m *KNN) Dim() int { return m.d }

// Normalizes returns true.
func (*KNN) Normalizes() bool { return true }

// Warnings says whether k had to be reduced.
func (m *KNN) Warnings() []string { return m.warn }

// Score implements [Detector]. Beside the set itself it needs a few megabytes.
func (m *KNN) Score(dst []float64, s *features.Set) ([]float64, error) {
	if err := checkFeatures(s, m.d); err != nil {
		return nil, err
	}
	lengths, err := norms(s)
	if err != nil {
		return nil, err
	}
	dst = grow(dst, s.N)
	w := newKNNWork(m)
	for from := 0; from < s.N; from += queryTile {
		to := min(from+queryTile, s.N)
		w.score(dst[from:to], s.Features[from*m.d:to*m.d], lengths[from:to])
	}
	return dst, checkScores(dst, s)
}

// knnWork is the scratch memory for one tile of queries.
type knnWork struct {
	*KNN
	queries []float32 // queryTile×d, normalised
	rows    []float32 // bankTile×d, normalised
	dots    []float32 // queryTile×bankTile
	near    []nearest // queryTile
}

func newKNNWork(m *KNN) *knnWork {
	return &knnWork{
		KNN:     m,
		queries: make([]float32, queryTile*m.d),
		rows:    make([]float32, bankTile*m.d),
		dots:    make([]float32, queryTile*bankTile),
		near:    make([]nearest, queryTile),
	}
}

// score writes the scores of len(dst) queries q, row-major and not normalised, with the given norms.
func (w *knnWork) score(dst []float64, q []float32, lengths []float64) {
	n := len(dst)
	unitRows(w.queries, q, lengths, w.d)
	for i := range n {
		w.near[i].reset(w.k, dotError(w.d))
	}
	for from := 0; from < len(w.norms); from += bankTile {
		to := min(from+bankTile, len(w.norms))
		parallel(to-from, func(a, b int) {
			unitRows(w.rows[a*w.d:], w.bank[(from+a)*w.d:(from+b)*w.d], w.norms[from+a:from+b], w.d)
		})
		blas32.Gemm(blas.NoTrans, blas.Trans, 1,
			general(n, w.d, w.queries), general(to-from, w.d, w.rows), 0, general(n, to-from, w.dots))
		parallel(n, func(a, b int) {
			for i := a; i < b; i++ {
				w.near[i].offer(from, w.dots[i*(to-from):(i+1)*(to-from)])
			}
		})
	}
	parallel(n, func(a, b int) {
		for i := a; i < b; i++ {
			dst[i] = w.exact(q[i*w.d:(i+1)*w.d], lengths[i], w.near[i].candidates())
		}
	})
}

// exact returns the k-th smallest squared distance of a query to the candidates, in float64 from differences.
func (w *knnWork) exact(q []float32, length float64, candidates []candidate) float64 {
	dist := make([]float64, len(candidates))
	for i, c := range candidates {
		b, norm := w.bank[c.row*w.d:(c.row+1)*w.d], w.norms[c.row]
		for j, v := range q {
			diff := float64(v)/length - float64(b[j])/norm
			dist[i] += diff * diff
		}
	}
	slices.Sort(dist)
	return dist[w.k-1]
}

// unitRows writes the rows of x divided by their norms to dst.
func unitRows(dst, x []float32, norms []float64, d int) {
	for i, norm := range norms {
		out := dst[i*d : (i+1)*d]
		for j, v := range x[i*d : (i+1)*d] {
			out[j] = float32(float64(v) / norm)
		}
	}
}

func general(rows, cols int, x []float32) blas32.General {
	return blas32.General{Rows: rows, Cols: cols, Stride: cols, Data: x[:rows*cols]}
}

func (m *KNN) encode(e *encoder) {
	e.setInt("k", m.k)
	e.float32("bank", m.bank, len(m.norms), m.d)
}

func decodeKNN(d *decoder) (*KNN, error) {
	shape, err := d.shape("bank", 2)
	if err != nil {
		return nil, err
	}
	bank, err := d.float32("bank", shape...)
	if err != nil {
		return nil, err
	}
	k, err := d.getInt("k", 1)
	if err != nil {
		return nil, err
	}
	m, err := FitKNN(&features.Set{N: shape[0], D: shape[1], Features: bank}, k)
	if err == nil && m.k != k {
		err = fmt.Errorf("k is %d, but the bank has %d rows", k, shape[0])
	}
	return m, err
}
