package imageset

import (
	"image"
	"math"
)

// interpolator resizes as torch's interpolate(mode="bilinear" or "bicubic",
// align_corners=False, antialias=False) does on an 8-bit picture: each output
// pixel is made of the two or four nearest source pixels each way, however much
// the picture shrinks, in float32, and rounded once, halves to even. Its cubic is
// Keys's with a = -3/4, where PIL has -1/2. It keeps its scratch memory, and is
// for one goroutine.
type interpolator struct {
	columns, rows []point
	lines         [4][]float32 // source rows interpolated across: row y is in y % 4
	at            [4]int       // the row that each holds
}

// point says what one output sample is made of: n source samples and their
// weights.
type point struct {
	n      int
	index  [4]int
	weight [4]float32
}

// interpolate writes the pixels within win of m, resized to w×h, to dst. row is
// room for a row of m.
func (p *interpolator) interpolate(dst, row []byte, m *Image, w, h int, f Filter, win image.Rectangle) {
	p.columns = points(p.columns, f, m.W, w, win.Min.X, win.Max.X)
	p.rows = points(p.rows, f, m.H, h, win.Min.Y, win.Max.Y)
	n := 3 * win.Dx()
	for i := range p.lines {
		p.lines[i], p.at[i] = resize(p.lines[i], n), -1
	}
	for i := range p.rows {
		at := &p.rows[i]
		for _, y := range at.index[:at.n] {
			if p.at[y%4] != y {
				m.Row(row, y)
				across(p.lines[y%4], row, p.columns)
				p.at[y%4] = y
			}
		}
		p.down(dst[i*n:][:n], at)
	}
}

// across interpolates a row at the points.
func across(dst []float32, row []byte, points []point) {
	for i := range points {
		at := &points[i]
		var red, green, blue float32
		for k, x := range at.index[:at.n] {
			px, weight := row[3*x:][:3], at.weight[k]
			red += float32(float32(px[0]) * weight)
			green += float32(float32(px[1]) * weight)
			blue += float32(float32(px[2]) * weight)
		}
		dst[3*i], dst[3*i+1], dst[3*i+2] = red, green, blue
	}
}

// down interpolates between the rows of a point.
func (p *interpolator) down(dst []byte, at *point) {
	for i := range dst {
		var sum float32
		for k, y := range at.index[:at.n] {
			sum += float32(p.lines[y%4][i] * at.weight[k])
		}
		dst[i] = byte(min(max(math.RoundToEven(float64(sum)), 0), 255))
	}
}

// points are those of output samples from..to-1 of a row of in samples resized to
// out. Output sample i lies at (i + 1/2)·in/out - 1/2. Beyond the ends the end
// samples are repeated.
func points(dst []point, f Filter, in, out, from, to int) []point {
	dst = resize(dst, to-from)
	scale := float32(in) / float32(out)
	for i := range dst {
		at := float32(scale*(float32(from+i)+0.5)) - 0.5
		if f == Bicubic {
			dst[i] = cubicPoint(at, in)
		} else {
			dst[i] = linearPoint(max(at, 0), in)
		}
	}
	return dst
}

func linearPoint(at float32, in int) point {
	first := min(int(at), in-1)
	second := min(first+1, in-1)
	t := min(max(at-float32(first), 0), 1)
	if second == first {
		return point{n: 1, index: [4]int{first}, weight: [4]float32{1}}
	}
	return point{n: 2, index: [4]int{first, second}, weight: [4]float32{1 - t, t}}
}

func cubicPoint(at float32, in int) point {
	floor := float32(math.Floor(float64(at)))
	t := at - floor
	p := point{n: 4, weight: [4]float32{farCubic(t + 1), nearCubic(t), nearCubic(1 - t), farCubic(2 - t)}}
	for k := range p.index {
		p.index[k] = min(max(int(floor)-1+k, 0), in-1)
	}
	return p
}

// torchCubic is the parameter of torch's cubic.
const torchCubic = -0.75

// nearCubic is the weight of a sample at distance x ≤ 1.
func nearCubic(x float32) float32 {
	return float32(float32(float32(float32((torchCubic+2)*x)-(torchCubic+3))*x)*x) + 1
}

// farCubic is the weight of a sample at distance x from 1 to 2.
func farCubic(x float32) float32 {
	const a = torchCubic
	return float32(float32(float32(float32(float32(a*x)-5*a)*x)+8*a)*x) - 4*a
}
