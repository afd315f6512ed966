package imageset

import "github.com/oodflow/oodflow/internal/jpeg"

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
	sums   []int
	out    []byte
}

func newWidener(p jpeg.Plane) *widener {
	w := &widener{Plane: p}
	if p.Hor == 1 && p.Ver == 1 {
		return w
	}
	// libjpeg repeats where there is nothing to gain: ratios of three and four, and
	// planes of one or two columns.
	w.smooth = p.Hor == 2 && p.Ver <= 2 && p.W > 2 || p.Hor == 1 && p.Ver == 2
	w.sums = make([]int, p.W+2)
	w.out = make([]byte, p.W*p.Hor)
	return w
}

// row returns row y of the picture. It is valid until the next call.
func (w *widener) row(y int) []byte {
	near := y / w.Ver
	stored := w.Pix[near*w.Stride:][:w.W]
	if !w.smooth {
		return repeat(w.out, stored, w.Hor)
	}
	sums := w.sums[1 : w.W+1]
	for i, v := range stored {
		sums[i] = int(v)
	}
	if w.Ver == 2 {
		far := min(max(near+2*(y%2)-1, 0), w.H-1)
		for i, v := range w.Pix[far*w.Stride:][:w.W] {
			sums[i] = 3*sums[i] + int(v)
		}
	}
	switch {
	case w.Hor == 1: // 4:4:0: upper rows round down, lower rows up
		bias := 1 + y%2
		for i, s := range sums {
			w.out[i] = uint8((s + bias) >> 2)
		}
	case w.Ver == 1: // 4:2:2
		stretch(w.out, w.sums, 2, 1, 2)
	default: // 4:2:0
		stretch(w.out, w.sums, 4, 8, 7)
	}
	return w.out
}

// stretch doubles the width of a row by the triangle filter. sums holds the row
// with one free place at either end, where the end samples are repeated. The
// left and right of each pair round by different biases, so that rounding does
// not drift one way.
func stretch(dst []byte, sums []int, shift, left, right int) {
	n := len(sums) - 2
	sums[0], sums[n+1] = sums[1], sums[n]
	for i := range n {
		s := 3 * sums[i+1]
		dst[2*i] = uint8((s + sums[i] + left) >> shift)
		dst[2*i+1] = uint8((s + sums[i+2] + right) >> shift)
	}
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

// Weights of the JFIF conversion (ITU-R BT.601, full range) in 16.16 fixed
// point: 1.40200, 0.34414, 0.71414, 1.77200, as in libjpeg's tables.
const (
	crToR = 91881
	cbToG = 22554
	crToG = 46802
	cbToB = 116130
	half  = 1 << 15
)

// yccToRGB converts one pixel of JPEG's Y'CbCr to RGB.
func yccToRGB(y, cb, cr byte) (r, g, b byte) {
	l, u, v := int32(y), int32(cb)-128, int32(cr)-128
	return clamp8(l + (crToR*v+half)>>16),
		clamp8(l + (half-cbToG*u-crToG*v)>>16),
		clamp8(l + (cbToB*u+half)>>16)
}

// clamp8 limits v to 0..255.
func clamp8(v int32) byte {
	if uint32(v) > 255 {
		if v < 0 {
			return 0
		}
		return 255
	}
	return byte(v)
}
