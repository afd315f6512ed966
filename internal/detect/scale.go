package detect

import (
	"math"

	"github.com/oodflow/oodflow/features"
)

// scalePercentile is p of [Scale], OpenOOD's setting.
const scalePercentile = 85

// Scale scores by the free energy of features that are scaled by how much of them lies in the smaller activations:
//
//	score = −log Σ_c exp(l_c),  l = W·(exp(r)·z) + b,  r = Σ_i z_i / Σ_top z_j,
//
// where top are the k largest activations, k = d − round(d·p/100), at least 1, and p = 85. It needs the classifier's
// head (W, b) and features, and has nothing to fit. Xu et al., arXiv:2310.00227, with OpenOOD's p.
//
// It is made for features after a ReLU, where 1 ≤ r ≤ d/k. With negative features r could be anything, and is
// brought into that range.
type Scale struct{ head }

var _ Detector = (*Scale)(nil)

// FitScale returns the SCALE detector with the head of train.
func FitScale(train *features.Set) (*Scale, error) {
	h, err := fitHead("scale", train, 1)
	if err != nil {
		return nil, err
	}
	return &Scale{h}, nil
}

// Name returns "scale".
func (*Scale) Name() string { return "scale" }

// Score implements [Detector].
func (s *Scale) Score(dst []float64, set *features.Set) ([]float64, error) {
	k := kept(s.d, scalePercentile)
	return s.energy(dst, set, func(z []float64) {
		factor := math.Exp(scaleRatio(z, k))
		for j := range z {
			z[j] *= factor
		}
	})
}

// scaleRatio returns r.
func scaleRatio(z []float64, k int) float64 {
	least, more, sum := largest(z, k)
	top := float64(k-more) * least
	for _, v := range z {
		if v > least {
			top += v
		}
	}
	if top == 0 {
		return 1 // all activations are zero, or none is positive
	}
	return max(1, min(sum/top, float64(len(z))/float64(k)))
}

func decodeScale(d *decoder) (*Scale, error) {
	h, err := decodeHead(d)
	return &Scale{h}, err
}
