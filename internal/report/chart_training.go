package report

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
)

// trainingChart draws how the likelihood went in training, or returns nil when nothing is known of that.
func (e *Evaluation) trainingChart() *chart {
	t := e.Training
	if t == nil || len(t.History) == 0 {
		return nil
	}
	c := newChart("training", "step", "negative log-likelihood, nats per image")
	last := t.History[len(t.History)-1]
	c.title = "Training of " + e.detector()
	c.desc = fmt.Sprintf("Mean negative log-likelihood over %d steps: validation from %s to %s, training batches from %s to %s; the Gaussian reference has %s. %s",
		last.Step, score(t.History[0].Valid), score(last.Valid), score(t.History[0].Train), score(last.Train), score(t.Reference), sentence(t.stopped()))
	var train, valid []point
	low, high := t.Reference, t.Reference
	for _, s := range t.History {
		train = append(train, point{float64(s.Step), s.Train})
		valid = append(valid, point{float64(s.Step), s.Valid})
		low, high = min(low, s.Train, s.Valid), max(high, s.Train, s.Valid)
	}
	low, high = min(low, t.Kept), max(high, t.Kept)
	margin := 0.06 * (high - low)
	if !(margin > 0) {
		margin = 1
	}
	low, high = low-margin, high+margin
	ticks := roundTicks(low, high, 4, decimal)
	scale(&c.plot.Y, low, high, ticks)
	end := max(float64(last.Step), 1)
	// Room on the right for the names of the lines.
	scale(&c.plot.X, 0, 1.32*end, onlyUpTo(roundTicks(0, end, 4, decimal), end))
	c.add(gridLines(ticks), polyline(inkAxis.line(1, 2, 3), []point{{0, t.Reference}, {1.32 * end, t.Reference}}))
	name := func(k ink, y float64, s string) marker {
		return label(k.strong(textSize, text.XLeft, text.YCenter), point{end, y}, 8, 0, s)
	}
	c.add(
		polyline(inkID.as("curve", "training batches").line(1.6), few(train, low, high, end)),
		polyline(inkOwn.as("curve", "validation").line(2.2), few(valid, low, high, end)),
		dot(inkOwn.as("dot", sentence(t.stopped())), point{end, last.Valid}, 4),
	)
	names := spread([]float64{last.Train, last.Valid, t.Reference}, (high-low)*0.075)
	c.add(name(inkID, names[0], "training"), name(inkOwn, names[1], "validation"), name(inkFaint, names[2], "Gaussian"))
	return c
}

// stopped says in words why the training ended and what was kept of it.
func (t *Training) stopped() string {
	last := t.History[len(t.History)-1]
	return fmt.Sprintf("stopped at step %s: %s; the flow that was kept has %s on validation images", decimal(float64(last.Step), 0), t.Reason, score(t.Kept))
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
	order := []int{0, 1, 2}
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
	for range 3 { // a few rounds settle three names
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
