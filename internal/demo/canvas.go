package demo

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
)

// rgb is a colour, each channel in [0, 255] before blur and noise.
type rgb [3]float64

// luminance is the brightness a person sees, by the weights of ITU-R BT.601.
func (c rgb) luminance() float64 { return 0.299*c[0] + 0.587*c[1] + 0.114*c[2] }

// canvas is an image in the making: pixels in rows from the top, in floating
// point so that only the finished image is rounded.
type canvas struct {
	pixels [Size][Size]rgb
	back   rgb // colour of the ground's middle
}

// uniform is a random number in [low, high).
func uniform(rng *rand.Rand, low, high float64) float64 { return low + (high-low)*rng.Float64() }

// ground fills the canvas with a random colour that drifts in one direction.
func (c *canvas) ground(rng *rand.Rand) {
	var drift rgb
	for i := range drift {
		c.back[i] = uniform(rng, 20, 235)
		drift[i] = uniform(rng, -40, 40)
	}
	sin, cos := math.Sincos(uniform(rng, 0, 2*math.Pi))
	for y := range Size {
		for x := range Size {
			t := (centred(x)*cos + centred(y)*sin) / Size
			for i := range drift {
				c.pixels[y][x][i] = c.back[i] + t*drift[i]
			}
		}
	}
}

// ink picks a random colour that stands out from the ground: a difference in
// luminance of at least 45 of 255.
func (c *canvas) ink(rng *rand.Rand) rgb {
	for {
		var ink rgb
		for i := range ink {
			ink[i] = uniform(rng, 0, 255)
		}
		if math.Abs(ink.luminance()-c.back.luminance()) >= 45 {
			return ink
		}
	}
}

// paint lays ink over the canvas where cover, between 0 and 1, says so.
func (c *canvas) paint(ink rgb, cover func(x, y int) float64) {
	for y := range Size {
		for x := range Size {
			a, p := cover(x, y), &c.pixels[y][x]
			for i := range p {
				p[i] += a * (ink[i] - p[i])
			}
		}
	}
}

// camera does to the canvas what a lens and a sensor do: blur, then noise.
func (c *canvas) camera(rng *rand.Rand) {
	side := uniform(rng, 0, 0.25) // weight of each neighbour; 1/4 1/2 1/4 is the most
	c.blur(side, 1, 0)
	c.blur(side, 0, 1)
	sigma := uniform(rng, 2, 14)
	for y := range c.pixels {
		for x := range c.pixels[y] {
			for i := range c.pixels[y][x] {
				c.pixels[y][x][i] += sigma * rng.NormFloat64()
			}
		}
	}
}

// blur mixes each pixel with its two neighbours in direction (dx, dy), each
// with weight side. The border pixels are repeated outwards.
func (c *canvas) blur(side float64, dx, dy int) {
	from := c.pixels
	at := func(x, y int) *rgb { return &from[min(max(y, 0), Size-1)][min(max(x, 0), Size-1)] }
	for y := range Size {
		for x := range Size {
			before, after := at(x-dx, y-dy), at(x+dx, y+dy)
			for i, v := range at(x, y) {
				c.pixels[y][x][i] = (1-2*side)*v + side*(before[i]+after[i])
			}
		}
	}
}

// image rounds the canvas to eight bits a channel.
func (c *canvas) image() *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, Size, Size))
	for y := range c.pixels {
		for x, p := range c.pixels[y] {
			img.SetRGBA(x, y, color.RGBA{level(p[0]), level(p[1]), level(p[2]), 255})
		}
	}
	return img
}

// level rounds a channel to the nearest of 0..255.
func level(v float64) uint8 { return uint8(min(max(math.Round(v), 0), 255)) }

// centred is the distance of the middle of pixel i from the image's middle.
func centred(i int) float64 { return float64(i) + 0.5 - Size/2 }
