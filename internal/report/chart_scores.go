package report

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// scoresChart draws the scores of the detector under test: ID images upwards, OOD images downwards, on one scale, with the
// bins that the threshold flags in full colour.
func (e *Evaluation) scoresChart(p *pair) *chart {
	h := p.histogram
	c := newChart("scores", "score of "+p.detector+"  (higher is stranger)", "share of images in a bar")
	flaggedID, flaggedOOD := float64(p.id)/float64(p.nID), float64(p.strange)/float64(p.nOOD)
	c.title = fmt.Sprintf("Scores of %s and %s", e.Figures.ID, p.ood)
	c.desc = fmt.Sprintf("Histogram of the scores of %s, %s images upwards and %s images downwards.", p.detector, e.Figures.ID, p.ood)
	wordsID, wordsOOD := fit(e.Figures.ID, 24), fit(p.ood, 24)
	if t := e.Threshold; t != nil {
		c.desc += fmt.Sprintf(" The threshold %s flags %s of %s and %s of %s.", score(t.Score), share(flaggedID), e.Figures.ID, share(flaggedOOD), p.ood)
		wordsID, wordsOOD = wordsID+", "+share(flaggedID)+" flagged", wordsOOD+", "+share(flaggedOOD)+" flagged"
	}

	top, bottom := h.heights()
	low, _ := h.edges(0)
	_, high := h.edges(len(h.bins) - 1)
	if h.under != (bin{}) {
		low -= 2 * h.width // the bar beyond
	}
	if h.over != (bin{}) {
		high += 2 * h.width
	}
	ticks := roundTicks(-bottom, top, 5, func(v float64, _ int) string { return percent(math.Abs(v)) })
	scale(&c.plot.Y, -bottom, top, ticks)
	scale(&c.plot.X, low, high, roundTicks(low, high, 4, decimal))
	c.add(gridLines(ticks), e.bars(p, top, bottom), zeroLine)
	if t := e.limit(); t >= low && t <= high {
		c.add(thresholdLine(t))
	}
	c.add(corner(inkID, 1, wordsID), corner(inkOOD, 0, wordsOOD))
	return c
}

// heights are how far the axis goes up and down: to the tallest bar within it on each side, with room for the names.
func (h *histogram) heights() (top, bottom float64) {
	for _, b := range h.bins {
		top = max(top, float64(b.id)/float64(h.nID))
		bottom = max(bottom, float64(b.ood)/float64(h.nOOD))
	}
	whole := max(top+bottom, 0.02)
	return max(top, whole/3) + whole/12, max(bottom, whole/3) + whole/12
}

// bars draws a mark for every bin and side that has images.
func (e *Evaluation) bars(p *pair, top, bottom float64) marker {
	h := p.histogram
	return func(to *draw.Canvas, x, y func(float64) vg.Length) {
		side := func(n, total int, sign float64, left, right float64, flagged bool, in, out ink, set string, where string) {
			if n == 0 {
				return
			}
			k := in
			if flagged {
				k = out
			}
			s := float64(n) / float64(total)
			k = k.as("bar", fmt.Sprintf("%s: %s of %s (%s)", where, images(n), set, share(s)))
			height := y(max(-bottom, min(top, sign*s)))
			to.FillPolygon(k, []vg.Point{{X: x(left), Y: y(0)}, {X: x(left), Y: height}, {X: x(right), Y: height}, {X: x(right), Y: y(0)}})
		}
		for i := -1; i <= len(h.bins); i++ {
			b, left, right, where := h.column(i)
			flagged := !h.passes(i)
			side(b.id, h.nID, 1, left, right, flagged, inkIDIn, inkID, e.Figures.ID, where)
			side(b.ood, h.nOOD, -1, left, right, flagged, inkOODIn, inkOOD, p.ood, where)
		}
	}
}

// column is bin i with where it stands and the scores it is for. Those beyond the axis, −1 and len(bins), stand a bin's width
// away from it.
func (h *histogram) column(i int) (b bin, left, right float64, where string) {
	left, right = h.edges(i)
	switch i {
	case -1:
		return h.under, left - h.width, right - h.width, "up to " + score(right)
	case len(h.bins):
		return h.over, left + h.width, right + h.width, "above " + score(left)
	}
	return h.bins[i], left, right, score(left) + " to " + score(right)
}

// zeroLine is where the bars stand.
func zeroLine(to *draw.Canvas, _, y func(float64) vg.Length) {
	to.StrokeLine2(inkAxis.line(1), to.Min.X, y(0), to.Max.X, y(0))
}

func thresholdLine(t float64) marker {
	return func(to *draw.Canvas, x, _ func(float64) vg.Length) {
		to.StrokeLine2(inkText.line(1.2, 4, 3), x(t), to.Min.Y, x(t), to.Max.Y)
	}
}

// corner writes about a set on the right of the data's area, at its bottom (0) or top (1).
func corner(k ink, y float64, words string) marker {
	return func(to *draw.Canvas, _, _ func(float64) vg.Length) {
		align := text.YBottom
		if y > 0 {
			align = text.YTop
		}
		to.FillText(k.strong(textSize, text.XRight, align), vg.Point{X: to.X(1), Y: to.Y(y)}, words)
	}
}

var _ plot.Plotter = marker(nil)
