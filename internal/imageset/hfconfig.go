package imageset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
)

const (
	// maxConfig is the largest configuration that is read, in bytes.
	maxConfig = 1 << 20
	// maxEdge is the largest side a configuration can ask for.
	maxEdge = 8192
)

// processor is what a Hugging Face image processor does where its
// configuration says nothing.
type processor struct {
	// square: a size given as one number is height and width, not the short side.
	square   bool
	resample Filter
	// crop: do_center_crop is on.
	crop bool
	// cropPct: resizes by crop_pct, the rule of ConvNeXt.
	cropPct bool
}

// processors are the image processors whose steps are the ones done here, by
// name without "ImageProcessor", "FeatureExtractor" and "Fast".
var processors = map[string]processor{
	"ViT":         {square: true, resample: Bilinear},
	"DeiT":        {square: true, resample: Bicubic, crop: true},
	"Beit":        {square: true, resample: Bicubic, crop: true},
	"Siglip":      {square: true, resample: Bicubic},
	"Pvt":         {square: true, resample: Bilinear},
	"Segformer":   {square: true, resample: Bilinear},
	"MobileNetV1": {resample: Bilinear, crop: true},
	"MobileNetV2": {resample: Bilinear, crop: true},
	"Bit":         {resample: Bicubic, crop: true},
	"CLIP":        {resample: Bicubic, crop: true},
	"ConvNext":    {resample: Bicubic, cropPct: true},
}

// harmless are keys that do not change the tensor of an RGB picture.
var harmless = map[string]bool{
	"processor_class": true, "_processor_class": true, "auto_map": true, "_valid_processor_keys": true, "_name_or_path": true,
	"do_convert_rgb": true, "data_format": true, "input_data_format": true, "return_tensors": true, "device": true,
	"disable_grouping": true, "do_reduce_labels": true, "reduce_labels": true, "transformers_version": true,
}

// steps are keys that switch on something that is not done here.
var steps = map[string]bool{
	"do_pad": true, "pad_size": true, "size_divisor": true, "do_flip_channel_order": true, "do_thumbnail": true,
	"do_align_long_axis": true, "do_crop_margin": true, "rescale_offset": true, "include_top": true,
	"do_color_quantize": true, "do_split_image": true, "do_resize_longest_edge": true, "do_center_crop_margin": true,
}

// config is a preprocessor_config.json. A pointer is nil where a key is missing
// or null.
type config struct {
	Type         string          `json:"image_processor_type"`
	OldType      string          `json:"feature_extractor_type"`
	DoResize     *bool           `json:"do_resize"`
	Size         json.RawMessage `json:"size"`
	Resample     *int            `json:"resample"`
	DoCenterCrop *bool           `json:"do_center_crop"`
	CropSize     json.RawMessage `json:"crop_size"`
	CropPct      *float64        `json:"crop_pct"`
	DoRescale    *bool           `json:"do_rescale"`
	Factor       *float64        `json:"rescale_factor"`
	DoNormalize  *bool           `json:"do_normalize"`
	Mean         []float64       `json:"image_mean"`
	Std          []float64       `json:"image_std"`
	ToSquare     *bool           `json:"default_to_square"`
}

// known are the keys of config.
var known = map[string]bool{
	"image_processor_type": true, "feature_extractor_type": true, "do_resize": true, "size": true, "resample": true,
	"do_center_crop": true, "crop_size": true, "crop_pct": true, "do_rescale": true, "rescale_factor": true,
	"do_normalize": true, "image_mean": true, "image_std": true, "default_to_square": true,
}

// readConfig reads a small file.
func readConfig(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open preprocessing: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return nil, fmt.Errorf("read preprocessing: %w", err)
	}
	if len(text) > maxConfig {
		return nil, fmt.Errorf("read preprocessing %s: larger than %d bytes", path, maxConfig)
	}
	return text, nil
}

// parseConfig reads a preprocessor_config.json. Its centre crop is torchvision's
// (halves rounded to even), which the fast processors of transformers use and
// most checkpoints were trained with; the slow ones round halves down, which
// moves the crop by a pixel at some sizes.
func parseConfig(text []byte) (*Preprocess, error) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(text, &keys); err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", err)
	}
	var c config
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, err
	}
	p := &Preprocess{}
	if err := p.checkKeys(keys); err != nil {
		return nil, err
	}
	kind, err := c.processor(p)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(c.resize(p, kind), c.crop(p, kind), c.values(p)); err != nil {
		return nil, err
	}
	if err := c.cropByShare(p, kind); err != nil {
		return nil, err
	}
	return p, p.finish()
}

// checkKeys refuses keys that ask for a step that is not done here, and warns
// of those it does not know.
func (p *Preprocess) checkKeys(keys map[string]json.RawMessage) error {
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		off := bytes.Equal(keys[key], []byte("false")) || bytes.Equal(keys[key], []byte("null"))
		switch {
		case known[key] || harmless[key] || off:
		case steps[key]:
			return fmt.Errorf("%q is %s: this step is not supported", key, keys[key])
		default:
			p.Warnings = append(p.Warnings, fmt.Sprintf("preprocessing: unknown key %q is ignored", key))
		}
	}
	return nil
}

// processor finds the defaults of the processor that the file names. A file
// without a name has none: what changes pixels must then be said in full.
func (c *config) processor(p *Preprocess) (*processor, error) {
	name := c.Type
	if name == "" {
		name = c.OldType
	}
	if name == "" {
		return nil, nil
	}
	short := strings.TrimSuffix(name, "Fast")
	short = strings.TrimSuffix(strings.TrimSuffix(short, "ImageProcessor"), "FeatureExtractor")
	kind, ok := processors[short]
	if !ok {
		return nil, fmt.Errorf("image processor %q is not known (known: %s): if its steps are only resize, centre crop, rescale and normalise, "+
			"remove the key and write out size, resample, crop_size, image_mean and image_std",
			name, strings.Join(slices.Sorted(maps.Keys(processors)), ", "))
	}
	return &kind, nil
}

// values sets scale, mean and standard deviation.
func (c *config) values(p *Preprocess) error {
	p.Scale, p.Std = 1, [3]float64{1, 1, 1}
	if on(c.DoRescale, true) {
		p.Scale = 1.0 / 255
		if c.Factor != nil {
			p.Scale = *c.Factor
		}
	}
	if !(p.Scale > 0) || math.IsInf(p.Scale, 0) {
		return fmt.Errorf(`"rescale_factor" is %v: expected a positive number`, p.Scale)
	}
	if !on(c.DoNormalize, true) {
		return nil
	}
	if len(c.Mean) != 3 || len(c.Std) != 3 {
		return fmt.Errorf(`"image_mean" and "image_std" need 3 numbers each, have %d and %d (or set "do_normalize" to false)`, len(c.Mean), len(c.Std))
	}
	for i := range 3 {
		if !(c.Std[i] > 0) {
			return fmt.Errorf(`"image_std" is %v: expected positive numbers`, c.Std)
		}
	}
	p.Mean, p.Std = [3]float64(c.Mean), [3]float64(c.Std)
	return nil
}
