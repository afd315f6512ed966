package detect

import (
	"fmt"

	"github.com/oodflow/oodflow/features"
)

// dicePercentile is p of [DICE], OpenOOD's setting.
const dicePercentile = 90

// DICE scores by the free energy of logits from the weights that contribute most to them:
//
//	score = −log Σ_c exp(l_c),  l = (W∘M)·z + b,  M_cj = 1 where W_cj·mean(z_j) exceeds the p-th percentile of all of these, else 0,
//
// with means over the training images and p = 90. It needs features and the classifier's head (W, b); at scoring only
// features. Sun and Li, arXiv:2111.09805, with OpenOOD's p.
type DICE struct{ head }

var _ Detector = (*DICE)(nil)

// FitDICE finds the weights to keep.
func FitDICE(train *features.Set) (*DICE, error) {
	h, err := fitHead("dice", train, 1)
	if err != nil {
		return nil, err
	}
	if train.N == 0 {
		return nil, &NeedsError{Detector: "dice", What: "at least one image"}
	}
	if err := checkFinite(train); err != nil {
		return nil, fmt.Errorf("fit dice: %w", err)
	}
	mean := featureMean(train)
	contribution := make([]float64, len(h.w))
	for i, w := range h.w {
		contribution[i] = w * mean[i/h.c]
	}
	least := percentile(contribution, dicePercentile)
	for i, v := range contribution {
		if !(v > least) {
			h.w[i] = 0
		}
	}
	return &DICE{h}, nil
}

// featureMean returns the mean of every feature, summed in float64.
func featureMean(s *features.Set) []float64 {
	mean := make([]float64, s.D)
	for i := range s.N {
		for j, v := range s.Row(i) {
			mean[j] += float64(v)
		}
	}
	for j := range mean {
		mean[j] /= float64(s.N)
	}
	return mean
}

// Name returns "dice".
func (*DICE) Name() string { return "dice" }

// Score implements [Detector].
func (m *DICE) Score(dst []float64, s *features.Set) ([]float64, error) { return m.energy(dst, s, nil) }

// decodeDICE reads the weights as they were kept, with zeros in place of the others.
func decodeDICE(d *decoder) (*DICE, error) {
	h, err := decodeHead(d)
	return &DICE{h}, err
}
