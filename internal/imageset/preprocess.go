package imageset

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// Preprocess turns a picture into a classifier's input: turn upright, resize,
// centre crop, scale the values, subtract the mean and divide by the standard
// deviation of each channel. The rules of size are torchvision's, see
// [Preprocess.Apply].
//
// The zero value changes no size and maps every pixel to 0; use
// [ParsePreprocess].
type Preprocess struct {
	// Upright turns and mirrors the picture as the orientation in its EXIF data
	// says, as PIL's ImageOps.exif_transpose does. torchvision does not, and
	// neither is it done by default here.
	Upright bool
	// ShortSide is the length that the shorter side is resized to, the other
	// side keeping the aspect ratio. 0 is no such resizing.
	ShortSide int
	// ResizeH and ResizeW are the size that the picture is brought to in the way
	// that Fit says. 0 is no such resizing. Not with ShortSide.
	ResizeH, ResizeW int
	// Fit says what becomes of the aspect ratio. Stretch when not set.
	Fit Fit
	// Resample is the filter used to resize.
	Resample Filter
	// Aliased resizes as torch's interpolate(antialias=False) does: the filter
	// does not widen when the picture shrinks. For Bilinear and Bicubic only.
	Aliased bool
	// CropH and CropW are the size of the centre crop. 0 is no crop.
	CropH, CropW int
	// Fill is the colour, red, green, blue, around a picture that is smaller than
	// the crop. Black when not set.
	Fill [3]byte
	// Scale multiplies a pixel of 0..255 before Mean and Std are applied.
	Scale float64
	// Mean and Std are those of red, green and blue after scaling.
	Mean, Std [3]float64
	// FastJPEG decodes a JPEG picture at half its width and height, as PIL's
	// Image.draft does, where those are even and what it is resized to is an eighth of
	// them or less. It takes less memory and, with libjpeg-turbo, less time; the
	// pixels of photographs differ by less than half a level on average.
	FastJPEG bool
	// BGR puts blue first and red last in the tensor, after Mean and Std.
	BGR bool
	// Warnings are remarks on the configuration for the user to read.
	Warnings []string

	values  *[3][256]float32 // the input value of each pixel value, by colour
	another *Preprocess      // for a model of another input size, see For
}

// Fit is how a picture is brought to a height and width.
type Fit int

const (
	// Stretch makes it exactly that high and wide, whatever its aspect ratio.
	Stretch Fit = iota
	// Cover keeps the aspect ratio: neither side is shorter than asked for.
	Cover
	// Contain keeps the aspect ratio: neither side is longer than asked for.
	Contain
)

// fits are the names of Fit in a configuration.
var fits = []string{Stretch: "stretch", Cover: "cover", Contain: "contain"}

func (f Fit) String() string { return fits[f] }

// The mean and standard deviation of ImageNet's training images, as torchvision
// has them.
var (
	imagenetMean = [3]float64{0.485, 0.456, 0.406}
	imagenetStd  = [3]float64{0.229, 0.224, 0.225}
)

// presets are the preprocessings that are known by name.
var presets = map[string]Preprocess{
	// torchvision's evaluation transform of its ImageNet classifiers.
	"imagenet": {
		ShortSide: 256, Resample: Bilinear, CropH: 224, CropW: 224, Scale: 1.0 / 255,
		Mean: imagenetMean, Std: imagenetStd,
	},
	// The usual one of CIFAR-10 classifiers; Mean and Std are the training set's.
	"cifar10": {
		ShortSide: 32, Resample: Bilinear, CropH: 32, CropW: 32, Scale: 1.0 / 255,
		Mean: [3]float64{0.4914, 0.4822, 0.4465}, Std: [3]float64{0.2470, 0.2435, 0.2616},
	},
}

// Presets lists the names that [ParsePreprocess] knows, without torchvision's,
// which [TorchvisionPresets] lists.
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
	switch {
	case p.CropH > 0:
		return p.CropH, p.CropW
	case p.Fit == Stretch:
		return p.ResizeH, p.ResizeW
	}
	return 0, 0
}

// For returns the preprocessing for a model that takes images of h×w pixels, 0
// where it takes any. That is p itself, unless the configuration describes two
// sizes, as timm's can for training and testing, and h×w is the second.
func (p *Preprocess) For(h, w int) *Preprocess {
	if p.another == nil {
		return p
	}
	if oh, ow := p.another.OutputSize(); oh != h || ow != w {
		return p
	}
	other := *p.another
	other.Upright, other.FastJPEG, other.Warnings = p.Upright, p.FastJPEG, p.Warnings
	return &other
}

// Bytes returns the preprocessing for a model that takes pixels of 0..255 as
// they are: p without scale, mean and standard deviation.
func (p *Preprocess) Bytes() *Preprocess {
	q := *p
	q.Scale, q.Mean, q.Std, q.values, q.another = 1, [3]float64{}, [3]float64{1, 1, 1}, nil, nil
	return &q
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

// ParsePreprocess reads a preset name ("imagenet" or "cifar10"), the name of a
// model or weights of torchvision ("torchvision:resnet50",
// "torchvision:ResNet50_Weights.IMAGENET1K_V2"), or the path of a Hugging Face
// preprocessor_config.json or of a configuration of timm (a model's config.json,
// or its pretrained_cfg alone). A preset wins over a file of the same name,
// which can be given as ./imagenet. A configuration that asks for something that
// would change pixels and is not done here is refused.
func ParsePreprocess(nameOrFile string) (*Preprocess, error) {
	if p, ok := presets[nameOrFile]; ok {
		return &p, p.finish()
	}
	if name, ok := strings.CutPrefix(nameOrFile, torchvisionPrefix); ok {
		return torchvision(name)
	}
	text, err := readConfig(nameOrFile)
	if err != nil {
		return nil, fmt.Errorf("%w (presets are %s, and %sMODEL)", err, strings.Join(Presets(), ", "), torchvisionPrefix)
	}
	p, err := parseConfig(text)
	if err != nil {
		return nil, fmt.Errorf("read preprocessing %s: %w", nameOrFile, err)
	}
	return p, nil
}
