package imageset

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// timmConfig is timm's pretrained_cfg as far as it says how images are
// preprocessed. What is missing or null has timm's default.
type timmConfig struct {
	InputSize     []int    `json:"input_size"`
	TestInputSize []int    `json:"test_input_size"`
	Interpolation string   `json:"interpolation"`
	CropPct       *float64 `json:"crop_pct"`
	TestCropPct   *float64 `json:"test_crop_pct"`
	CropMode      string   `json:"crop_mode"`
	Mean          triple   `json:"mean"`
	Std           triple   `json:"std"`
}

// timmKnown are the keys of timmConfig.
var timmKnown = words(`input_size test_input_size interpolation crop_pct test_crop_pct crop_mode mean std`)

// timmHarmless are keys that say nothing of pixels, in pretrained_cfg or around
// it.
var timmHarmless = words(`architecture model_args num_classes num_features num_in_chans global_pool pool_size test_pool_size
	min_input_size fixed_input_size first_conv classifier url file state_dict hf_hub_id hf_hub_filename source tag tags
	custom_load license description origin_url paper_name paper_ids notes label_offset label_names label_descriptions
	pretrained_cfg transformers_version torch_dtype dtype model_type architectures image_processor_type`)

// isTimm reports whether a configuration is timm's: a model's config.json, or a
// pretrained_cfg alone, which has none of the keys that Hugging Face's have.
func isTimm(keys map[string]json.RawMessage) bool {
	has := func(names ...string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return !missing(keys[n]) })
	}
	return has("pretrained_cfg") || has("input_size", "test_input_size", "interpolation", "crop_mode", "mean", "std") &&
		!has("image_processor_type", "feature_extractor_type", "size", "do_resize", "do_rescale", "do_normalize", "image_mean", "image_std")
}

// parseTimm reads a configuration of timm. The steps are those of timm's
// transforms for evaluation. Where it describes a second size, for testing, a
// model of that size gets it, see [Preprocess.For].
func parseTimm(keys map[string]json.RawMessage, text []byte) (*Preprocess, error) {
	if inner := keys["pretrained_cfg"]; !missing(inner) {
		if err := json.Unmarshal(inner, &keys); err != nil {
			return nil, fmt.Errorf(`"pretrained_cfg" is not an object: %w`, err)
		}
		text = inner
	}
	var c timmConfig
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, err
	}
	p := &Preprocess{}
	if err := p.checkKeys(keys, timmKnown, timmHarmless); err != nil {
		return nil, err
	}
	if err := c.fill(p, c.InputSize, c.CropPct); err != nil {
		return nil, err
	}
	if c.TestInputSize == nil {
		return p, nil
	}
	share := c.TestCropPct
	if share == nil {
		share = c.CropPct
	}
	p.another = &Preprocess{}
	return p, c.fill(p.another, c.TestInputSize, share)
}

// fill makes the preprocessing for one input size.
func (c *timmConfig) fill(p *Preprocess, size []int, share *float64) error {
	p.Scale, p.Mean, p.Std = 1.0/255, imagenetMean, imagenetStd
	if c.Mean != nil || c.Std != nil {
		if err := p.setStats("mean", c.Mean, "std", c.Std); err != nil {
			return err
		}
	}
	err := errors.Join(c.filter(p), c.resize(p, size, share))
	if err != nil {
		return err
	}
	return p.finish()
}

// filter sets the resampling filter, bicubic where none is named.
func (c *timmConfig) filter(p *Preprocess) error {
	p.Resample = Bicubic
	if c.Interpolation == "" {
		return nil
	}
	for f := Nearest; f <= Hamming; f++ {
		if f.String() == c.Interpolation {
			p.Resample = f
			return nil
		}
	}
	return fmt.Errorf(`"interpolation" is %q: expected nearest, lanczos, bilinear, bicubic, box or hamming`, c.Interpolation)
}

// resize sets the sizes: the picture is brought to size/share, rounded down, and
// a crop of size is cut out of its centre.
//
//	center   the picture covers size/share, keeping its aspect ratio
//	squash   it is stretched to size/share
//	border   it fits into size/share, and what is missing is filled with the mean
func (c *timmConfig) resize(p *Preprocess, size []int, share *float64) error {
	const defaultSize, defaultShare = 224, 0.875 // timm.data.config, timm.data.constants
	h, w, pct := defaultSize, defaultSize, defaultShare
	if size != nil {
		if len(size) != 3 || size[0] != 3 || !isEdge(size[1]) || !isEdge(size[2]) {
			return fmt.Errorf(`an input size is %v: expected [3, height, width], each side 1 to %d`, size, maxEdge)
		}
		h, w = size[1], size[2]
	}
	if share != nil && *share != 0 {
		pct = *share
	}
	if !(pct > 0.1 && pct <= 10) {
		return fmt.Errorf(`"crop_pct" is %v: expected a share such as 0.875`, pct)
	}
	p.CropH, p.CropW = h, w
	p.ResizeH, p.ResizeW = max(1, int(math.Floor(float64(h)/pct))), max(1, int(math.Floor(float64(w)/pct)))
	switch c.CropMode {
	case "", "center":
		p.Fit = Cover
		if p.ResizeH == p.ResizeW { // by torchvision's rule then, which rounds otherwise
			p.Fit, p.ShortSide, p.ResizeH, p.ResizeW = Stretch, p.ResizeH, 0, 0
		}
	case "squash":
	case "border":
		p.Fit = Contain
		for i, m := range p.Mean {
			p.Fill[i] = byte(min(max(math.RoundToEven(255*m), 0), 255))
		}
	default:
		return fmt.Errorf(`"crop_mode" is %q: expected center, squash or border`, c.CropMode)
	}
	return nil
}

func isEdge(n int) bool { return n >= 1 && n <= maxEdge }

// words is the set of the words of a text.
func words(text string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(text) {
		set[w] = true
	}
	return set
}

// sortedKeys are the keys of a JSON object in order.
func sortedKeys(keys map[string]json.RawMessage) []string { return slices.Sorted(maps.Keys(keys)) }
