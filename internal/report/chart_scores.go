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
	c.desc = fmt.Sprintf("Histogram of the scores of %s, %s images upwards and %s images downwards. The threshold %s flags %s of %s and %s of %s.",
		p.detector, e.Figures.ID, p.ood, score(e.Threshold.Score), share(flaggedID), e.Figures.ID, share(flaggedOOD), p.ood)

	top := h.tallest()
	x := func(i int) (float64, float64) { return h.edges(i) }
	low, _ := x(0)
	_, high := x(len(h.bins) - 1)
	if h.over != (bin{}) {
		high += 2 * h.width // the bar beyond
	}
	ticks := roundTicks(-top, top, 4, func(v float64, _ int) string { return percent(math.Abs(math.Round(v*1e6) / 1e6)) })
	scale(&c.plot.Y, -top, top, ticks)
	scale(&c.plot.X, low, high, roundTicks(low, high, 4, decimal))
	c.plot.X.LineStyle = draw.LineStyle{}
	c.add(gridLines(ticks), e.bars(p, top), zeroLine)
	if t := e.Threshold.Score; t >= low && t <= high {
		c.add(thresholdLine(t))
	}
	t := math.Min(math.Max(e.Threshold.Score, low), high)
	c.add(
		corner(inkID.strong(textSize, text.XLeft, text.YTop), 0, 1, fit(e.Figures.ID, 20)),
		corner(inkOOD.strong(textSize, text.XLeft, text.YBottom), 0, 0, fit(p.ood, 20)),
	)
	if h.nID > 0 {
		anchor, dx := text.XLeft, vg.Length(5)
		if (t-low)/(high-low) > 0.55 {
			anchor, dx = text.XRight, -5
		}
		c.add(
			label(inkID.write(textSize, anchor, text.YTop), point{t, top}, dx, 0, "flagged: "+share(flaggedID)),
			label(inkOOD.write(textSize, anchor, text.YBottom), point{t, -top}, dx, 0, "flagged: "+share(flaggedOOD)),
		)
	}
	return c
}

// tallest is the largest share of a bar, but for those beyond the axis.
func (h *histogram) tallest() float64 {
	top := 0.0
	for _, b := range h.bins {
		top = max(top, float64(b.id)/float64(h.nID), float64(b.ood)/float64(h.nOOD))
	}
	return 1.06 * max(top, 0.01)
}

// bars draws a mark for every bin and side that has images.
func (e *Evaluation) bars(p *pair, top float64) marker {
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
			height := y(sign * min(s, top))
			to.FillPolygon(k, []vg.Point{{X: x(left), Y: y(0)}, {X: x(left), Y: height}, {X: x(right), Y: height}, {X: x(right), Y: y(0)}})
		}
		for i, b := range h.bins {
			left, right := h.edges(i)
			where := score(left) + " to " + score(right)
			flagged := left+h.width/2 > e.Threshold.Score
			side(b.id, h.nID, 1, left, right, flagged, inkIDIn, inkID, e.Figures.ID, where)
			side(b.ood, h.nOOD, -1, left, right, flagged, inkOODIn, inkOOD, p.ood, where)
		}
		_, end := h.edges(len(h.bins) - 1)
		where := "above " + score(end)
		side(h.over.id, h.nID, 1, end+h.width, end+2*h.width, end+h.width > e.Threshold.Score, inkIDIn, inkID, e.Figures.ID, where)
		side(h.over.ood, h.nOOD, -1, end+h.width, end+2*h.width, end+h.width > e.Threshold.Score, inkOODIn, inkOOD, p.ood, where)
	}
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

// corner writes at a corner of the data's area: x and y are 0 or 1.
func corner(style text.Style, x, y float64, s string) marker {
	return func(to *draw.Canvas, _, _ func(float64) vg.Length) {
		to.FillText(style, vg.Point{X: to.X(x), Y: to.Y(y)}, s)
	}
}

var _ plot.Plotter = marker(nil)
