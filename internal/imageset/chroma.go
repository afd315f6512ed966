package imageset

import "image"

// JPEG stores colour at half the resolution of brightness in most photographs.
// Go's image package repeats each colour sample; libjpeg, through which PIL
// reads, interpolates: a sample between two stored ones is three quarters of
// the nearer and one quarter of the farther ("fancy upsampling", a triangle
// filter). The difference is a few levels along every colour edge, so the
// interpolation is done here, with libjpeg's rounding.

// yccRows converts a Y'CbCr picture to RGB row by row.
type yccRows struct {
	y, cb, cr        []byte
	yStride, cStride int
	cw, ch           int  // size of the colour planes
	hor, ver         int  // how many times wider and taller the brightness plane is
	smooth           bool // interpolate rather than repeat
	sums             []int
	cbRow, crRow     []byte
}

// newYCCRows prepares the conversion of img, whose bounds may begin anywhere.
func newYCCRows(img *image.YCbCr) *yccRows {
	b := img.Bounds()
	hor, ver := subsampling(img.SubsampleRatio)
	r := &yccRows{
		y: img.Y[img.YOffset(b.Min.X, b.Min.Y):], yStride: img.YStride,
		cb: img.Cb[img.COffset(b.Min.X, b.Min.Y):], cr: img.Cr[img.COffset(b.Min.X, b.Min.Y):],
		cStride: img.CStride, hor: hor, ver: ver,
	}
	r.setSize(b.Dx(), b.Dy())
	return r
}

// setSize derives the sizes of the colour planes and scratch rows.
func (r *yccRows) setSize(w, h int) {
	r.cw, r.ch = (w+r.hor-1)/r.hor, (h+r.ver-1)/r.ver
	// libjpeg repeats where there is nothing to gain: ratios of four, and
	// planes of one or two columns.
	r.smooth = r.hor == 2 && r.ver <= 2 && r.cw > 2 || r.hor == 1 && r.ver == 2
	r.sums = make([]int, r.cw+2)
	r.cbRow, r.crRow = make([]byte, r.cw*r.hor), make([]byte, r.cw*r.hor)
}

// row writes RGB row y to dst, 3·w bytes.
func (r *yccRows) row(dst []byte, y int) {
	cb, cr := r.colour(r.cbRow, r.cb, y), r.colour(r.crRow, r.cr, y)
	luma := r.y[y*r.yStride:]
	for x := range len(dst) / 3 {
		dst[3*x], dst[3*x+1], dst[3*x+2] = yccToRGB(luma[x], cb[x], cr[x])
	}
}

// colour returns one full-width row of the plane, made in dst where it has to
// be made.
func (r *yccRows) colour(dst, plane []byte, y int) []byte {
	near := y / r.ver
	if !r.smooth {
		return repeat(dst, plane[near*r.cStride:][:r.cw], r.hor)
	}
	sums := r.sums[1 : r.cw+1]
	for i, v := range plane[near*r.cStride:][:r.cw] {
		sums[i] = int(v)
	}
	if r.ver == 2 {
		far := min(max(near+2*(y%2)-1, 0), r.ch-1)
		for i, v := range plane[far*r.cStride:][:r.cw] {
			sums[i] = 3*sums[i] + int(v)
		}
	}
	switch {
	case r.hor == 1: // 4:4:0: upper rows round down, lower rows up
		bias := 1 + y%2
		for i, s := range sums {
			dst[i] = uint8((s + bias) >> 2)
		}
	case r.ver == 1: // 4:2:2
		stretch(dst, r.sums, 2, 1, 2)
	default: // 4:2:0
		stretch(dst, r.sums, 4, 8, 7)
	}
	return dst
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

// subsampling is how many times fewer colour samples there are across and down.
func subsampling(ratio image.YCbCrSubsampleRatio) (hor, ver int) {
	switch ratio {
	case image.YCbCrSubsampleRatio422:
		return 2, 1
	case image.YCbCrSubsampleRatio420:
		return 2, 2
	case image.YCbCrSubsampleRatio440:
		return 1, 2
	case image.YCbCrSubsampleRatio411:
		return 4, 1
	case image.YCbCrSubsampleRatio410:
		return 4, 2
	}
	return 1, 1
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
