package detect

import (
	"math"
	"slices"

	"github.com/oodflow/oodflow/features"
)

// KLMatching scores by the distance of the softmax probabilities p to what is usual for a class:
//
//	score = min_c KL(p ‖ q_c) = min_c Σ_j p_j·log(p_j / q_cj),
//
// where q_c is the mean of p over the training images whose predicted class is c. Classes that are never predicted
// have no q_c and are left out. It needs logits of at least two classes, also at scoring. Hendrycks et al.,
// arXiv:1911.11132; OpenOOD takes q_c from validation images instead.
type KLMatching struct {
	logits
	means int       // number of q_c
	logQ  []float64 // classes×means, column k is the logarithm of one q_c
}

var _ Detector = (*KLMatching)(nil)

// FitKLMatching averages the probabilities of every predicted class. It does so in logarithms, so that no mean is zero
// and no divergence infinite.
func FitKLMatching(train *features.Set) (*KLMatching, error) {
	l, err := fitLogits("klm", train, 2)
	if err != nil {
		return nil, err
	}
	if train.N == 0 {
		return nil, &NeedsError{Detector: "klm", What: "at least one image"}
	}
	predicted := make([]int64, train.N)
	for i, p := range train.Predicted() {
		predicted[i] = int64(p)
	}
	c := compact(predicted)
	sums := make([]logSum, c.count*l.classes)
	logP := make([]float64, l.classes)
	for i, k := range c.of {
		logSoftmax(logP, train.LogitRow(i))
		for j, v := range logP {
			sums[k*l.classes+j].add(v)
		}
	}
	m := &KLMatching{logits: l, means: c.count, logQ: make([]float64, len(sums))}
	for i, s := range sums {
		k, j := i/l.classes, i%l.classes
		m.logQ[j*m.means+k] = s.value() - math.Log(float64(c.size[k]))
	}
	return m, nil
}

// logSum adds up numbers that are given by their logarithms.
type logSum struct{ largest, sum float64 } // the sum is sum·exp(largest); zero: nothing yet

func (s *logSum) add(v float64) {
	switch {
	case s.sum == 0:
		s.largest, s.sum = v, 1
	case v <= s.largest:
		s.sum += math.Exp(v - s.largest)
	default:
		s.largest, s.sum = v, s.sum*math.Exp(s.largest-v)+1
	}
}

func (s *logSum) value() float64 { return s.largest + math.Log(s.sum) }

// Name returns "klm".
func (*KLMatching) Name() string { return "klm" }

// Score implements [Detector].
func (m *KLMatching) Score(dst []float64, s *features.Set) ([]float64, error) {
	if err := m.check(m.Name(), s); err != nil {
		return nil, err
	}
	dst = grow(dst, s.N)
	p := make([]float64, min(scoreTile, s.N)*m.classes)
	cross := make([]float64, min(scoreTile, s.N)*m.means)
	for from := 0; from < s.N; from += scoreTile {
		n := min(scoreTile, s.N-from)
		parallel(n, func(a, b int) {
			for i := a; i < b; i++ {
				dst[from+i] = probabilities(p[i*m.classes:(i+1)*m.classes], s.LogitRow(from+i))
			}
		})
		multiply(cross, p, m.logQ, n, m.classes, m.means)
		for i := range n {
			dst[from+i] -= slices.Max(cross[i*m.means : (i+1)*m.means])
		}
	}
	return dst, checkScores(dst, s)
}

// probabilities writes the softmax p of a row of logits to dst and returns Σ p·log p.
func probabilities(dst []float64, row []float32) float64 {
	logSoftmax(dst, row)
	var sum float64
	for j, v := range dst {
		dst[j] = math.Exp(v)
		if dst[j] > 0 {
			sum += dst[j] * v
		}
	}
	return sum
}

func (m *KLMatching) encode(e *encoder) {
	m.logits.encode(e)
	e.float64("log_means", m.logQ, m.classes, m.means)
}

func decodeKLMatching(d *decoder) (*KLMatching, error) {
	l, err := decodeLogits(d)
	if err != nil {
		return nil, err
	}
	shape, err := d.shape("log_means", 2)
	if err != nil {
		return nil, err
	}
	m := &KLMatching{logits: l, means: shape[1]}
	m.logQ, err = d.float64("log_means", l.classes, m.means)
	return m, err
}
