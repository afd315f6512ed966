package imageset

import (
	"image"

	"github.com/oodflow/oodflow/internal/pixel"
)

// resampler resizes images as PIL's Image.resize does: horizontally, then
// vertically, in fixed point, rounding to 8 bits after each pass. Only the part
// that is asked for is computed. It keeps its scratch memory and the weights
// of the last few sizes, and is for one goroutine.
type resampler struct {
	row []byte // one source row
	mid []byte // rows resized horizontally
	out []byte // the result
	hor kernels
	ver kernels
	at  []int // source column of each column, then row of each row, for Nearest
	interpolator
}

// maxScratch is the most scratch memory, in bytes, that is kept between images.
const maxScratch = 16 << 20

// window resizes m to w×h and returns the pixels within win, which lies inside
// it: 3 bytes per pixel, row-major. aliased does so as torch without antialias.
// The result is valid until the next call.
func (r *resampler) window(m *Image, w, h int, f Filter, aliased bool, win image.Rectangle) []byte {
	r.row = resize(r.row, 3*m.W)
	r.out = resize(r.out, 3*win.Dx()*win.Dy())
	changes := w != m.W || h != m.H
	switch {
	case changes && f == Nearest:
		r.nearest(m, w, h, win)
	case changes && aliased:
		r.interpolate(r.out, r.row, m, w, h, f, win)
	default:
		r.filtered(m, w, h, f, win)
	}
	if cap(r.mid) > maxScratch {
		r.mid = nil
	}
	return r.out
}

// filtered makes r.out by separable filtering. A pass that would not change the
// size is left out, as in PIL.
func (r *resampler) filtered(m *Image, w, h int, f Filter, win image.Rectangle) {
	stride := 3 * win.Dx()
	if h == m.H {
		for y := win.Min.Y; y < win.Max.Y; y++ {
			r.horizontal(r.out[(y-win.Min.Y)*stride:][:stride], m, y, w, f, win)
		}
		return
	}
	k := r.ver.get(f, m.H, h, win.Min.Y, win.Max.Y)
	top, bottom := k.span()
	r.mid = resize(r.mid, (bottom-top)*stride)
	for y := top; y < bottom; y++ {
		r.horizontal(r.mid[(y-top)*stride:][:stride], m, y, w, f, win)
	}
	for i, t := range k.taps {
		pixel.Vertical(r.out[i*stride:][:stride], r.mid[(t.First-top)*stride:], stride, k.weights(i))
	}
}

// horizontal writes the columns win of source row y, resized to width w.
func (r *resampler) horizontal(dst []byte, m *Image, y, w int, f Filter, win image.Rectangle) {
	m.Row(r.row, y)
	if w == m.W {
		copy(dst, r.row[3*win.Min.X:3*win.Max.X])
		return
	}
	k := r.hor.get(f, m.W, w, win.Min.X, win.Max.X)
	pixel.Horizontal(dst, r.row, k.taps, k.coef, k.width)
}

// nearest takes for each pixel the source pixel that its centre falls in.
func (r *resampler) nearest(m *Image, w, h int, win image.Rectangle) {
	r.at = nearestIndices(r.at[:0], m.W, w, win.Min.X, win.Max.X)
	r.at = nearestIndices(r.at, m.H, h, win.Min.Y, win.Max.Y)
	columns, rows := r.at[:win.Dx()], r.at[win.Dx():]
	last := -1
	dst := r.out
	for _, y := range rows {
		if y != last {
			m.Row(r.row, y)
			last = y
		}
		for _, x := range columns {
			copy(dst, r.row[3*x:3*x+3])
			dst = dst[3:]
		}
	}
}

// nearestIndices appends the source index of each of the samples from..to-1.
// The position is accumulated and not multiplied out, because PIL does so and a
// centre that falls on an edge goes to one side or the other by its rounding.
func nearestIndices(dst []int, in, out, from, to int) []int {
	step := float64(in) / float64(out)
	at := step * 0.5
	for i := range to {
		if i >= from {
			dst = append(dst, min(int(at), in-1))
		}
		at += step
	}
	return dst
}
