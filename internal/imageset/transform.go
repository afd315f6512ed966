package imageset

import (
	"fmt"
	"image"
	"math"
)

// resized is the size of a w×h picture after resizing and before cropping. The
// long side is cut to a whole number of pixels, not rounded.
func (p *Preprocess) resized(w, h int) (int, int) {
	switch {
	case p.ResizeH > 0:
		return p.ResizeW, p.ResizeH
	case p.ShortSide > 0 && w <= h:
		return p.ShortSide, int(int64(p.ShortSide) * int64(h) / int64(w))
	case p.ShortSide > 0:
		return int(int64(p.ShortSide) * int64(w) / int64(h)), p.ShortSide
	}
	return w, h
}

// crop is where the output, h×w, lies on a picture of side rw×rh: it may reach
// beyond the picture, where it is filled with zeros.
func (p *Preprocess) crop(rw, rh int) image.Rectangle {
	if p.CropH == 0 {
		return image.Rect(0, 0, rw, rh)
	}
	x, y := cropStart(rw, p.CropW), cropStart(rh, p.CropH)
	return image.Rect(x, y, x+p.CropW, y+p.CropH)
}

// cropStart is where a centre crop begins on a side: (side-crop)/2, halves
// rounded to even. On a shorter side the crop begins before it, by half of what
// is missing, cut. Both are torchvision's rules.
func cropStart(side, crop int) int {
	if crop > side {
		return -((crop - side) / 2)
	}
	return int(math.RoundToEven(float64(side-crop) / 2))
}

// transformer applies a preprocessing with recycled memory. It is for one
// goroutine.
type transformer struct {
	pre *Preprocess
	resampler
}

// apply writes the tensor of m, 3×h×w, to dst, grown where it is too short.
func (t *transformer) apply(dst []float32, m *Image) (out []float32, h, w int, err error) {
	p := t.pre
	rw, rh := p.resized(m.W, m.H)
	win := p.crop(rw, rh)
	h, w = win.Dy(), win.Dx()
	if w > MaxPixels/h || rw > maxSide || rh > maxSide {
		return dst, 0, 0, fmt.Errorf("a picture of %d×%d is too long and narrow: it would be resized to %d×%d", m.W, m.H, rw, rh)
	}
	inside := win.Intersect(image.Rect(0, 0, rw, rh))
	pixels := t.window(m, rw, rh, p.Resample, inside)
	dst = resize(dst, 3*h*w)
	if inside != win {
		for c := range 3 {
			fill(dst[c*h*w:(c+1)*h*w], p.values[c][0])
		}
	}
	stride := 3 * inside.Dx()
	for y := range inside.Dy() {
		to := (inside.Min.Y-win.Min.Y+y)*w + inside.Min.X - win.Min.X
		p.normalize(dst[to:], h*w, pixels[y*stride:(y+1)*stride])
	}
	return dst, h, w, nil
}

// normalize writes a row of pixels to the three planes of a tensor, the first of
// which dst begins in; plane is their distance.
func (p *Preprocess) normalize(dst []float32, plane int, row []byte) {
	n := len(row) / 3
	red, green, blue := dst[:n], dst[plane:][:n], dst[2*plane:][:n]
	for x := range red {
		red[x], green[x], blue[x] = p.values[0][row[3*x]], p.values[1][row[3*x+1]], p.values[2][row[3*x+2]]
	}
}

func fill(dst []float32, v float32) {
	for i := range dst {
		dst[i] = v
	}
}

// Apply returns the tensor of a picture, 3×h×w in the order red, green, blue,
// row-major.
//
// The picture is resized first: with ShortSide s the short side becomes s and
// the long side s·long/short, cut; a side that has its length already is not
// resampled. Resampling is PIL's, on 8-bit values. The crop begins at
// (side-crop)/2, halves to even; where a picture is smaller than the crop, it
// is surrounded by zeros. Then each value is (pixel·Scale - Mean)/Std in float32.
func (p *Preprocess) Apply(m *Image) (tensor []float32, h, w int, err error) {
	p, err = p.ready()
	if err != nil {
		return nil, 0, 0, err
	}
	t := transformer{pre: p}
	return t.apply(nil, m)
}
