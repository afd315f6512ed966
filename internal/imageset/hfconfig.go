package imageset

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// harmless are keys that do not change the tensor of an RGB picture.
var harmless = words(`processor_class _processor_class auto_map _valid_processor_keys _name_or_path do_convert_rgb data_format
	input_data_format return_tensors device disable_grouping do_reduce_labels reduce_labels transformers_version
	model_input_names num_labels num_channels in_chans`)

// pixelWords are what the name of a key has in it that may change pixels.
var pixelWords = []string{"do_", "size", "resiz", "resampl", "interpol", "crop", "pad", "mean", "std", "scale", "offset", "normal",
	"channel", "color", "colour", "flip", "rotat", "fill", "gray", "gamma", "alias", "patch", "longest", "shortest", "aspect", "include_top"}

// config is a preprocessor_config.json. A pointer is nil where a key is missing
// or null. The keys of the last group are our own, see [canonical].
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
	Offset       *bool           `json:"rescale_offset"`
	DoNormalize  *bool           `json:"do_normalize"`
	Mean         triple          `json:"image_mean"`
	Std          triple          `json:"image_std"`
	IncludeTop   *bool           `json:"include_top"`
	Flip         *bool           `json:"do_flip_channel_order"`
	ToSquare     *bool           `json:"default_to_square"`

	Fit       *string `json:"fit"`
	Antialias *bool   `json:"antialias"`
	Fill      *[3]int `json:"crop_fill"`
	Upright   *bool   `json:"do_exif_transpose"`
	FastJPEG  *bool   `json:"fast_jpeg"`
}

// known are the keys of config.
var known = words(`image_processor_type feature_extractor_type do_resize size resample do_center_crop crop_size crop_pct
	do_rescale rescale_factor rescale_offset do_normalize image_mean image_std include_top do_flip_channel_order
	default_to_square fit antialias crop_fill do_exif_transpose fast_jpeg`)

// triple is a value for each channel, or one for all.
type triple []float64

func (t *triple) UnmarshalJSON(text []byte) error {
	var one float64
	if json.Unmarshal(text, &one) == nil && string(text) != "null" {
		*t = triple{one, one, one}
		return nil
	}
	return json.Unmarshal(text, (*[]float64)(t))
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

// parseConfig reads a preprocessor_config.json, or a configuration of timm. The
// centre crop is torchvision's (halves rounded to even), which the fast
// processors of transformers use and most checkpoints were trained with; the
// slow ones round halves down, which moves the crop by a pixel at some sizes.
func parseConfig(text []byte) (*Preprocess, error) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(text, &keys); err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", err)
	}
	if isTimm(keys) {
		return parseTimm(keys, text)
	}
	var c config
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, err
	}
	p := &Preprocess{}
	if err := p.checkKeys(keys, known, harmless); err != nil {
		return nil, err
	}
	kind, err := c.processor()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(c.resize(p, kind), c.crop(p, kind), c.values(p, kind)); err != nil {
		return nil, err
	}
	if err := errors.Join(c.cropByShare(p, kind), c.own(p)); err != nil {
		return nil, err
	}
	return p, p.finish()
}

// checkKeys refuses keys that ask for a step that is not done here, as far as
// their names tell, and warns of the other unknown ones.
func (p *Preprocess) checkKeys(keys map[string]json.RawMessage, known, harmless map[string]bool) error {
	for _, key := range sortedKeys(keys) {
		off := missing(keys[key]) || string(keys[key]) == "false" || string(keys[key]) == "0"
		switch {
		case known[key] || harmless[key] || off:
		case slices.ContainsFunc(pixelWords, func(w string) bool { return strings.Contains(strings.ToLower(key), w) }):
			return fmt.Errorf("%q is %.100s: this step is not supported; if it does not change pixels, remove the key", key, keys[key])
		default:
			p.Warnings = append(p.Warnings, fmt.Sprintf("unknown key %q is ignored", key))
		}
	}
	return nil
}

// values sets scale, mean, standard deviation and the order of the channels.
// Steps that follow each other are put into one: those of EfficientNet take one
// off after scaling, and divide by the standard deviation twice.
func (c *config) values(p *Preprocess, kind *processor) error {
	if kind == nil {
		kind = &processor{}
	}
	p.Scale, p.Std, p.BGR = 1, [3]float64{1, 1, 1}, on(c.Flip, kind.flip)
	rescale := on(c.DoRescale, true)
	if rescale {
		p.Scale = 1.0 / 255
		if c.Factor != nil {
			p.Scale = *c.Factor
		}
	}
	if !(p.Scale > 0) || math.IsInf(p.Scale, 0) {
		return fmt.Errorf(`"rescale_factor" is %v: expected a positive number`, p.Scale)
	}
	again := on(c.IncludeTop, kind.again)
	if again || on(c.DoNormalize, !kind.plain) {
		if err := p.setStats("image_mean", c.Mean, "image_std", c.Std); err != nil {
			return fmt.Errorf(`%w (or set "do_normalize" to false)`, err)
		}
	}
	for i := range 3 {
		switch {
		case again && !on(c.DoNormalize, !kind.plain):
			p.Mean[i] = 0
		case again:
			p.Std[i] *= p.Std[i]
		}
		if rescale && on(c.Offset, false) {
			p.Mean[i]++
		}
	}
	return nil
}

// setStats sets mean and standard deviation, which the keys of these names give.
func (p *Preprocess) setStats(meanKey string, mean triple, stdKey string, std triple) error {
	if len(mean) != 3 || len(std) != 3 {
		return fmt.Errorf("%q and %q need 3 numbers each, have %d and %d", meanKey, stdKey, len(mean), len(std))
	}
	for i := range 3 {
		if !(std[i] > 0) {
			return fmt.Errorf("%q is %v: expected positive numbers", stdKey, std)
		}
	}
	p.Mean, p.Std = [3]float64(mean), [3]float64(std)
	return nil
}

// own sets what our own keys say.
func (c *config) own(p *Preprocess) error {
	p.Upright, p.FastJPEG = on(c.Upright, false), on(c.FastJPEG, false)
	if !on(c.Antialias, true) {
		if p.resizes() && p.Resample != Bilinear && p.Resample != Bicubic {
			return fmt.Errorf(`"antialias" is false: only bilinear and bicubic resampling can do without, "resample" is %d, %v`, p.Resample, p.Resample)
		}
		p.Aliased = p.resizes()
	}
	if c.Fit != nil {
		i := slices.Index(fits, *c.Fit)
		if i < 0 || p.ResizeH == 0 && Fit(i) != Stretch {
			return fmt.Errorf(`"fit" is %q: expected stretch, cover or contain, with height and width in "size"`, *c.Fit)
		}
		p.Fit = Fit(i)
	}
	if c.Fill != nil {
		for i, v := range c.Fill {
			if v < 0 || v > 255 {
				return fmt.Errorf(`"crop_fill" is %v: expected three values of 0 to 255`, *c.Fill)
			}
			p.Fill[i] = byte(v)
		}
	}
	return nil
}
