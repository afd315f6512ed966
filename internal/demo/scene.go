package demo

import (
	"math"
	"math/rand/v2"
)

// shape is a random pattern: it returns how far the point (x, y), in pixels
// from the image's middle, lies inside the painted part (negative: outside).
type shape func(rng *rand.Rand) func(x, y float64) float64

// scenes are what far-OOD images show: nothing that was ever written.
var scenes = []struct {
	name  string
	shape shape
}{
	{"plain", plain},
	{"stripes", stripes},
	{"checks", checks},
	{"rings", rings},
	{"dots", dots},
	{"blobs", blobs},
	{"horizon", horizon},
	{"speckle", speckle},
}

// scene paints a shape in one colour, with edges one pixel soft.
func scene(s shape) func(*canvas, *rand.Rand) {
	return func(c *canvas, rng *rand.Rand) {
		inside := s(rng)
		c.paint(c.ink(rng), func(x, y int) float64 {
			return min(max(inside(centred(x), centred(y))+0.5, 0), 1)
		})
	}
}

// turned gives coordinates along two random perpendicular directions, with a
// random origin within a period.
func turned(rng *rand.Rand, period float64) func(x, y float64) (u, v float64) {
	sin, cos := math.Sincos(uniform(rng, 0, 2*math.Pi))
	u0, v0 := uniform(rng, 0, period), uniform(rng, 0, period)
	return func(x, y float64) (float64, float64) { return x*cos + y*sin + u0, y*cos - x*sin + v0 }
}

// wave is a wave of the given period whose slope at its zeros is 1, so that
// it measures the distance from the nearest edge of a stripe in pixels.
func wave(u, period float64) float64 {
	k := 2 * math.Pi / period
	return math.Sin(k*u) / k
}

// plain leaves the ground as it is.
func plain(*rand.Rand) func(x, y float64) float64 {
	return func(float64, float64) float64 { return -1 }
}

// stripes are straight, of one width.
func stripes(rng *rand.Rand) func(x, y float64) float64 {
	period := uniform(rng, 4, 16)
	axes := turned(rng, period)
	return func(x, y float64) float64 {
		u, _ := axes(x, y)
		return wave(u, period)
	}
}

// checks are a chessboard, turned.
func checks(rng *rand.Rand) func(x, y float64) float64 {
	period := uniform(rng, 8, 24)
	axes := turned(rng, period)
	return func(x, y float64) float64 {
		u, v := axes(x, y)
		a, b := wave(u, period), wave(v, period)
		return math.Copysign(min(math.Abs(a), math.Abs(b)), a*b)
	}
}

// rings are circles about one point in or near the image.
func rings(rng *rand.Rand) func(x, y float64) float64 {
	period := uniform(rng, 5, 12)
	x0, y0 := uniform(rng, -Size/2, Size/2), uniform(rng, -Size/2, Size/2)
	return func(x, y float64) float64 { return wave(math.Hypot(x-x0, y-y0), period) }
}

// dots are discs on a turned grid.
func dots(rng *rand.Rand) func(x, y float64) float64 {
	period := uniform(rng, 6, 14)
	radius := period * uniform(rng, 0.2, 0.4)
	axes := turned(rng, period)
	return func(x, y float64) float64 {
		u, v := axes(x, y)
		du, dv := u-period*math.Round(u/period), v-period*math.Round(v/period)
		return radius - math.Hypot(du, dv)
	}
}

// blobs are a few discs of different sizes anywhere in the image.
func blobs(rng *rand.Rand) func(x, y float64) float64 {
	discs := make([][3]float64, 2+rng.IntN(5))
	for i := range discs {
		discs[i] = [3]float64{uniform(rng, -Size/2, Size/2), uniform(rng, -Size/2, Size/2), uniform(rng, 2, 8)}
	}
	return func(x, y float64) float64 {
		inside := math.Inf(-1)
		for _, d := range discs {
			inside = max(inside, d[2]-math.Hypot(x-d[0], y-d[1]))
		}
		return inside
	}
}

// horizon is a wavy line with one colour on each side.
func horizon(rng *rand.Rand) func(x, y float64) float64 {
	axes := turned(rng, 0)
	height, period, phase := uniform(rng, 0, 4), uniform(rng, 10, 40), uniform(rng, 0, 2*math.Pi)
	offset := uniform(rng, -Size/4, Size/4)
	return func(x, y float64) float64 {
		u, v := axes(x, y)
		return v - offset - height*math.Sin(2*math.Pi*u/period+phase)
	}
}

// speckle gives every pixel a cover of its own, like sand.
func speckle(rng *rand.Rand) func(x, y float64) float64 {
	return func(float64, float64) float64 { return uniform(rng, -0.5, 0.5) }
}
