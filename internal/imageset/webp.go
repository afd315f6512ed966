package imageset

import (
	"bytes"
	"image"

	"golang.org/x/image/webp"
)

func isWebP(data []byte) bool {
	return len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP"
}

// decodeWebP reads a WebP, of an animation the first frame. The lossy form
// stores Y'CbCr in video range (16..235), which Go's image package takes for
// JPEG's full range; and libwebp interpolates colours. Both are done here as
// libwebp, PIL's reader, does them.
func decodeWebP(data []byte) (*Image, error) {
	if isAnimated(data) {
		return decodeAnimation(data)
	}
	img, err := webp.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	switch s := img.(type) {
	case *image.YCbCr:
		return newVP8Image(s), nil
	case *image.NYCbCrA:
		return newVP8Image(&s.YCbCr), nil
	}
	return fromGo(img, "webp"), nil
}

// vp8Rows converts a lossy WebP frame to RGB row by row.
type vp8Rows struct {
	img          *image.YCbCr
	cw, ch       int    // size of the colour planes
	uWide, vWide []byte // a colour row interpolated to full width
}

func newVP8Image(s *image.YCbCr) *Image {
	w, h := s.Rect.Dx(), s.Rect.Dy()
	r := &vp8Rows{img: s, cw: (w + 1) / 2, ch: (h + 1) / 2}
	r.uWide, r.vWide = make([]byte, 2*r.cw), make([]byte, 2*r.cw)
	return &Image{W: w, H: h, Format: "webp", row: r.row}
}

// row writes RGB row y to dst.
func (r *vp8Rows) row(_ *Image, dst []byte, y int) {
	near := y / 2
	far := min(max(near+2*(y%2)-1, 0), r.ch-1)
	from, to := near*r.img.CStride, far*r.img.CStride
	vp8Stretch(r.uWide, r.img.Cb[from:from+r.cw], r.img.Cb[to:to+r.cw])
	vp8Stretch(r.vWide, r.img.Cr[from:from+r.cw], r.img.Cr[to:to+r.cw])
	luma := r.img.Y[y*r.img.YStride:]
	for x := range len(dst) / 3 {
		dst[3*x], dst[3*x+1], dst[3*x+2] = vp8ToRGB(luma[x], r.uWide[x], r.vWide[x])
	}
}

// vp8Stretch interpolates a colour row to full width: 9, 3, 3 and 1 sixteenths
// of the four stored samples around each pixel, halved in two steps that both
// round down after the first has added its half, as libwebp does.
func vp8Stretch(dst, near, far []byte) {
	dst[0] = edge(near[0], far[0])
	for i := 1; i < len(near); i++ {
		// n, f are the near and far row; 0 is the left and 1 the right column.
		n0, n1, f0, f1 := int(near[i-1]), int(near[i]), int(far[i-1]), int(far[i])
		sum := n0 + n1 + f0 + f1 + 8
		falling, rising := (sum+2*(f0+n1))>>3, (sum+2*(n0+f1))>>3
		dst[2*i-1] = uint8((falling + n0) >> 1)
		dst[2*i] = uint8((rising + n1) >> 1)
	}
	last := len(near) - 1
	dst[2*last+1] = edge(near[last], far[last])
}

// edge is the first or last column's colour: 3/4 near, 1/4 far.
func edge(near, far byte) byte { return uint8((3*int(near) + int(far) + 2) >> 2) }

// vp8ToRGB converts one pixel from BT.601 video range, in libwebp's fixed
// point: weights in 1/16384 applied as (value·weight)>>8, six bits left over.
func vp8ToRGB(y, u, v byte) (r, g, b byte) {
	l, cb, cr := int32(y)*19077>>8, int32(u), int32(v)
	return clamp8((l + cr*26149>>8 - 14234) >> 6),
		clamp8((l - cb*6419>>8 - cr*13320>>8 + 8708) >> 6),
		clamp8((l + cb*33050>>8 - 17685) >> 6)
}

// clamp8 limits v to 0..255.
func clamp8(v int32) byte { return byte(min(max(v, 0), 255)) }
