package eval

import (
	"fmt"
	"math"
)

// AUROCInterval returns a confidence interval for the AUROC at the given level, for example 0.95; both ends are
// in [0,1] and the AUROC lies between them. It says how far the figure could move with other images drawn
// from the same two sources, not with another detector or other sources.
//
// It is DeLong's interval (Biometrics 1988, on ranks in O(n log n) as in Sun and Xu, IEEE Signal Processing
// Letters 2014) on the logit scale, which keeps it inside [0,1]. DeLong's variance is estimated from the few
// misordered pairs, so close to 1 it is too small, and at 1 it is zero: for an AUROC of 0.995 of 200 against 200
// images with normal scores, the plain interval covered the truth in 89 % of 1500 draws with equal spreads and
// in 75 % with OOD scores three times as spread, the logit interval in 95 and 82 %. Therefore the end nearer one
// half is the more cautious of DeLong's and of Newcombe's score interval (see newcombe), which does not
// degenerate: that covered 98 and 97 %, and 92 to 99 % in everything tried (50 to 5000 images on a side,
// AUROC 0.9 to 0.999, OOD sets that are partly ID). Where DeLong's variance is zero or undefined (a perfect
// separation, all scores equal, one image on a side) the interval is Newcombe's.
func (c *Comparison) AUROCInterval(level float64) (low, high float64, err error) {
	if !(level > 0 && level < 1) {
		return 0, 0, fmt.Errorf("AUROC interval: the confidence level must lie between 0 and 1, not %v", level)
	}
	a, z := c.AUROC(), math.Sqrt2*math.Erfinv(level)
	scoreLow, scoreHigh := newcombe(a, len(c.id), len(c.ood), z)
	v := c.delongVariance(a)
	if !(v > 0) || a == 0 || a == 1 {
		return scoreLow, scoreHigh, nil
	}
	logit, half := math.Log(a/(1-a)), z*math.Sqrt(v)/(a*(1-a))
	low, high = logistic(logit-half), logistic(logit+half)
	if a >= 0.5 {
		low = min(low, scoreLow)
	}
	if a <= 0.5 {
		high = max(high, scoreHigh)
	}
	return low, high, nil
}

// AUROCInterval is [Comparison.AUROCInterval] of two sets of scores. Its errors are those of [Compare].
func AUROCInterval(id, ood []float64, level float64) (low, high float64, err error) {
	c, err := Compare(id, ood)
	if err != nil {
		return 0, 0, err
	}
	return c.AUROCInterval(level)
}

// delongVariance returns DeLong's variance of the AUROC a: with the placement of an ID image being the share
// of OOD images above it and that of an OOD image the share of ID images below it (ties one half),
//
//	var = var(placements of ID) / n_id + var(placements of OOD) / n_ood.
//
// It is NaN when a side has a single image.
func (c *Comparison) delongVariance(a float64) float64 {
	m, n := float64(len(c.id)), float64(len(c.ood))
	var ofID, ofOOD sum
	idBelow, oodBelow := 0, 0
	for t := range c.ties(true) {
		placeID := (n - float64(oodBelow) - float64(t.ood)/2) / n
		placeOOD := (float64(idBelow) + float64(t.id)/2) / m
		ofID.add(float64(t.id) * (placeID - a) * (placeID - a))
		ofOOD.add(float64(t.ood) * (placeOOD - a) * (placeOOD - a))
		idBelow += t.id
		oodBelow += t.ood
	}
	return ofID.value()/(m-1)/m + ofOOD.value()/(n-1)/n
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
