package eval

import (
	"math/rand/v2"
	"slices"
)

// aurocBootstrap is a confidence interval for the AUROC by the stratified bootstrap: it draws as many ID and as many OOD
// images with replacement, replicates times, and takes the quantiles (1 ± level)/2 of the AUROCs. The seed decides all
// draws. It assumes less than [Comparison.AUROCInterval], which it is here to check, but takes O(n) for each of some
// thousand replicates, and has no width where no pair is misordered.
//
// Images are drawn by rank, as numbers of images at each distinct score, so that nothing is sorted again.
func (c *Comparison) aurocBootstrap(level float64, replicates int, seed uint64) (low, high float64) {
	idAt, oodAt, distinct := c.distinct()
	src := rand.New(rand.NewPCG(seed, 0))
	drawn := make([]float64, replicates)
	counts := make([]tie, distinct)
	for i := range drawn {
		clear(counts)
		for range idAt {
			counts[idAt[src.IntN(len(idAt))]].id++
		}
		for range oodAt {
			counts[oodAt[src.IntN(len(oodAt))]].ood++
		}
		drawn[i] = rankSum(slices.Values(counts), len(idAt), len(oodAt))
	}
	slices.Sort(drawn)
	return quantile(drawn, (1-level)/2), quantile(drawn, (1+level)/2)
}

// distinct returns for each image, in ascending order, which of the distinct scores of both sides it has.
func (c *Comparison) distinct() (ofID, ofOOD []int, n int) {
	for t := range c.ties(true) {
		for range t.id {
			ofID = append(ofID, n)
		}
		for range t.ood {
			ofOOD = append(ofOOD, n)
		}
		n++
	}
	return ofID, ofOOD, n
}
