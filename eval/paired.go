package eval

import (
	"fmt"
	"math"
)

// Difference is the difference between the AUROCs of two detectors that scored the same images.
type Difference struct {
	Value  float64 // AUROC of the first minus AUROC of the second, in [-1,1]
	SE     float64 // its standard error by DeLong; NaN when a side has a single image
	PValue float64 // two-sided, of the hypothesis that both AUROCs are equal; 1 when SE is NaN
}

// PairedTest compares the AUROCs of two detectors by DeLong's test for correlated ROC curves (Biometrics 44, 1988). Both
// must have scored the same images: c and other are [Compare]d from scores in the same order of images. With
// the placement of an image being the share of images on the other side that it is ordered correctly with,
//
//	var = var(placements of ID, c − other) / n_id + var(placements of OOD, c − other) / n_ood,
//
// z = difference/√var, and p = 2·Φ(−|z|). Other images drawn alike move both detectors together, so
// the test finds differences much smaller than the intervals of the two AUROCs would suggest. Where no image is
// placed differently, the difference is 0 and p is 1. Different numbers of images are an error.
func (c *Comparison) PairedTest(other *Comparison) (Difference, error) {
	if c.NID() != other.NID() || c.NOOD() != other.NOOD() {
		return Difference{}, fmt.Errorf("paired test: %d ID and %d OOD scores against %d and %d: both detectors must have scored the same images",
			c.NID(), c.NOOD(), other.NID(), other.NOOD())
	}
	id, ood := c.placements()
	otherID, otherOOD := other.placements()
	d := Difference{Value: c.AUROC() - other.AUROC()}
	d.SE = math.Sqrt(spread(id, otherID) + spread(ood, otherOOD))
	switch {
	case math.IsNaN(d.SE) || d.Value == 0:
		d.PValue = 1
	default:
		d.PValue = math.Erfc(math.Abs(d.Value) / d.SE / math.Sqrt2) // 0 when SE is 0
	}
	return d, nil
}

// Interval returns a confidence interval for the difference at the given level, for example 0.95: value ± z·SE, cut to
// [-1,1]. Where the standard error is not known, it is [-1,1].
func (d Difference) Interval(level float64) (low, high float64, err error) {
	if err := checkLevel(level); err != nil {
		return 0, 0, err
	}
	if math.IsNaN(d.SE) {
		return -1, 1, nil
	}
	half := math.Sqrt2 * math.Erfinv(level) * d.SE
	return max(d.Value-half, -1), min(d.Value+half, 1), nil
}

// placements returns, for the images in the order in which their scores were given, the share of images on the other
// side that each is ordered correctly with, ties counting one half.
func (c *Comparison) placements() (ofID, ofOOD []float64) {
	ofID, ofOOD = make([]float64, len(c.id)), make([]float64, len(c.ood))
	m, n := float64(len(c.id)), float64(len(c.ood))
	i, o := 0, 0
	for t := range c.ties(true) {
		above := (n - float64(o) - float64(t.ood)/2) / n
		below := (float64(i) + float64(t.id)/2) / m
		for _, at := range c.idOrder[i : i+t.id] {
			ofID[at] = above
		}
		for _, at := range c.oodOrder[o : o+t.ood] {
			ofOOD[at] = below
		}
		i += t.id
		o += t.ood
	}
	return ofID, ofOOD
}

// spread returns the variance of the mean of a − b: NaN for a single image.
func spread(a, b []float64) float64 {
	n := float64(len(a))
	var total, squares sum
	for i, v := range a {
		total.add(v - b[i])
	}
	mean := total.value() / n
	for i, v := range a {
		d := v - b[i] - mean
		squares.add(d * d)
	}
	return squares.value() / (n - 1) / n
}
