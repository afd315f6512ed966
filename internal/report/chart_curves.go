package report

import (
	"fmt"

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
	c.add(dot(inkOwn, at, fmt.Sprintf("threshold: flags %s of %s and %s of %s", share(at.x), e.Figures.ID, share(at.y), ood)))
	c.add(label(inkText.write(textSize, text.XLeft, text.YTop), at, 8, -2, "threshold"))
	c.add(key(all, 0.02, func(r rated) float64 { return r.AUROC })...)
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
	if flagged := own.id + own.strange; flagged > 0 {
		at := point{float64(own.strange) / float64(own.nOOD), float64(own.strange) / float64(flagged)}
		c.add(dot(inkOwn, at, fmt.Sprintf("threshold: %s of the flagged are of %s", share(at.y), ood)))
		c.add(label(inkText.write(textSize, text.XRight, text.YTop), at, -8, -2, "threshold"))
	}
	c.add(key(all, 0.02, func(r rated) float64 { return r.AUPROut })...)
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

// key names the lines, from the bottom right upwards.
func key(all []rated, bottom float64, area func(rated) float64) []marker {
	type row struct {
		k    ink
		text string
	}
	rows := []row{{inkOwn, fit(all[0].pair.detector, 22) + "  " + points(area(all[0]))}}
	if second := rival(all); second > 0 {
		rows = append(rows, row{inkRival, fit(all[second].pair.detector, 22) + "  " + points(area(all[second]))})
	}
	if n := len(all) - 2; n > 0 {
		word := "others"
		if n == 1 {
			word = fit(all[3-rival(all)].pair.detector, 22) + "  " + points(area(all[3-rival(all)]))
		} else {
			word = fmt.Sprintf("%d %s", n, word)
		}
		rows = append(rows, row{inkFaint, word})
	}
	var marks []marker
	for i, r := range rows {
		k := r.k
		k.class += " key"
		style := k.strong(textSize, text.XRight, text.YBottom)
		up := vg.Length(15 * (len(rows) - 1 - i))
		marks = append(marks, func(to *draw.Canvas, _, _ func(float64) vg.Length) {
			to.FillText(style, vg.Point{X: to.X(0.985), Y: to.Y(bottom) + up}, r.text)
		})
	}
	return marks
}

// ranking says in words who is best.
func ranking(all []rated, area func(rated) float64, what string) string {
	s := fmt.Sprintf("%s has %s %s", all[0].pair.detector, points(area(all[0])), what)
	if second := rival(all); second > 0 {
		s += fmt.Sprintf(", %s, the best other, %s", all[second].pair.detector, points(area(all[second])))
	}
	return s + "."
}
