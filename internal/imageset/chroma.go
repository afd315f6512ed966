package imageset

import (
	"github.com/oodflow/oodflow/internal/jpeg"
	"github.com/oodflow/oodflow/internal/pixel"
)

// JPEG stores colour at half the resolution of brightness in most photographs.
// Most decoders repeat each colour sample; libjpeg, through which PIL
// reads, interpolates: a sample between two stored ones is three quarters of
// the nearer and one quarter of the farther ("fancy upsampling", a triangle
// filter). The difference is a few levels along every colour edge, so the
// interpolation is done here, with libjpeg's rounding.

// widener reads the rows of a plane at the width of the picture.
type widener struct {
	jpeg.Plane
	smooth bool // interpolate rather than repeat
	sums   []uint16
	out    []byte
}

// set makes it read another plane.
func (w *widener) set(p jpeg.Plane) {
	w.Plane, w.smooth = p, false
	if p.Hor == 1 && p.Ver == 1 {
		return
	}
	// libjpeg repeats where there is nothing to gain: ratios of three and four, and
	// planes of one or two columns.
	w.smooth = p.Hor == 2 && p.Ver <= 2 && p.W > 2 || p.Hor == 1 && p.Ver == 2
	w.sums = resize(w.sums, p.W+2)
	w.out = resize(w.out, p.W*p.Hor)
}

// row returns row y of the picture. It is valid until the next call.
func (w *widener) row(y int) []byte {
	near := y / w.Ver
	stored := w.Pix[near*w.Stride:][:w.W]
	if !w.smooth {
		return repeat(w.out, stored, w.Hor)
	}
	sums := w.sums[1 : w.W+1]
	if w.Ver == 2 {
		far := min(max(near+2*(y%2)-1, 0), w.H-1)
		pixel.Blend(sums, stored, w.Pix[far*w.Stride:][:w.W], 3, 1)
	} else {
		pixel.Blend(sums, stored, stored, 1, 0)
	}
	switch {
	case w.Hor == 1: // 4:4:0: upper rows round down, lower rows up
		bias := uint16(1 + y%2)
		for i, s := range sums {
			w.out[i] = uint8((s + bias) >> 2)
		}
	case w.Ver == 1: // 4:2:2
		pixel.Stretch(w.out, w.sums, pixel.Rounding{Shift: 2, Left: 1, Right: 2})
	default: // 4:2:0
		pixel.Stretch(w.out, w.sums, pixel.Rounding{Shift: 4, Left: 8, Right: 7})
	}
	return w.out
}

// repeat writes each sample of src n times; n = 1 needs no copy.
func repeat(dst, src []byte, n int) []byte {
	if n == 1 {
		return src
	}
	for i := range dst {
		dst[i] = src[i/n]
	}
	return dst
}
