package report

import (
	"math"
	"slices"
)

// histogram counts the scores of an ID and an OOD set in the same bins. The threshold is an edge, where it lies in
// their range, so every bin is flagged as a whole or not at all.
type histogram struct {
	low, width float64
	bins       []bin
	over       bin // beyond the last bin
	under      bin // before the first
	nID, nOOD  int
}

// bin counts images.
type bin struct{ id, ood int }

const (
	binsWanted = 44
	// reach is how many times the range of the ID scores the axis goes beyond their median. Scores of images from far
	// away have no bounds, and an axis for all of them would leave one bar for the ID images.
	reach = 4
)

// newHistogram bins scores, which must be finite.
func newHistogram(id, ood []float64, threshold float64) *histogram {
	low, high := axisRange(id, ood)
	h := &histogram{nID: len(id), nOOD: len(ood), width: (high - low) / binsWanted}
	if h.width <= 0 || math.IsInf(h.width, 0) { // all scores equal
		h.width = max(1e-3*math.Abs(low), 1e-9)
		low, high = low-3*h.width, high+3*h.width
	}
	h.low = low
	if threshold >= low-(high-low) && threshold <= high+(high-low) {
		steps := math.Floor((low-threshold)/h.width + 1e-9)
		h.low = threshold + steps*h.width
	}
	h.bins = make([]bin, 1+int((high-h.low)/h.width))
	for _, s := range id {
		h.at(s, threshold).id++
	}
	for _, s := range ood {
		h.at(s, threshold).ood++
	}
	return h
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

// at is the bin of a score; one that equals the threshold is not above it.
func (h *histogram) at(score, threshold float64) *bin {
	k := math.Floor((score - h.low) / h.width)
	edge := h.low + k*h.width
	if score > threshold && edge+h.width/2 < threshold && edge+1.5*h.width > threshold {
		k++ // rounding put it on the wrong side
	} else if score <= threshold && edge > threshold-h.width/2 && edge < threshold+h.width/2 {
		k--
	}
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
	return h.low + float64(i)*h.width, h.low + float64(i+1)*h.width
}
