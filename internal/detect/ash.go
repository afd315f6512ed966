package detect

import (
	"math"

	"github.com/oodflow/oodflow/features"
)

// ashPercentile is p of [ASH], OpenOOD's setting.
const ashPercentile = 90

// ASH scores by the free energy after all but the largest activations have been set to zero, and those to one value
// (the form called ASH-B):
//
//	score = −log Σ_c exp(l_c),  l = W·z' + b,  z'_j = (Σ_i z_i)/k for the k largest z_j, else 0,
//
// with k = d − round(d·p/100), at least 1, and p = 90. Of equal activations those with the lower index come first. It
// needs the classifier's head (W, b) and features, and has nothing to fit. It is made for features after a ReLU.
// Djurisic et al., arXiv:2209.09858, with OpenOOD's p.
type ASH struct{ head }

var _ Detector = (*ASH)(nil)

// FitASH returns the ASH detector with the head of train.
func FitASH(train *features.Set) (*ASH, error) {
	h, err := fitHead("ash", train, 1)
	if err != nil {
		return nil, err
	}
	return &ASH{h}, nil
}

// Name returns "ash".
func (*ASH) Name() string { return "ash" }

// Score implements [Detector].
func (a *ASH) Score(dst []float64, s *features.Set) ([]float64, error) {
	k := kept(a.d, ashPercentile)
	return a.energy(dst, s, func(z []float64) {
		least, more, sum := largest(z, k)
		ties := k - more
		for j, v := range z {
			switch {
			case v > least:
				z[j] = sum / float64(k)
			case v == least && ties > 0:
				z[j] = sum / float64(k)
				ties--
			default:
				z[j] = 0
			}
		}
	})
}

// kept returns how many of d activations are left when the smallest p percent are pruned: at least one.
func kept(d int, p float64) int {
	return max(1, d-int(math.RoundToEven(float64(d)*p/100)))
}

// largest returns the k-th largest of z, how many are larger than that, and the sum of z.
func largest(z []float64, k int) (least float64, more int, sum float64) {
	least = kthLargest(append([]float64(nil), z...), k)
	for _, v := range z {
		sum += v
		if v > least {
			more++
		}
	}
	return least, more, sum
}

func decodeASH(d *decoder) (*ASH, error) {
	h, err := decodeHead(d)
	return &ASH{h}, err
}
