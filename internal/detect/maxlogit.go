package detect

import "github.com/oodflow/oodflow/features"

// MaxLogit scores by the largest logit:
//
//	score = −max_c l_c.
//
// It needs logits and has nothing to fit. Hendrycks et al., arXiv:1911.11132.
type MaxLogit struct{ logits }

var _ Detector = (*MaxLogit)(nil)

// FitMaxLogit returns the MaxLogit detector for the classes of train.
func FitMaxLogit(train *features.Set) (*MaxLogit, error) {
	l, err := fitLogits("maxlogit", train, 1)
	if err != nil {
		return nil, err
	}
	return &MaxLogit{l}, nil
}

// Name returns "maxlogit".
func (*MaxLogit) Name() string { return "maxlogit" }

// Score implements [Detector].
func (m *MaxLogit) Score(dst []float64, s *features.Set) ([]float64, error) {
	return m.score(m.Name(), dst, s, func(row []float32) float64 { return -maxOf(row) })
}
