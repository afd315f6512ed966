package report

import (
	"math"
	"slices"
)

// histogram counts the scores of an ID and an OOD set in the same bins, which begin above their lower edge and end at
// their upper one. The threshold is an edge, where it is near their range, so every bin is flagged as a whole or not at
// all. Where it is far outside, one of under and over may hold scores on both sides of it: under then counts as passing, and
// over as flagged.
type histogram struct {
	origin, width float64 // an edge, and the width of a bin
	first         int     // edges that the first bin begins after the origin; negative when before
	flagged       int     // bins before this one pass; under is −1, over len(bins)
	bins          []bin
	under, over   bin // before the first bin and beyond the last
	nID, nOOD     int
}

// bin counts images.
type bin struct{ id, ood int }

const (
	binsWanted = 44
	// reach is how many times the range of the ID scores the axis goes beyond their median. Scores of images from far
	// away have no bounds, and an axis for all of them would leave one bar for the ID images.
	reach = 4
)

// newHistogram bins scores, which must be finite. Without a threshold, that is with an infinite one, all bins are in full
// colour.
func newHistogram(id, ood []float64, threshold float64) *histogram {
	low, high := axisRange(id, ood)
	h := &histogram{nID: len(id), nOOD: len(ood), width: (high - low) / binsWanted}
	if least := max(1e-12*max(math.Abs(low), math.Abs(high)), 1e-300); !(h.width > least) || math.IsInf(h.width, 0) {
		h.width = max(1e-3*math.Abs(low), 1e-9) // all scores equal, or as good as
		low, high = low-3*h.width, high+3*h.width
	}
	if h.origin = threshold; !(math.Abs(threshold-(low+high)/2) <= 2*(high-low)) { // far away, it would be no exact edge
		h.origin = low
	} else {
		low, high = min(low, threshold-h.width), max(high, threshold+h.width)
	}
	h.first = int(math.Floor((low - h.origin) / h.width))
	last := int(math.Ceil((high - h.origin) / h.width))
	h.bins = make([]bin, max(last-h.first, 1))
	h.flagged = -h.first
	if h.origin != threshold {
		h.flagged = h.flaggedFrom(threshold, threshold > high, id, ood)
	}
	for _, s := range id {
		h.at(s).id++
	}
	for _, s := range ood {
		h.at(s).ood++
	}
	return h
}

// flaggedFrom is the first bin that a threshold flags that is no edge: one above or below the axis, or none.
func (h *histogram) flaggedFrom(threshold float64, above bool, id, ood []float64) int {
	switch {
	case math.IsInf(threshold, 1) || threshold < min(slices.Min(id), slices.Min(ood)):
		return -1
	case !above:
		return 0
	case threshold < max(slices.Max(id), slices.Max(ood)):
		return len(h.bins)
	}
	return len(h.bins) + 1
}

// axisRange is what the axis has to show: nearly all ID images, and of the OOD images as much as leaves those room.
func axisRange(id, ood []float64) (low, high float64) {
	a, b := slices.Clone(id), slices.Clone(ood)
	slices.Sort(a)
	slices.Sort(b)
	low = min(quantile(a, 0.001), quantile(b, 0.001))
	middle, spread := quantile(a, 0.5), quantile(a, 0.99)-quantile(a, 0.01)
	if spread > 0 {
		low = max(low, middle-reach*spread)
	}
	high = quantile(b, 0.98)
	if spread > 0 {
		high = min(high, middle+reach*spread)
	}
	return low, max(high, quantile(a, 0.999))
}

// quantile is the value at the share q of ascending x.
func quantile(x []float64, q float64) float64 { return x[int(q*float64(len(x)-1)+0.5)] }

// at is the bin of a score. The origin is subtracted first, so that the side of the threshold is exact.
func (h *histogram) at(score float64) *bin {
	k := math.Ceil((score-h.origin)/h.width) - 1 - float64(h.first)
	switch {
	case k < 0:
		return &h.under
	case k >= float64(len(h.bins)):
		return &h.over
	}
	return &h.bins[int(k)]
}

// edges are the scores at which bin i begins and ends.
func (h *histogram) edges(i int) (float64, float64) {
	return h.origin + float64(h.first+i)*h.width, h.origin + float64(h.first+i+1)*h.width
}

// passes tells whether the threshold lets bin i pass.
func (h *histogram) passes(i int) bool { return i < h.flagged }
