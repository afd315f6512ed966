package imageset

import (
	"fmt"
	"image"
	"math"

	"github.com/oodflow/oodflow/internal/pixel"
)

// resized is the size of a w×h picture after resizing and before cropping. By
// the rule of the short side the long one is cut to a whole number of pixels;
// where a picture is fitted to two sides, both are rounded, halves to even.
func (p *Preprocess) resized(w, h int) (int, int) {
	switch {
	case p.ResizeH > 0 && p.Fit != Stretch:
		return p.fitted(w, h)
	case p.ResizeH > 0:
		return p.ResizeW, p.ResizeH
	case p.ShortSide > 0 && w <= h:
		return p.ShortSide, int(int64(p.ShortSide) * int64(h) / int64(w))
	case p.ShortSide > 0:
		return int(int64(p.ShortSide) * int64(w) / int64(h)), p.ShortSide
	}
	return w, h
}

// fitted is the size of a w×h picture that covers ResizeH×ResizeW or is contained
// in it: timm's ResizeKeepRatio.
func (p *Preprocess) fitted(w, h int) (int, int) {
	ratioH, ratioW := float64(h)/float64(p.ResizeH), float64(w)/float64(p.ResizeW)
	ratio := min(ratioH, ratioW)
	if p.Fit == Contain {
		ratio = max(ratioH, ratioW)
	}
	side := func(n int) int { return max(1, int(math.RoundToEven(float64(n)/ratio))) }
	return side(w), side(h)
}

// halves tells whether a picture is to be decoded at half its size: a JPEG that is
// resized, with antialiasing, to an eighth of it or less. A picture of even sides
// is resized to the same size from its half.
func (p *Preprocess) halves(h header) bool {
	if !p.FastJPEG || h.name != "jpeg" || !p.resizes() || p.Aliased || p.Resample == Nearest || h.w%2+h.h%2 > 0 {
		return false
	}
	large := func(w, h int) bool {
		rw, rh := p.resized(w, h)
		return min(w/rw, h/rh) >= 8
	}
	return large(h.w, h.h) && (!p.Upright || large(h.h, h.w))
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
	turned []byte // a picture turned upright
}

// apply writes the tensor of m, 3×h×w, to dst, grown where it is too short.
func (t *transformer) apply(dst []float32, m *Image) (out []float32, h, w int, err error) {
	p := t.pre
	if p.Upright && m.Orientation > 1 {
		m = t.upright(m)
	}
	rw, rh := p.resized(m.W, m.H)
	win := p.crop(rw, rh)
	h, w = win.Dy(), win.Dx()
	if w > MaxPixels/h || rw > maxSide || rh > maxSide {
		return dst, 0, 0, fmt.Errorf("a picture of %d×%d is too long and narrow: it would be resized to %d×%d", m.W, m.H, rw, rh)
	}
	inside := win.Intersect(image.Rect(0, 0, rw, rh))
	pixels := t.window(m, rw, rh, p.Resample, p.Aliased, inside)
	if cap(t.turned) > maxScratch {
		t.turned = nil
	}
	dst = resize(dst, 3*h*w)
	planes := p.planes(dst, h*w)
	if inside != win {
		for c, plane := range planes {
			fill(plane, p.values[c][p.Fill[c]])
		}
	}
	stride := 3 * inside.Dx()
	for y := range inside.Dy() {
		to := (inside.Min.Y-win.Min.Y+y)*w + inside.Min.X - win.Min.X
		pixel.Normalize(planes[0][to:], planes[1][to:], planes[2][to:], pixels[y*stride:(y+1)*stride], p.values)
	}
	return dst, h, w, nil
}

// planes are the parts of a tensor that red, green and blue go to, n values each.
func (p *Preprocess) planes(tensor []float32, n int) [3][]float32 {
	first, second, third := tensor[:n], tensor[n:2*n], tensor[2*n:3*n]
	if p.BGR {
		return [3][]float32{third, second, first}
	}
	return [3][]float32{first, second, third}
}

func fill(dst []float32, v float32) {
	for i := range dst {
		dst[i] = v
	}
}

// Apply returns the tensor of a picture, 3×h×w in the order red, green, blue
// (with BGR: blue, green, red), row-major.
//
// With Upright the picture is turned first. Then it is resized: with ShortSide s
// the short side becomes s and the long side s·long/short, cut; a side that has
// its length already is not resampled. Resampling is PIL's, on 8-bit values; with
// Aliased it is torch's, rounded to 8 bits. The crop begins at (side-crop)/2,
// halves to even; where a picture is smaller than the crop, it is surrounded by
// Fill. Then each value is (pixel·Scale - Mean)/Std in float32.
func (p *Preprocess) Apply(m *Image) (tensor []float32, h, w int, err error) {
	p, err = p.ready()
	if err != nil {
		return nil, 0, 0, err
	}
	t := transformer{pre: p}
	return t.apply(nil, m)
}
