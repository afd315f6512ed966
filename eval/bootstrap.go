package eval

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

const (
	replicates = 2000 // of the bootstrap: an end of a 95 % interval is then good to 0.3 % of coverage
	seed       = 1
)

// FPR95Interval returns a confidence interval for [Comparison.FPR95] at the given level, by the stratified
// bootstrap: the ID images are drawn anew with replacement, which moves the threshold, and the OOD images are drawn anew,
// which moves the share accepted at it.
//
// Nothing is resampled image by image, so the time does not depend on their number: the rank of the k-th
// smallest of m images drawn from m is ⌊m·u⌋ with u from Beta(k, m+1−k), and the number of n OOD images drawn that lie
// at or below a threshold which a share x/n of them passes is binomial. The share is drawn from
// Beta(x + ½, n − x + ½) instead (Jeffreys), which is as wide and does not collapse when no image passes. The interval
// runs between the quantiles of 2000 draws from a fixed seed, and is widened to hold the FPR@95 itself.
func (c *Comparison) FPR95Interval(level float64) (low, high float64, err error) {
	return fprInterval(level, c.FPR95(), len(c.id), len(c.ood), func(k int) int {
		return atOrBelow(c.ood, c.id[k])
	})
}

// FPR95OODPositiveInterval is the same for [Comparison.FPR95OODPositive].
func (c *Comparison) FPR95OODPositiveInterval(level float64) (low, high float64, err error) {
	return fprInterval(level, c.FPR95OODPositive(), len(c.ood), len(c.id), func(k int) int {
		return len(c.id) - below(c.id, c.ood[len(c.ood)-1-k])
	})
}

// fprInterval is the bootstrap for m positives and n negatives; passing(k) says how many negatives pass when the threshold
// is the k-th positive, from 0 and from the most positive end.
func fprInterval(level, rate float64, m, n int, passing func(k int) int) (low, high float64, err error) {
	if err := checkLevel(level); err != nil {
		return 0, 0, err
	}
	src := rand.NewPCG(seed, seed)
	k := atLeast95(m)
	rank := distuv.Beta{Alpha: float64(k), Beta: float64(m + 1 - k), Src: src}
	drawn := make([]float64, replicates)
	for i := range drawn {
		x := float64(passing(min(int(float64(m)*rank.Rand()), m-1)))
		drawn[i] = distuv.Beta{Alpha: x + 0.5, Beta: float64(n) - x + 0.5, Src: src}.Rand()
	}
	slices.Sort(drawn)
	low, high = quantile(drawn, (1-level)/2), quantile(drawn, (1+level)/2)
	return min(low, rate), max(high, rate), nil
}

// quantile interpolates linearly between the values of ascending s.
func quantile(s []float64, q float64) float64 {
	at := q * float64(len(s)-1)
	i := int(math.Floor(at))
	if i+1 >= len(s) {
		return s[len(s)-1]
	}
	return s[i] + (at-float64(i))*(s[i+1]-s[i])
}

// atOrBelow returns how many values of ascending s are at most t.
func atOrBelow(s []float64, t float64) int {
	return below(s, math.Nextafter(t, math.Inf(1)))
}

// below returns how many values of ascending s are less than t.
func below(s []float64, t float64) int {
	n, _ := slices.BinarySearch(s, t)
	return n
}
