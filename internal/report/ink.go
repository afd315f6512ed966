package report

import (
	"image/color"

	stdfont "golang.org/x/image/font"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/font/liberation"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// ink is a colour by its part in a plot. On a page the class decides, by the page's style; elsewhere the colour does.
type ink struct {
	color.NRGBA
	class string
	tip   string // tooltip of the mark
}

// The inks. ID and OOD are the blue and the vermilion of Okabe and Ito's palette, and the rival's green is of it too:
// they stay apart for eyes that tell no red from green, and each is named in the plot as well. page.css has the same
// classes for light and dark.
var (
	inkText  = ink{class: "t", NRGBA: rgb(0x1c2127)}
	inkFaint = ink{class: "f", NRGBA: rgb(0x5b6470)}
	inkAxis  = ink{class: "a", NRGBA: rgb(0x9aa3ad)}
	inkGrid  = ink{class: "g", NRGBA: rgb(0xe4e8ec)}
	inkID    = ink{class: "i", NRGBA: rgb(0x0072b2)}
	inkIDIn  = ink{class: "i l", NRGBA: rgb(0x9cc9e3)} // not flagged
	inkOOD   = ink{class: "o", NRGBA: rgb(0xd55e00)}
	inkOODIn = ink{class: "o l", NRGBA: rgb(0xf3c19d)}
	inkOwn   = ink{class: "m", NRGBA: rgb(0x1c2127)} // the detector under test
	inkRival = ink{class: "r", NRGBA: rgb(0x009e73)}
	inkOther = ink{class: "n", NRGBA: rgb(0xb9c1c9)}
)

func rgb(v uint32) color.NRGBA {
	return color.NRGBA{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: 255}
}

// as is the ink with another class and a tooltip.
func (k ink) as(class, tip string) ink {
	k.class += " " + class
	k.tip = tip
	return k
}

// line is a line in this ink.
func (k ink) line(width vg.Length, dashes ...vg.Length) draw.LineStyle {
	return draw.LineStyle{Color: k, Width: width, Dashes: dashes}
}

var handler = textHandler{text.Plain{Fonts: font.NewCache(liberation.Collection())}}

// write is text in this ink.
func (k ink) write(size vg.Length, x text.XAlignment, y text.YAlignment) text.Style {
	return text.Style{Color: k, Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}, XAlign: x, YAlign: y, Handler: handler}
}

// strong is bold text in this ink.
func (k ink) strong(size vg.Length, x text.XAlignment, y text.YAlignment) text.Style {
	k.class += " b"
	s := k.write(size, x, y)
	s.Font.Weight = stdfont.WeightBold
	return s
}
