package detect

import (
	"errors"
	"fmt"
	"math"
	"sync/atomic"

	"github.com/oodflow/oodflow/features"
)

// FDBD scores by how far the features are from the boundaries between the predicted class and the others, against how
// far they are from the middle of the training features:
//
//	score = −Σ_{c≠p} (l_p − l_c)/‖w_p − w_c‖₂ / ‖z − μ‖₂,  l = W·z + b,  p = argmax l,
//
// with w_c the rows of W and μ the mean of the training features. A class with the weights of class p has no boundary
// with it and is left out. It needs features and the classifier's head (W, b) of at least two classes; at scoring only
// features. Liu and Qin, "Fast Decision Boundary based Out-of-Distribution Detector", arXiv:2312.11536; the sum is
// OpenOOD's, the paper's mean divides all scores by C − 1.
//
// An image at the very middle would score −∞: distances from there count as at least a millionth of the training
// images' root mean square.
type FDBD struct {
	head
	mean    []float64 // d
	least   float64   // of ‖z − μ‖₂
	rows    []float64 // c×d, W
	inverse []atomic.Pointer[[]float64]
}

var _ Detector = (*FDBD)(nil)

// FitFDBD finds the middle of the training features and the distances between the rows of W.
func FitFDBD(train *features.Set) (*FDBD, error) {
	h, err := fitHead("fdbd", train, 2)
	if err != nil {
		return nil, err
	}
	if train.N == 0 {
		return nil, &NeedsError{Detector: "fdbd", What: "at least one image"}
	}
	if err := checkFinite(train); err != nil {
		return nil, fmt.Errorf("fit fdbd: %w", err)
	}
	m := newFDBD(h, featureMean(train))
	var sum float64
	for i := range train.N {
		for j, v := range train.Row(i) {
			sum += (float64(v) - m.mean[j]) * (float64(v) - m.mean[j])
		}
	}
	m.least = 1e-6 * math.Sqrt(sum/float64(train.N))
	if !(m.least > 0) {
		return nil, errors.New("fit fdbd: the features do not vary")
	}
	return m, nil
}

func newFDBD(h head, mean []float64) *FDBD {
	return &FDBD{head: h, mean: mean, rows: h.weights(), inverse: make([]atomic.Pointer[[]float64], h.c)}
}

// inverseDistances returns 1/‖w_p − w_c‖₂ for all classes c, and 0 where the two are equal. They are computed when the first
// image of class p comes: all classes with each other can take more memory than the head.
func (m *FDBD) inverseDistances(p int) []float64 {
	if known := m.inverse[p].Load(); known != nil {
		return *known
	}
	inv := make([]float64, m.c)
	for c := range inv {
		if d := squaredDistance(m.rows[p*m.d:(p+1)*m.d], m.rows[c*m.d:(c+1)*m.d]); d > 0 {
			inv[c] = 1 / math.Sqrt(d)
		}
	}
	m.inverse[p].Store(&inv)
	return inv
}

// Name returns "fdbd".
func (*FDBD) Name() string { return "fdbd" }

// Score implements [Detector].
func (m *FDBD) Score(dst []float64, s *features.Set) ([]float64, error) {
	return m.score(dst, s, nil, func(z, l []float64) float64 {
		p := 0
		for c, v := range l {
			if v > l[p] {
				p = c
			}
		}
		var sum float64
		for c, v := range m.inverseDistances(p) {
			sum += (l[p] - l[c]) * v
		}
		return -sum / max(math.Sqrt(squaredDistance(z, m.mean)), m.least)
	})
}

func (m *FDBD) encode(e *encoder) {
	m.head.encode(e)
	e.float64("mean", m.mean, m.d)
	e.setFloat("least_distance", m.least)
}

func decodeFDBD(d *decoder) (*FDBD, error) {
	h, err := decodeHead(d)
	if err != nil {
		return nil, err
	}
	mean, err := d.float64("mean", h.d)
	if err != nil {
		return nil, err
	}
	least, err := d.getFloat("least_distance")
	if err == nil && !(least > 0) {
		err = fmt.Errorf("setting %q is %v, not above 0", "least_distance", least)
	}
	if err != nil {
		return nil, err
	}
	m := newFDBD(h, mean)
	m.least = least
	return m, nil
}
