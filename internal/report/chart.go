package report

import (
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A plot is drawn about as large as a phone is wide, so that a page need not shrink its text there.
const (
	chartWidth  vg.Length = 360
	chartHeight vg.Length = 264
	textSize    vg.Length = 11
)

// chart is one plot with the words that go with it.
type chart struct {
	kind  string // "scores", "roc", "pr" or "training"
	title string // what it shows, of what
	desc  string // what is to be seen in it, in a sentence or two
	y     string // name of the y axis, which stands above it
	plot  *plot.Plot
}

// newChart sets up the axes.
func newChart(kind, x, y string) *chart {
	p := plot.New()
	p.BackgroundColor = nil
	p.TextHandler = handler
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.LineStyle = inkAxis.line(1)
		a.Tick.LineStyle = inkAxis.line(1)
		a.Tick.Length = 5
		a.Padding = 0
	}
	p.X.Tick.Label = inkFaint.write(textSize, text.XCenter, text.YTop)
	p.Y.Tick.Label = inkFaint.write(textSize, text.XRight, text.YCenter)
	p.X.Label.Text = x
	p.X.Label.TextStyle = inkFaint.write(textSize, text.XCenter, text.YBottom)
	p.X.Label.Padding = 5
	p.Y.LineStyle, p.Y.Tick.LineStyle, p.Y.Tick.Length = draw.LineStyle{}, draw.LineStyle{}, 0
	p.Y.Label.TextStyle = inkFaint.write(textSize, text.XCenter, text.YBottom)
	return &chart{kind: kind, y: y, plot: p}
}

// scale sets the range of an axis and its ticks.
func scale(a *plot.Axis, low, high float64, ticks []plot.Tick) {
	a.Min, a.Max = low, high
	a.Tick.Marker = plot.ConstantTicks(ticks)
}

// add adds something that draws itself.
func (c *chart) add(marks ...marker) {
	for _, m := range marks {
		c.plot.Add(m)
	}
}

// draw draws the chart, the name of the y axis above its numbers.
func (c *chart) draw(to draw.Canvas) {
	style := inkFaint.write(textSize, text.XLeft, text.YTop)
	to.FillText(style, vg.Point{X: to.Min.X, Y: to.Max.Y}, c.y)
	c.plot.Draw(draw.Crop(to, 0, 0, 0, -24))
}

// svg draws the chart as the contents of an SVG element of chartWidth and chartHeight.
func (c *chart) svg() string {
	canvas := newSVG(chartWidth, chartHeight)
	c.draw(draw.Crop(draw.New(canvas), 2, -2, 2, -2))
	return canvas.b.String()
}

// marker draws itself into the area of the data, by the scales of x and y.
type marker func(to *draw.Canvas, x, y func(float64) vg.Length)

// Plot implements plot.Plotter.
func (m marker) Plot(to draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&to)
	m(&to, x, y)
}

// gridLines are faint horizontal lines at the ticks of y.
func gridLines(ticks []plot.Tick) marker {
	return func(to *draw.Canvas, _, y func(float64) vg.Length) {
		for _, t := range ticks {
			to.StrokeLine2(inkGrid.line(1), to.Min.X, y(t.Value), to.Max.X, y(t.Value))
		}
	}
}

// polyline joins points.
func polyline(style draw.LineStyle, points []point) marker {
	return func(to *draw.Canvas, x, y func(float64) vg.Length) {
		line := make([]vg.Point, len(points))
		for i, p := range points {
			line[i] = vg.Point{X: x(p.x), Y: y(p.y)}
		}
		to.StrokeLines(style, line)
	}
}

// dot is a disc.
func dot(k ink, at point, tip string) marker {
	return func(to *draw.Canvas, x, y func(float64) vg.Length) {
		style := draw.GlyphStyle{Color: k.as("dot", tip), Radius: 4, Shape: draw.CircleGlyph{}}
		to.DrawGlyph(style, vg.Point{X: x(at.x), Y: y(at.y)})
	}
}

// label writes text at a point of the data, moved by so many units of the page.
func label(style text.Style, at point, dx, dy vg.Length, s string) marker {
	return func(to *draw.Canvas, x, y func(float64) vg.Length) {
		to.FillText(style, vg.Point{X: x(at.x) + dx, Y: y(at.y) + dy}, s)
	}
}

// shares are the ticks of an axis from 0 to 1, in percent.
func shares(n int) []plot.Tick {
	var ticks []plot.Tick
	for i := range n + 1 {
		v := float64(i) / float64(n)
		ticks = append(ticks, plot.Tick{Value: v, Label: percent(v)})
	}
	return ticks
}

// percent writes a share as a whole percentage, or with as many digits as a small one needs.
func percent(v float64) string {
	return minus(strconv.FormatFloat(math.Round(1e8*v)/1e6, 'f', -1, 64)) + "\u2009%"
}

// roundTicks are at most n+2 ticks at round numbers within a range.
func roundTicks(low, high float64, n int, write func(float64, int) string) []plot.Tick {
	span := high - low
	if !(span > 0) {
		return []plot.Tick{{Value: low, Label: write(low, 3)}}
	}
	step := math.Pow(10, math.Floor(math.Log10(span/float64(n))))
	for _, m := range []float64{2, 2.5, 2} { // 1, 2, 5, 10
		if span/step > float64(n)+1 {
			step *= m
		}
	}
	decimals := max(0, int(-math.Floor(math.Log10(step)+1e-9)))
	var ticks []plot.Tick
	for k := math.Ceil(low/step - 1e-9); k*step <= high+1e-9*step; k++ {
		ticks = append(ticks, plot.Tick{Value: k * step, Label: write(k*step, decimals)})
	}
	return ticks
}

// decimal writes a number with so many decimals and a true minus sign.
func decimal(v float64, decimals int) string {
	if decimals > 6 || math.Abs(v) >= 1e7 {
		return minus(strconv.FormatFloat(v, 'g', 3, 64))
	}
	if v == 0 {
		v = 0 // not -0
	}
	return minus(thousands(strconv.FormatFloat(v, 'f', decimals, 64)))
}

func minus(s string) string { return strings.Replace(s, "-", "\u2212", 1) }

// thousands puts commas between the thousands of a decimal number.
func thousands(s string) string {
	whole, fraction, _ := strings.Cut(s, ".")
	digits := strings.TrimLeft(whole, "-")
	sign := whole[:len(whole)-len(digits)]
	for k := len(digits) - 3; k > 0; k -= 3 {
		digits = digits[:k] + "," + digits[k:]
	}
	if fraction != "" {
		digits += "." + fraction
	}
	return sign + digits
}

// score writes a score with four digits that count, or whole.
func score(v float64) string {
	a := math.Abs(v)
	if a != 0 && (a < 1e-4 || a >= 1e7) {
		return minus(strconv.FormatFloat(v, 'g', 4, 64))
	}
	decimals := 4
	if a > 0 {
		decimals = min(7, max(0, 3-int(math.Floor(math.Log10(a)))))
	}
	return decimal(v, min(decimals, 6))
}
