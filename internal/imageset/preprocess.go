package imageset

import (
	"encoding/json"
	"fmt"
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
		return nil, fmt.Errorf("%w (presets are %s)", err, strings.Join(Presets(), ", "))
	}
	p, err := parseConfig(text)
	if err != nil {
		return nil, fmt.Errorf("read preprocessing %s: %w", nameOrFile, err)
	}
	return p, nil
}
