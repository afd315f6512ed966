package detect

import (
	"math"

	"github.com/oodflow/oodflow/features"
)

// MSP scores by the classifier's confidence, the maximum softmax probability:
//
//	score = −max_c softmax(l)_c,  in [−1, −1/C]
//
// for logits l. It needs logits of at least two classes and has nothing to fit. Hendrycks and Gimpel,
// arXiv:1610.02136.
type MSP struct{ logits }

var _ Detector = (*MSP)(nil)

// FitMSP returns the MSP detector for the classes of train.
func FitMSP(train *features.Set) (*MSP, error) {
	l, err := fitLogits("msp", train, 2)
	if err != nil {
		return nil, err
	}
	return &MSP{l}, nil
}

// Name returns "msp".
func (*MSP) Name() string { return "msp" }

// Score implements [Detector].
func (m *MSP) Score(dst []float64, s *features.Set) ([]float64, error) {
	return m.score(m.Name(), dst, s, func(row []float32) float64 {
		return -1 / sumExp(row, maxOf(row), 1)
	})
}

// sumExp returns Σ_c exp((l_c − shift)/t) in float64.
func sumExp(row []float32, shift, t float64) float64 {
	var sum float64
	for _, v := range row {
		sum += math.Exp((float64(v) - shift) / t)
	}
	return sum
}
