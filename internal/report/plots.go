package report

import (
	"fmt"
	"html"
	"image/color"
	"io"
	"slices"
	"strings"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// Formats lists what an evaluation can be written as: the page, or plots alone.
func Formats() []string { return []string{"html", "png", "svg"} }

// Plots lists the kinds of plots: histograms of the scores, ROC curves and precision-recall curves, each for every OOD
// set, and the course of the training.
func Plots() []string { return []string{"scores", "roc", "pr", "training"} }

const (
	sheetMargin vg.Length = 16
	sheetGap    vg.Length = 28
	titleHeight vg.Length = 24
	// pngDPI makes a plot two pixels a unit, as sharp as print and most screens are.
	pngDPI = 144
)

// WritePlots draws plots of one kind, or "all", on a white sheet in the format "png" or "svg": a row for each OOD set,
// or one of all sets where there is one kind of plot.
func (e *Evaluation) WritePlots(w io.Writer, format, kind string) error {
	rows, err := e.sheet(kind)
	if err != nil {
		return fmt.Errorf("draw plots: %w", err)
	}
	columns := 0
	for _, r := range rows {
		columns = max(columns, len(r))
	}
	width := 2*sheetMargin + vg.Length(columns)*(chartWidth+sheetGap) - sheetGap
	height := 2*sheetMargin + vg.Length(len(rows))*(chartHeight+titleHeight+sheetGap) - sheetGap
	switch format {
	case "png":
		c := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(pngDPI), vgimg.UseBackgroundColor(color.White))
		drawSheet(draw.New(c), rows)
		_, err = vgimg.PngCanvas{Canvas: c}.WriteTo(w)
	case "svg":
		c := newSVG(width, height)
		drawSheet(draw.New(c), rows)
		_, err = io.WriteString(w, c.document(rows))
	default:
		err = fmt.Errorf("unknown format %q", format)
	}
	return err
}

// sheet arranges the charts.
func (e *Evaluation) sheet(kind string) ([][]*chart, error) {
	if kind != "all" && !slices.Contains(Plots(), kind) {
		return nil, fmt.Errorf("unknown plot %q (one of all, %s)", kind, strings.Join(Plots(), ", "))
	}
	make := map[string]func(p *pair) *chart{
		"scores": e.scoresChart,
		"roc":    func(p *pair) *chart { return e.rocChart(p.ood) },
		"pr":     func(p *pair) *chart { return e.prChart(p.ood) },
	}
	var rows [][]*chart
	for _, p := range e.tested() {
		var row []*chart
		for _, k := range Plots() {
			if f := make[k]; f != nil && (kind == "all" || kind == k) {
				row = append(row, f(p))
			}
		}
		if row != nil {
			rows = append(rows, row)
		}
	}
	if kind != "all" && len(rows) > 1 {
		rows = slices.Collect(slices.Chunk(slices.Concat(rows...), 3))
	}
	if c := e.trainingChart(); c != nil && (kind == "all" || kind == "training") {
		rows = append(rows, []*chart{c})
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("the detector file says nothing of the training: --plot %s is for a flow", kind)
	}
	return rows, nil
}

// drawSheet draws rows of charts below each other, with their titles.
func drawSheet(to draw.Canvas, rows [][]*chart) {
	for i, row := range rows {
		top := to.Max.Y - sheetMargin - vg.Length(i)*(chartHeight+titleHeight+sheetGap)
		for j, c := range row {
			left := to.Min.X + sheetMargin + vg.Length(j)*(chartWidth+sheetGap)
			to.FillText(inkText.strong(textSize+2, text.XLeft, text.YTop), vg.Point{X: left, Y: top}, c.title)
			c.draw(draw.Canvas{Canvas: to.Canvas, Rectangle: vg.Rectangle{
				Min: vg.Point{X: left, Y: top - titleHeight - chartHeight}, Max: vg.Point{X: left + chartWidth, Y: top - titleHeight},
			}})
		}
	}
}

// document is the canvas as an SVG file of its own, with a white ground.
func (c *svgCanvas) document(rows [][]*chart) string {
	var titles, descs []string
	for _, r := range rows {
		for _, c := range r {
			titles, descs = append(titles, c.title), append(descs, c.desc)
		}
	}
	w, h := number(float64(c.width), 1), number(float64(c.height), 1)
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%s" height="%s" viewBox="0 0 %s %s" role="img" font-family="Helvetica, Arial, 'Liberation Sans', sans-serif">
<title>%s</title><desc>%s</desc>
<style>.b { font-weight: bold }</style>
<rect width="100%%" height="100%%" fill="#fff"/>
%s</svg>
`, w, h, w, h, html.EscapeString(strings.Join(titles, ". ")), html.EscapeString(strings.Join(descs, " ")), c.b.String())
}
