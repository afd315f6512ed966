package detect

import (
	"fmt"
	"slices"

	"github.com/oodflow/oodflow/features"
)

// DefaultK is the number of neighbours of [KNN], OpenOOD's setting.
const DefaultK = 50

// KNN scores by the distance to the training features:
//
//	score = the k-th smallest of ‖z/‖z‖ − b/‖b‖‖² over the bank of training vectors b,  in [0, 4].
//
// All vectors are L2-normalised; the distance is squared. Ties count as often as they occur. It needs features and keeps
// all of them. Sun et al., arXiv:2204.06507, with OpenOOD's k = 50 but without its addition of 1e-10.
//
// The result is exact: float32 matrix products only rule out what cannot be the k-th nearest, given a bound on
// their rounding error, and the distances that remain are computed from differences in float64. Near
// duplicates thus keep their digits, which 2 − 2·cos loses.
type KNN struct {
	k     int
	bank  bank      // rows as they were given, scaled by 1/norms
	norms []float64 // n, L2 norms of the rows
	warned
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
	m := &KNN{k: min(k, train.N), bank: bank{d: train.D, rows: train.Features, scale: make([]float64, train.N)}}
	if m.k < k {
		m.warn = append(m.warn, fmt.Sprintf("knn: k is %d instead of %d, since there are no more training images", m.k, k))
	}
	var err error
	if m.norms, err = norms(train); err != nil {
		return nil, fmt.Errorf("fit knn: %w", err)
	}
	for i, norm := range m.norms {
		m.bank.scale[i] = 1 / norm
	}
	return m, nil
}

// Name returns "knn".
func (*KNN) Name() string { return "knn" }

// Dim returns the number of features per image.
func (m *KNN) Dim() int { return m.bank.d }

// Normalizes returns true.
func (*KNN) Normalizes() bool { return true }

// Score implements [Detector]. Beside the set itself it needs some tens of megabytes.
func (m *KNN) Score(dst []float64, s *features.Set) ([]float64, error) {
	if err := checkFeatures(s, m.bank.d); err != nil {
		return nil, err
	}
	lengths, err := norms(s)
	if err != nil {
		return nil, err
	}
	dst = grow(dst, s.N)
	m.bank.search(m.k, s, lengths, func(i int, near *nearest) {
		dst[i] = m.exact(s.Row(i), lengths[i], near)
	})
	return dst, checkScores(dst, s)
}

// exact returns the k-th smallest squared distance of a query to the candidates, in float64 from differences. Only those
// are computed that may be it.
func (m *KNN) exact(q []float32, length float64, near *nearest) float64 {
	rank := m.k - 1
	var dist []float64
	for _, c := range near.found {
		if near.certain(c) {
			rank--
			continue
		}
		row, norm := int(c.row), m.norms[c.row]
		var sum float64
		for j, v := range m.bank.rows[row*m.bank.d : (row+1)*m.bank.d] {
			diff := float64(q[j])/length - float64(v)/norm
			sum += diff * diff
		}
		dist = append(dist, sum)
	}
	slices.Sort(dist)
	return dist[rank]
}

func (m *KNN) encode(e *encoder) {
	e.setInt("k", m.k)
	e.float32("bank", m.bank.rows, len(m.norms), m.bank.d)
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
