package detect

import (
	"fmt"

	"github.com/oodflow/oodflow/features"
)

// reactPercentile is p of [ReAct], OpenOOD's setting.
const reactPercentile = 90

// ReAct scores by the free energy after large activations have been cut off:
//
//	score = −log Σ_c exp(l_c),  l = W·min(z, clip) + b,
//
// where clip is the p-th percentile of all activations of the training images, p = 90. It needs features and the
// classifier's head (W, b); at scoring only features. It is made for features after a ReLU. Sun, Guo and Li,
// arXiv:2111.12797, with OpenOOD's p; there clip is taken from validation images, here from the training images.
type ReAct struct {
	head
	clip float64
}

var _ Detector = (*ReAct)(nil)

// FitReAct finds the activation to cut off at.
func FitReAct(train *features.Set) (*ReAct, error) {
	h, err := fitHead("react", train, 1)
	if err != nil {
		return nil, err
	}
	if train.N == 0 {
		return nil, &NeedsError{Detector: "react", What: "at least one image"}
	}
	if err := checkFinite(train); err != nil {
		return nil, fmt.Errorf("fit react: %w", err)
	}
	return &ReAct{h, percentile32(train.Features, reactPercentile)}, nil
}

// Name returns "react".
func (*ReAct) Name() string { return "react" }

// Score implements [Detector].
func (r *ReAct) Score(dst []float64, s *features.Set) ([]float64, error) {
	return r.energy(dst, s, func(z []float64) {
		for j, v := range z {
			z[j] = min(v, r.clip)
		}
	})
}

func (r *ReAct) encode(e *encoder) {
	r.head.encode(e)
	e.setFloat("clip", r.clip)
}

func decodeReAct(d *decoder) (*ReAct, error) {
	h, err := decodeHead(d)
	if err != nil {
		return nil, err
	}
	clip, err := d.getFloat("clip")
	return &ReAct{h, clip}, err
}
