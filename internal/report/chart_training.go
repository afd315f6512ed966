package report

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// trainingChart draws how the likelihood went in training, or returns nil when nothing is known of that.
func (e *Evaluation) trainingChart() *chart {
	t := e.Training
	if t == nil || len(t.History) == 0 {
		return nil
	}
	c := newChart("training", "step", "negative log-likelihood, nats per image")
	c.title = "Training of " + e.detector()
	first, last := t.History[0], t.History[len(t.History)-1]
	c.desc = fmt.Sprintf("Mean negative log-likelihood over %s steps. Validation images go from %s to %s, the Gaussian reference has %s. %s",
		count(last.Step), score(first.Valid), score(last.Valid), score(t.Reference), sentence(t.stopped()))
	train, valid := t.curves()
	low, high := t.span()
	ticks := roundTicks(low, high, 4, decimal)
	scale(&c.plot.Y, low, high, ticks)
	end := max(float64(last.Step), 1)
	right := 1.34 * end // room for the names of the lines
	scale(&c.plot.X, 0, right, onlyUpTo(roundTicks(0, end, 4, decimal), end))
	c.add(gridLines(ticks), polyline(inkAxis.line(1, 2, 3), []point{{0, t.Reference}, {end, t.Reference}}))
	if len(train) > 0 {
		c.add(polyline(inkID.as("curve", "training batches").line(1.6), few(train, low, high, end)))
	}
	c.add(polyline(inkOwn.as("curve", "validation").line(2.2), few(valid, low, high, end)))
	at, stop := t.keptAt(), valid[len(valid)-1]
	c.add(dot(inkFaint, stop, "stopped here"), dot(inkOwn, at, sentence(t.stopped())))
	if at == stop {
		c.add(upright(stop.x, text.XRight, "stopped, kept"))
	} else {
		c.add(upright(at.x, text.XRight, "kept"), upright(stop.x, text.XLeft, "stopped"))
	}
	names := []string{"validation", "Gaussian", "training"}
	inks := []ink{inkOwn, inkFaint, inkID}
	values := []float64{last.Valid, t.Reference, last.Train}[:min(2+len(train), 3)]
	for i, y := range spread(values, (high-low)*0.075) {
		c.add(label(inks[i].strong(textSize, text.XLeft, text.YCenter), point{end, y}, 9, 0, names[i]))
	}
	return c
}

// upright is a dashed line at a step, with a word at its top.
func upright(step float64, align text.XAlignment, word string) marker {
	return func(to *draw.Canvas, x, _ func(float64) vg.Length) {
		to.StrokeLine2(inkText.line(1.2, 4, 3), x(step), to.Min.Y, x(step), to.Max.Y)
		away := vg.Length(5)
		if align == text.XRight {
			away = -5
		}
		to.FillText(inkText.write(textSize, align, text.YTop), vg.Point{X: x(step) + away, Y: to.Max.Y}, word)
	}
}

// curves are the likelihoods of training batches and of validation images. Before the first step there was no batch.
func (t *Training) curves() (train, valid []point) {
	for _, s := range t.History {
		if s.Step > 0 {
			train = append(train, point{float64(s.Step), s.Train})
		}
		valid = append(valid, point{float64(s.Step), s.Valid})
	}
	return train, valid
}

// span is the range of all likelihoods, and a little more.
func (t *Training) span() (low, high float64) {
	train, valid := t.curves()
	low, high = min(t.Reference, t.Kept), max(t.Reference, t.Kept)
	for _, p := range slices.Concat(train, valid) {
		low, high = min(low, p.y), max(high, p.y)
	}
	margin := 0.12 * (high - low)
	if !(margin > 0) {
		margin = 1
	}
	return low - margin, high + margin
}

// keptAt is the place on the validation curve of the flow that was kept: the step with its likelihood, or, as the flow may be a mean of two
// states, the first place that is as likely, or the end.
func (t *Training) keptAt() point {
	_, valid := t.curves()
	last := valid[len(valid)-1]
	if last.y == t.Kept {
		return last
	}
	for i, p := range valid {
		if p.y == t.Kept {
			return p
		}
		if i > 0 && (valid[i-1].y-t.Kept)*(p.y-t.Kept) < 0 {
			a := valid[i-1]
			return point{a.x + (p.x-a.x)*(t.Kept-a.y)/(p.y-a.y), t.Kept}
		}
	}
	return last
}

// stopped says in words why the training ended and what was kept of it.
func (t *Training) stopped() string {
	last := t.History[len(t.History)-1]
	return fmt.Sprintf("stopped at step %s: %s; the flow that was kept has %s on validation images", count(last.Step), t.Reason, score(t.Kept))
}

// few thins a long curve.
func few(curve []point, low, high, end float64) []point {
	unit := make([]point, len(curve))
	for i, p := range curve {
		unit[i] = point{p.x / end, (p.y - low) / (high - low)}
	}
	unit = thin(unit, flat)
	for i, p := range unit {
		unit[i] = point{p.x * end, low + p.y*(high-low)}
	}
	return unit
}

// onlyUpTo leaves out ticks beyond the end.
func onlyUpTo(ticks []plot.Tick, end float64) []plot.Tick {
	return slices.DeleteFunc(ticks, func(t plot.Tick) bool { return t.Value > end || t.Value != math.Trunc(t.Value) })
}

// spread moves values apart until each is at least gap from the next, so that names do not lie on each other.
func spread(values []float64, gap float64) []float64 {
	order := []int{0, 1, 2}[:len(values)]
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case values[a] < values[b]:
			return -1
		case values[a] > values[b]:
			return 1
		}
		return a - b
	})
	out := slices.Clone(values)
	for range 20 { // enough to settle three names
		for k := 1; k < len(order); k++ {
			a, b := order[k-1], order[k]
			if lack := gap - (out[b] - out[a]); lack > 0 {
				out[a] -= lack / 2
				out[b] += lack / 2
			}
		}
	}
	return out
}
