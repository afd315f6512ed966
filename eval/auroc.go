package eval

import (
	"iter"
	"math/bits"
)

// AUROC returns the area under the ROC curve, in [0,1]: the probability that a random OOD image scores
// higher than a random ID image, a tie counting one half. 0.5 is chance, 1 is perfect, below 0.5 the score is
// the wrong way round. It is the Mann-Whitney U statistic over n_id·n_ood, which equals the trapezoid over
// the ROC curve (scikit-learn's roc_auc_score).
//
// The pairs are counted in integers, so the result is exact to its last rounding, which is to a multiple of 2^-53, as
// long as n_id·n_ood is below 2^63. Such multiples can be taken from 1 without a further rounding: the AUROC of the
// negated scores is exactly 1 minus this one.
func (c *Comparison) AUROC() float64 { return rankSum(c.ties(true), len(c.id), len(c.ood)) }

// rankSum is the AUROC of m ID and n OOD images at the given scores.
func rankSum(upwards iter.Seq[tie], m, n int) float64 {
	var twice uint64 // twice the number of correctly ordered pairs, a tie being half a pair
	below := 0
	for t := range upwards {
		twice += uint64(t.ood) * uint64(2*below+t.id)
		below += t.id
	}
	pairs := uint64(m) * uint64(n)
	if twice > pairs {
		return 1 - share(2*pairs-twice, pairs)
	}
	return share(twice, pairs)
}

// share returns twice/(2·pairs), which must be at most one half, rounded to a multiple of 2^-53.
func share(twice, pairs uint64) float64 {
	high, low := bits.Mul64(twice, 1<<52)
	q, rest := bits.Div64(high, low, pairs)
	if rest > pairs-rest || rest == pairs-rest && q%2 == 1 {
		q++
	}
	return float64(q) / (1 << 53)
}

// AUROC is [Comparison.AUROC] of two sets of scores. Its errors are those of [Compare].
func AUROC(id, ood []float64) (float64, error) {
	c, err := Compare(id, ood)
	if err != nil {
		return 0, err
	}
	return c.AUROC(), nil
}
