package eval

// FPR95 returns the false positive rate at 95 % true positive rate with ID as the positive class, in [0,1]:
// the share of OOD images that are accepted when 95 % of the ID images are. 0 is perfect, 0.95 is chance. This
// is the number in most of the field's papers (ReAct, KNN, ViM, Mahalanobis++).
//
// The threshold t is the lowest ID score with at least 95 % of the ID scores at or below it, that is the
// ⌈0.95·n_id⌉-th smallest; an image is accepted when its score is at most t, so OOD images tied with t count
// as accepted. Nothing is interpolated.
func (c *Comparison) FPR95() float64 {
	t := c.id[atLeast95(len(c.id))-1]
	accepted := 0
	for accepted < len(c.ood) && c.ood[accepted] <= t {
		accepted++
	}
	return float64(accepted) / float64(len(c.ood))
}

// FPR95OODPositive returns the same with OOD as the positive class, as OpenOOD v1.5 does, in [0,1]: the share of
// ID images that are rejected when 95 % of the OOD images are. It is another number than [Comparison.FPR95].
//
// The threshold t is the highest OOD score with at least 95 % of the OOD scores at or above it; an image is
// rejected when its score is at least t, so ID images tied with t count as rejected. Nothing is interpolated.
func (c *Comparison) FPR95OODPositive() float64 {
	t := c.ood[len(c.ood)-atLeast95(len(c.ood))]
	rejected := 0
	for rejected < len(c.id) && c.id[len(c.id)-1-rejected] >= t {
		rejected++
	}
	return float64(rejected) / float64(len(c.id))
}

// FPR95 is [Comparison.FPR95] of two sets of scores. Its errors are those of [Compare].
func FPR95(id, ood []float64) (float64, error) {
	c, err := Compare(id, ood)
	if err != nil {
		return 0, err
	}
	return c.FPR95(), nil
}

// FPR95OODPositive is [Comparison.FPR95OODPositive] of two sets of scores. Its errors are those of [Compare].
func FPR95OODPositive(id, ood []float64) (float64, error) {
	c, err := Compare(id, ood)
	if err != nil {
		return 0, err
	}
	return c.FPR95OODPositive(), nil
}

// atLeast95 returns ⌈0.95·n⌉, in integers because 0.95 is no binary fraction.
func atLeast95(n int) int { return n - n/20 }
