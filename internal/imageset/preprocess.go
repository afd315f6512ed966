package imageset

import (
	"encoding/json"
	"fmt"
	"image"
	"maps"
	"math"
	"slices"
	"strings"
)

// Preprocess turns a picture into a classifier's input: resize, centre crop,
// scale the values, subtract the mean and divide by the standard deviation of
// each channel. The rules of size are torchvision's, see [Preprocess.Apply].
//
// The zero value changes no size and maps every pixel to 0; use
// [ParsePreprocess].
type Preprocess struct {
	// ShortSide is the length that the shorter side is resized to, the other
	// side keeping the aspect ratio. 0 is no such resizing.
	ShortSide int
	// ResizeH and ResizeW are the size that the picture is stretched to,
	// whatever its aspect ratio. 0 is no such resizing. Not with ShortSide.
	ResizeH, ResizeW int
	// Resample is the filter used to resize.
	Resample Filter
	// CropH and CropW are the size of the centre crop. 0 is no crop.
	CropH, CropW int
	// Scale multiplies a pixel of 0..255 before Mean and Std are applied.
	Scale float64
	// Mean and Std are those of red, green and blue after scaling.
	Mean, Std [3]float64
	// Warnings are remarks on the configuration for the user to read.
	Warnings []string

	values *[3][256]float32 // the input value of each pixel value, by channel
}

// presets are the preprocessings that are known by name.
var presets = map[string]Preprocess{
	// torchvision's evaluation transform of its ImageNet classifiers.
	"imagenet": {
		ShortSide: 256, Resample: Bilinear, CropH: 224, CropW: 224, Scale: 1.0 / 255,
		Mean: [3]float64{0.485, 0.456, 0.406}, Std: [3]float64{0.229, 0.224, 0.225},
	},
	// The usual one of CIFAR-10 classifiers; Mean and Std are the training set's.
	"cifar10": {
		ShortSide: 32, Resample: Bilinear, CropH: 32, CropW: 32, Scale: 1.0 / 255,
		Mean: [3]float64{0.4914, 0.4822, 0.4465}, Std: [3]float64{0.2470, 0.2435, 0.2616},
	},
}

// Presets lists the names that [ParsePreprocess] knows.
func Presets() []string { return slices.Sorted(maps.Keys(presets)) }

// finish fills the table of values and checks that they are finite.
func (p *Preprocess) finish() error {
	p.values = new([3][256]float32)
	for c := range 3 {
		mean, std := float32(p.Mean[c]), float32(p.Std[c])
		for v := range 256 {
			// Rounded to float32 after each step, as NumPy and torch do.
			scaled := float32(float64(v) * p.Scale)
			x := float32(scaled-mean) / std
			if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
				return fmt.Errorf("rescale_factor %v, image_mean %v and image_std %v take pixel %d to %v",
					p.Scale, p.Mean[c], p.Std[c], v, x)
			}
			p.values[c][v] = x
		}
	}
	return nil
}

// OutputSize is the height and width of the tensor. 0, 0 means that it depends
// on the picture: a configuration without a centre crop that keeps the aspect
// ratio.
func (p *Preprocess) OutputSize() (h, w int) {
	if p.CropH > 0 {
		return p.CropH, p.CropW
	}
	return p.ResizeH, p.ResizeW
}

// String is the preprocessing as a Hugging Face preprocessor_config.json on one
// line. Two preprocessings that give equal tensors by the same steps give equal
// strings, whatever file or preset they came from, and [ParsePreprocess] reads
// the string back to an equal one.
func (p *Preprocess) String() string {
	type size struct {
		ShortestEdge int `json:"shortest_edge,omitempty"`
		Height       int `json:"height,omitempty"`
		Width        int `json:"width,omitempty"`
	}
	var c struct {
		DoResize     bool       `json:"do_resize"`
		Size         *size      `json:"size,omitempty"`
		Resample     *Filter    `json:"resample,omitempty"`
		DoCenterCrop bool       `json:"do_center_crop"`
		CropSize     *size      `json:"crop_size,omitempty"`
		DoRescale    bool       `json:"do_rescale"`
		Factor       float64    `json:"rescale_factor"`
		DoNormalize  bool       `json:"do_normalize"`
		Mean         [3]float64 `json:"image_mean"`
		Std          [3]float64 `json:"image_std"`
	}
	if p.resizes() {
		c.DoResize, c.Resample = true, &p.Resample
		c.Size = &size{p.ShortSide, p.ResizeH, p.ResizeW}
	}
	if p.CropH > 0 {
		c.DoCenterCrop, c.CropSize = true, &size{Height: p.CropH, Width: p.CropW}
	}
	c.DoRescale, c.Factor, c.DoNormalize, c.Mean, c.Std = true, p.Scale, true, p.Mean, p.Std
	text, err := json.Marshal(c)
	if err != nil { // NaN or Inf, which ParsePreprocess refuses
		panic("imageset: preprocessing with a value that is not finite")
	}
	return string(text)
}

func (p *Preprocess) resizes() bool { return p.ShortSide > 0 || p.ResizeH > 0 }

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

// ready returns p, or a copy with its table of values when p has none.
func (p *Preprocess) ready() (*Preprocess, error) {
	if p.values != nil {
		return p, nil
	}
	q := *p
	return &q, q.finish()
}

// ParsePreprocess reads a preset name ("imagenet" or "cifar10") or the path of
// a Hugging Face preprocessor_config.json. A preset wins over a file of the
// same name, which can be given as ./imagenet. A configuration that asks for
// something that would change pixels and is not done here is refused.
func ParsePreprocess(nameOrFile string) (*Preprocess, error) {
	if p, ok := presets[nameOrFile]; ok {
		return &p, p.finish()
	}
	text, err := readConfig(nameOrFile)
	if err != nil {
		return nil, fmt.Errorf("%w: --preprocess takes a preprocessor_config.json or one of %s",
			err, strings.Join(Presets(), ", "))
	}
	p, err := parseConfig(text)
	if err != nil {
		return nil, fmt.Errorf("read preprocessing %s: %w", nameOrFile, err)
	}
	return p, nil
}
