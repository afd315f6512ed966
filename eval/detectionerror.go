package eval

// DetectionError returns the least share of mistakes that any threshold makes when ID and OOD are equally likely, in
// [0,0.5]: the minimum over t of ½·P(ID score ≥ t) + ½·P(OOD score < t), thresholds above all scores and below all
// included. 0 is perfect, 0.5 is chance or the wrong way round. It is (1 − J)/2 with Youden's index J.
//
// The threshold is chosen on the images themselves, so the figure is a little better than any threshold chosen
// beforehand reaches. ODIN (arXiv:1706.02690) reports the error at 95 % true positive rate under this name, which is
// 0.025 + FPR95/2; later papers and OpenOOD take the minimum.
func (c *Comparison) DetectionError() float64 {
	m, n := float64(len(c.id)), float64(len(c.ood))
	least := 0.5
	i, o := 0, 0 // below the threshold
	for t := range c.ties(true) {
		i += t.id
		o += t.ood
		least = min(least, (float64(len(c.id)-i)/m+float64(o)/n)/2)
	}
	return least
}
