package report

import (
	"bytes"
	"html"
	"image"
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// svgCanvas writes SVG that a page can style. Unlike gonum's own SVG canvas it names colours by class, with the colour of
// the light theme as a presentation attribute, which any style overrides; gives marks a tooltip; and leaves the
// alignment of text to the reader's font.
type svgCanvas struct {
	b             bytes.Buffer
	width, height vg.Length
	now           pen
	stack         []pen
}

// pen is the state that Push saves.
type pen struct {
	colour color.Color
	line   vg.Length
	dashes []vg.Length
	origin vg.Point
}

var _ vg.CanvasSizer = (*svgCanvas)(nil)

func newSVG(width, height vg.Length) *svgCanvas {
	return &svgCanvas{width: width, height: height, now: pen{colour: color.Black, line: 1}}
}

func (c *svgCanvas) Size() (x, y vg.Length)                      { return c.width, c.height }
func (c *svgCanvas) SetLineWidth(w vg.Length)                    { c.now.line = w }
func (c *svgCanvas) SetLineDash(dashes []vg.Length, _ vg.Length) { c.now.dashes = dashes }
func (c *svgCanvas) SetColor(k color.Color)                      { c.now.colour = k }
func (c *svgCanvas) Translate(by vg.Point)                       { c.now.origin = c.now.origin.Add(by) }
func (c *svgCanvas) Push()                                       { c.stack = append(c.stack, c.now) }

func (c *svgCanvas) Pop() {
	c.now = c.stack[len(c.stack)-1]
	c.stack = c.stack[:len(c.stack)-1]
}

// Our plots turn, scale and embed nothing.
func (c *svgCanvas) Rotate(float64)     { panic("report: an SVG plot is not rotated") }
func (c *svgCanvas) Scale(x, y float64) { panic("report: an SVG plot is not scaled") }
func (c *svgCanvas) DrawImage(_ vg.Rectangle, _ image.Image) {
	panic("report: an SVG plot has no images")
}

// Stroke implements vg.Canvas.
func (c *svgCanvas) Stroke(p vg.Path) {
	if c.now.line <= 0 || len(p) == 0 {
		return
	}
	c.open("path", "stroke", ` fill="none"`)
	c.attribute("stroke-width", number(float64(c.now.line), 2))
	if len(c.now.dashes) > 0 {
		var dashes []byte
		for i, d := range c.now.dashes {
			if i > 0 {
				dashes = append(dashes, ' ')
			}
			dashes = append(dashes, number(float64(d), 1)...)
		}
		c.attribute("stroke-dasharray", string(dashes))
	}
	c.path(p)
	c.close("path")
}

// Fill implements vg.Canvas.
func (c *svgCanvas) Fill(p vg.Path) {
	if len(p) == 0 {
		return
	}
	c.open("path", "fill", "")
	c.path(p)
	c.close("path")
}

// FillString implements vg.Canvas, for text that does not come through textHandler.
func (c *svgCanvas) FillString(f font.Face, at vg.Point, s string) {
	c.text(f.Font, at, "start", s)
}

// text writes a line of text with its baseline at the given height.
func (c *svgCanvas) text(f font.Font, at vg.Point, anchor, s string) {
	c.open("text", "fill", "")
	x, y := c.place(at)
	c.attribute("x", x)
	c.attribute("y", y)
	c.attribute("font-size", number(float64(f.Size), 1))
	if anchor != "start" {
		c.attribute("text-anchor", anchor)
	}
	c.b.WriteByte('>')
	c.b.WriteString(html.EscapeString(s))
	c.b.WriteString("</text>\n")
}

// open begins an element in the current colour.
func (c *svgCanvas) open(element, paint, more string) {
	c.b.WriteString("<" + element)
	k, isInk := c.now.colour.(ink)
	if isInk {
		c.attribute("class", k.class)
	}
	c.b.WriteString(more)
	rgba := color.NRGBAModel.Convert(c.now.colour).(color.NRGBA)
	c.attribute(paint, "#"+hex(rgba.R)+hex(rgba.G)+hex(rgba.B))
	if rgba.A < 255 {
		c.attribute(paint+"-opacity", number(float64(rgba.A)/255, 2))
	}
}

// close ends an element, with a tooltip where the colour has one.
func (c *svgCanvas) close(element string) {
	if k, ok := c.now.colour.(ink); ok && k.tip != "" {
		c.b.WriteString("><title>" + html.EscapeString(k.tip) + "</title></" + element + ">\n")
		return
	}
	c.b.WriteString("/>\n")
}

func (c *svgCanvas) attribute(name, value string) {
	c.b.WriteString(" " + name + `="` + html.EscapeString(value) + `"`)
}

// path writes the attribute d.
func (c *svgCanvas) path(p vg.Path) {
	c.b.WriteString(` d="`)
	for _, s := range p {
		switch s.Type {
		case vg.MoveComp:
			c.command("M", s.Pos)
		case vg.LineComp:
			c.command("L", s.Pos)
		case vg.ArcComp:
			c.arc(s)
		case vg.CloseComp:
			c.b.WriteByte('Z')
		default:
			panic("report: an SVG plot has no curves")
		}
	}
	c.b.WriteByte('"')
}

func (c *svgCanvas) command(letter string, at vg.Point) {
	x, y := c.place(at)
	c.b.WriteString(letter + x + " " + y)
}

// arc goes around a circle in two halves, as one arc cannot end where it begins.
func (c *svgCanvas) arc(s vg.PathComp) {
	at := func(angle float64) vg.Point {
		return vg.Point{X: s.Pos.X + s.Radius*vg.Length(math.Cos(angle)), Y: s.Pos.Y + s.Radius*vg.Length(math.Sin(angle))}
	}
	c.command("M", at(s.Start))
	r := number(float64(s.Radius), 2)
	for half := 1; half <= 2; half++ {
		c.command("A"+r+" "+r+" 0 0 0 ", at(s.Start+s.Angle*float64(half)/2))
	}
}

// place turns gonum's coordinates, from the bottom upwards, into SVG's.
func (c *svgCanvas) place(at vg.Point) (x, y string) {
	at = at.Add(c.now.origin)
	return number(float64(at.X), 1), number(float64(c.height-at.Y), 1)
}

// number writes v with so many decimals at most.
func number(v float64, decimals int) string {
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	for s[len(s)-1] == '0' {
		s = s[:len(s)-1]
	}
	if s[len(s)-1] == '.' {
		s = s[:len(s)-1]
	}
	if s == "-0" {
		return "0"
	}
	return s
}

func hex(v uint8) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[v>>4], digits[v&15]})
}

// textHandler draws on an svgCanvas by anchor instead of by the width that the text has in gonum's font, and as
// gonum does on all others.
type textHandler struct{ text.Plain }

// Draw implements text.Handler.
func (h textHandler) Draw(c vg.Canvas, s string, style text.Style, at vg.Point) {
	target := c
	for {
		d, ok := target.(*draw.Canvas)
		if v, isValue := target.(draw.Canvas); isValue {
			d, ok = &v, true
		}
		if !ok {
			break
		}
		target = d.Canvas
	}
	svg, ok := target.(*svgCanvas)
	if !ok || s == "" {
		h.Plain.Draw(c, s, style, at)
		return
	}
	anchor := "start"
	switch style.XAlign {
	case text.XCenter:
		anchor = "middle"
	case text.XRight:
		anchor = "end"
	}
	e := h.Extents(style.Font)
	at.Y += style.Height(s)*vg.Length(style.YAlign) - e.Ascent + style.Font.Size
	svg.SetColor(style.Color)
	svg.text(style.Font, at, anchor, s)
}
