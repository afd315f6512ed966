package report

import (
	"fmt"
	"math"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// rocChart draws the ROC curves of all detectors on an OOD set.
func (e *Evaluation) rocChart(ood string) *chart {
	all := e.on(ood)
	own := all[0]
	c := newChart("roc", "share of "+fit(e.Figures.ID, 18)+" flagged by mistake", "share of "+fit(ood, 24)+" flagged")
	c.title = "ROC curves on " + ood
	c.desc = fmt.Sprintf("Share of %s images that are flagged against the share of %s images that are, over all thresholds. %s",
		ood, e.Figures.ID, ranking(all, func(r rated) float64 { return r.AUROC }, "area under the curve"))
	ticks := shares(4)
	scale(&c.plot.X, 0, 1, ticks)
	scale(&c.plot.Y, 0, 1, ticks)
	c.add(gridLines(ticks), polyline(inkAxis.line(1, 2, 3), []point{{0, 0}, {1, 1}}))
	c.add(lines(all, func(r rated) []point { return r.roc }, func(r rated) float64 { return r.AUROC })...)
	at := point{float64(own.id) / float64(own.nID), float64(own.strange) / float64(own.nOOD)}
	if e.Threshold != nil {
		c.add(dot(inkOwn, at, fmt.Sprintf("threshold: flags %s of %s and %s of %s", share(at.x), e.Figures.ID, share(at.y), ood)))
		c.add(label(inkText.write(textSize, text.XLeft, text.YTop), at, 8, -2, "threshold"))
	}
	c.add(key(all, func(r rated) []point { return r.roc }, func(r rated) float64 { return r.AUROC })...)
	return c
}

// prChart draws the precision-recall curves of all detectors on an OOD set, OOD positive.
func (e *Evaluation) prChart(ood string) *chart {
	all := e.on(ood)
	c := newChart("pr", "recall: share of "+fit(ood, 18)+" flagged", "precision: share of the flagged that are "+fit(ood, 18))
	c.title = "Precision and recall on " + ood
	c.desc = fmt.Sprintf("Share of the flagged images that are of %s, against the share of %s images that are flagged, over all thresholds. %s",
		ood, ood, ranking(all, func(r rated) float64 { return r.AUPROut }, "area under the curve (AUPR-out)"))
	ticks := shares(4)
	scale(&c.plot.X, 0, 1, ticks)
	scale(&c.plot.Y, 0, 1, ticks)
	own := all[0]
	chance := float64(own.nOOD) / float64(own.nID+own.nOOD)
	c.add(gridLines(ticks), polyline(inkAxis.line(1, 2, 3), []point{{0, chance}, {1, chance}}))
	c.add(lines(all, func(r rated) []point { return r.pr }, func(r rated) float64 { return r.AUPROut })...)
	if flagged := own.id + own.strange; flagged > 0 && e.Threshold != nil {
		at := point{float64(own.strange) / float64(own.nOOD), float64(own.strange) / float64(flagged)}
		c.add(dot(inkOwn, at, fmt.Sprintf("threshold: %s of the flagged are of %s", share(at.y), ood)))
		c.add(label(inkText.write(textSize, text.XRight, text.YTop), at, -8, -2, "threshold"))
	}
	c.add(key(all, func(r rated) []point { return r.pr }, func(r rated) float64 { return r.AUPROut })...)
	return c
}

// lines draws the others first and the detector under test last, on top.
func lines(all []rated, curve func(rated) []point, area func(rated) float64) []marker {
	second := rival(all)
	var marks []marker
	line := func(r rated, style draw.LineStyle, k ink) {
		style.Color = k.as("curve", fmt.Sprintf("%s: %s", r.pair.detector, points(area(r))))
		marks = append(marks, polyline(style, curve(r)))
	}
	for i, r := range all {
		if i > 0 && i != second {
			line(r, inkOther.line(1.2), inkOther)
		}
	}
	if second > 0 {
		line(all[second], inkRival.line(1.8), inkRival)
	}
	line(all[0], inkOwn.line(2.2), inkOwn)
	return marks
}

// key names the lines in the corner where fewest of them go.
func key(all []rated, curve func(rated) []point, area func(rated) float64) []marker {
	name := func(r rated) string { return fit(r.pair.detector, 22) + "  " + points(area(r)) }
	words, inks := []string{name(all[0])}, []ink{inkOwn}
	second := rival(all)
	if second > 0 {
		words, inks = append(words, name(all[second])), append(inks, inkRival)
	}
	switch n := len(all) - len(words); {
	case n == 1:
		words, inks = append(words, name(all[3-second])), append(inks, inkFaint)
	case n > 1:
		words, inks = append(words, fmt.Sprintf("%d others", n)), append(inks, inkFaint)
	}
	corner := emptiest(all, curve)
	side, x, y := text.XLeft, 0.03, 0.02
	if corner.x == 1 {
		side, x = text.XRight, 0.985
	}
	var marks []marker
	for i, s := range words {
		k := inks[i]
		k.class += " key"
		style := k.strong(textSize, side, text.YBottom)
		up := vg.Length(15 * (len(words) - 1 - i))
		if corner.y == 1 {
			style.YAlign, y, up = text.YTop, 0.96, vg.Length(-15*i)
		}
		marks = append(marks, func(to *draw.Canvas, _, _ func(float64) vg.Length) {
			to.FillText(style, vg.Point{X: to.X(x), Y: to.Y(y) + up}, s)
		})
	}
	return marks
}

// emptiest is the corner of the unit square with the least of the curves in it. The top left is not tried: good curves of
// both kinds are there.
func emptiest(all []rated, curve func(rated) []point) point {
	corners := []point{{1, 0}, {0, 0}, {1, 1}}
	busy := make([]int, len(corners))
	for _, r := range all {
		line := curve(r)
		for i := 1; i < len(line); i++ {
			a, b := line[i-1], line[i]
			steps := 1 + int(50*(math.Abs(b.x-a.x)+math.Abs(b.y-a.y)))
			for k := range steps {
				t := float64(k) / float64(steps)
				for c, at := range corners {
					if math.Abs(a.x+t*(b.x-a.x)-at.x) < 0.45 && math.Abs(a.y+t*(b.y-a.y)-at.y) < 0.25 {
						busy[c]++
					}
				}
			}
		}
	}
	best := 0
	for c := range corners {
		if busy[c] < busy[best] {
			best = c
		}
	}
	return corners[best]
}

// ranking says in words who is best.
func ranking(all []rated, area func(rated) float64, what string) string {
	s := fmt.Sprintf("%s has %s %s", all[0].pair.detector, points(area(all[0])), what)
	if second := rival(all); second > 0 {
		s += fmt.Sprintf(", %s, the best other, %s", all[second].pair.detector, points(area(all[second])))
	}
	return s + "."
}
