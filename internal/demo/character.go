package demo

import (
	"fmt"
	"image"
	"image/draw"
	"math"
	"math/rand/v2"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gobolditalic"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/gomediumitalic"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/gofont/gomonobolditalic"
	"golang.org/x/image/font/gofont/gomonoitalic"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// fonts are the Go typefaces, which are compiled in.
var fonts = parse(
	goregular.TTF, gomedium.TTF, gobold.TTF,
	goitalic.TTF, gomediumitalic.TTF, gobolditalic.TTF,
	gomono.TTF, gomonobold.TTF, gomonoitalic.TTF, gomonobolditalic.TTF,
)

// parse reads fonts that are known to be good.
func parse(ttf ...[]byte) []*sfnt.Font {
	fonts := make([]*sfnt.Font, len(ttf))
	for i, b := range ttf {
		f, err := sfnt.Parse(b)
		if err != nil {
			panic(fmt.Sprintf("parse a compiled-in font: %v", err))
		}
		fonts[i] = f
	}
	return fonts
}

// character draws r in the middle, in a random font, size, slant, turn and
// colour. Often a part of a neighbour from the same alphabet shows at the
// edge, as on a house number or a number plate.
func character(r byte, alphabet string) func(*canvas, *rand.Rand) {
	return func(c *canvas, rng *rand.Rand) {
		p := pose{
			font:  fonts[rng.IntN(len(fonts))],
			size:  uniform(rng, 15, 25),
			width: uniform(rng, 0.8, 1.2),
			slant: uniform(rng, -0.2, 0.2),
			turn:  uniform(rng, -15, 15) * math.Pi / 180,
			x:     uniform(rng, -3, 3),
			y:     uniform(rng, -3, 3),
		}
		ink := c.ink(rng)
		p.draw(c, r, 0, ink)
		for _, side := range []float64{-1, 1} {
			if rng.Float64() < 0.5 {
				neighbour := alphabet[rng.IntN(len(alphabet))]
				p.draw(c, neighbour, side*p.size*uniform(rng, 0.8, 1), ink)
			}
		}
	}
}

// pose is how the characters of one image stand.
type pose struct {
	font  *sfnt.Font
	size  float64 // the longer side of the character's box, pixels
	width float64 // horizontal stretch
	slant float64 // horizontal shift per unit of height
	turn  float64 // radians
	x, y  float64 // shift from the image's middle, pixels
}

// draw paints character r, its box centred shift pixels to the right of the
// pose's place along the turned line of writing.
func (p pose) draw(c *canvas, r byte, shift float64, ink rgb) {
	outline := p.outline(r)
	box := outline.Bounds()
	w, h := float64(box.Max.X-box.Min.X), float64(box.Max.Y-box.Min.Y)
	scale := p.size / max(w, h)
	midX, midY := float64(box.Min.X)+w/2, float64(box.Min.Y)+h/2
	sin, cos := math.Sincos(p.turn)
	place := func(q fixed.Point26_6) (float32, float32) {
		y := (float64(q.Y) - midY) * scale
		x := (float64(q.X)-midX)*scale*p.width - p.slant*y + shift
		return float32(x*cos - y*sin + p.x + Size/2), float32(x*sin + y*cos + p.y + Size/2)
	}
	mask := fill(outline, place)
	c.paint(ink, func(x, y int) float64 { return float64(mask.AlphaAt(x, y).A) / 255 })
}

// outline is the shape of character r in font units, y downwards.
func (p pose) outline(r byte) sfnt.Segments {
	glyph, err := p.font.GlyphIndex(nil, rune(r))
	if err != nil || glyph == 0 {
		panic(fmt.Sprintf("the compiled-in font has no %q: %v", r, err))
	}
	ppem := fixed.Int26_6(p.font.UnitsPerEm())
	outline, err := p.font.LoadGlyph(nil, glyph, ppem, &sfnt.LoadGlyphOptions{})
	if err != nil {
		panic(fmt.Sprintf("load %q from a compiled-in font: %v", r, err))
	}
	return outline
}

// fill rasterises an outline whose points place brings to pixel coordinates.
func fill(outline sfnt.Segments, place func(fixed.Point26_6) (x, y float32)) *image.Alpha {
	z := vector.NewRasterizer(Size, Size)
	for _, s := range outline {
		ax, ay := place(s.Args[0])
		bx, by := place(s.Args[1])
		cx, cy := place(s.Args[2])
		switch s.Op {
		case sfnt.SegmentOpMoveTo:
			z.MoveTo(ax, ay)
		case sfnt.SegmentOpLineTo:
			z.LineTo(ax, ay)
		case sfnt.SegmentOpQuadTo:
			z.QuadTo(ax, ay, bx, by)
		case sfnt.SegmentOpCubeTo:
			z.CubeTo(ax, ay, bx, by, cx, cy)
		}
	}
	z.ClosePath()
	mask := image.NewAlpha(image.Rect(0, 0, Size, Size))
	z.DrawOp = draw.Src
	z.Draw(mask, mask.Bounds(), image.Opaque, image.Point{})
	return mask
}
