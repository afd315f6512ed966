package imageset

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// processor is what a Hugging Face image processor does where its
// configuration says nothing.
type processor struct {
	// square: a size given as one number is height and width, not the short side.
	square   bool
	resample Filter
	// crop: do_center_crop is on.
	crop bool
	// share is how a short side becomes the one that is resized to.
	share shareRule
	// flip: do_flip_channel_order is on.
	flip bool
	// plain: there is no normalisation.
	plain bool
	// again: include_top is on, which divides by the standard deviation once more.
	again bool
}

// shareRule says how a size in the configuration becomes the size before the crop.
type shareRule int

const (
	noShare       shareRule = iota
	convNextShare           // divided by crop_pct, 224/256 by default, which also sets the crop; from 384 on a square
	poolShare               // divided by crop_pct, 0.9 by default
	levitShare              // multiplied by 256/224
)

// processors are the image processors whose steps are the ones done here, by
// name without "ImageProcessor", "FeatureExtractor" and "Fast".
var processors = map[string]processor{
	"ViT":             {square: true, resample: Bilinear},
	"DINOv3ViT":       {square: true, resample: Bilinear},
	"DeiT":            {square: true, resample: Bicubic, crop: true},
	"Beit":            {square: true, resample: Bicubic, crop: true},
	"Siglip":          {square: true, resample: Bicubic},
	"Blip":            {square: true, resample: Bicubic},
	"Pvt":             {square: true, resample: Bilinear},
	"Segformer":       {square: true, resample: Bilinear},
	"EfficientNet":    {square: true, resample: Nearest, again: true},
	"EfficientFormer": {square: true, resample: Bicubic, crop: true},
	"MobileNetV1":     {resample: Bilinear, crop: true},
	"MobileNetV2":     {resample: Bilinear, crop: true},
	"MobileViT":       {resample: Bilinear, crop: true, flip: true, plain: true},
	"Bit":             {resample: Bicubic, crop: true},
	"CLIP":            {resample: Bicubic, crop: true},
	"ChineseCLIP":     {resample: Bicubic, crop: true},
	"ConvNext":        {resample: Bicubic, share: convNextShare},
	"PoolFormer":      {resample: Bicubic, crop: true, share: poolShare},
	"Levit":           {resample: Bicubic, crop: true, share: levitShare},
}

// processor finds the defaults of the processor that the file names. A file
// without a name has none: what changes pixels must then be said in full.
func (c *config) processor() (*processor, error) {
	name := c.Type
	if name == "" {
		name = c.OldType
	}
	if name == "" {
		return nil, nil
	}
	short := strings.TrimSuffix(name, "Fast")
	short = strings.TrimSuffix(strings.TrimSuffix(short, "ImageProcessor"), "FeatureExtractor")
	for known, kind := range processors {
		if strings.EqualFold(known, short) { // BeitImageProcessor and BEiT's own spelling
			return &kind, nil
		}
	}
	return nil, fmt.Errorf("image processor %q is not known (known: %s): if its steps are only resize, centre crop, rescale and normalise, "+
		"remove the key and write out size, resample, crop_size, image_mean and image_std",
		name, strings.Join(slices.Sorted(maps.Keys(processors)), ", "))
}
