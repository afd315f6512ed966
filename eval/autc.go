package eval

// AUTC returns the area under the threshold curve, in [0,1], lower is better: with all scores mapped linearly so that
// the least becomes 0 and the greatest 1, the mean over all thresholds in [0,1] of the false positive rate and the
// false negative rate, AUTC = ½·∫FPR + ½·∫FNR. The integrals are means of scores, so exactly
//
//	AUTC = ½·mean(ID) + ½·(1 − mean(OOD)).
//
// It is low only when ID scores gather at the low end and OOD scores at the high end: unlike the AUROC it asks
// whether a threshold is easy to place, and changes when the scores are transformed. Outliers on either side
// compress the rest. It is 0.5 when all scores are equal. Humblot-Renaux, Escalera and Moeslund, arXiv:2306.14658.
func (c *Comparison) AUTC() float64 {
	low := min(c.id[0], c.ood[0])
	high := max(c.id[len(c.id)-1], c.ood[len(c.ood)-1])
	if low == high {
		return 0.5
	}
	return (relativeMean(c.id, low, high) + 1 - relativeMean(c.ood, low, high)) / 2
}

// relativeMean returns the mean of x on a scale on which low is 0 and high is 1. Halves keep the range from overflowing.
func relativeMean(x []float64, low, high float64) float64 {
	span := high/2 - low/2
	var s sum
	for _, v := range x {
		s.add((v/2 - low/2) / span)
	}
	return s.value() / float64(len(x))
}
