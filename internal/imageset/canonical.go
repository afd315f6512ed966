package imageset

import "encoding/json"

// canonical is the form of [Preprocess.String]. The order of its fields and what
// is left out must not change: feature files hold these strings and are compared
// by them. What is new goes to the end and is left out when it is not used.
//
//	fit                    "cover" or "contain" with size's height and width
//	antialias              false: Aliased
//	crop_fill              colour around a small picture, red, green, blue
//	do_flip_channel_order  BGR, as Hugging Face's MobileViT processor has it
//	do_exif_transpose      Upright
//	fast_jpeg              FastJPEG
type canonical struct {
	DoResize     bool       `json:"do_resize"`
	Size         *sizeJSON  `json:"size,omitempty"`
	Resample     *Filter    `json:"resample,omitempty"`
	DoCenterCrop bool       `json:"do_center_crop"`
	CropSize     *sizeJSON  `json:"crop_size,omitempty"`
	DoRescale    bool       `json:"do_rescale"`
	Factor       float64    `json:"rescale_factor"`
	DoNormalize  bool       `json:"do_normalize"`
	Mean         [3]float64 `json:"image_mean"`
	Std          [3]float64 `json:"image_std"`
	Fit          string     `json:"fit,omitempty"`
	Antialias    *bool      `json:"antialias,omitempty"`
	Fill         *[3]int    `json:"crop_fill,omitempty"`
	Flip         bool       `json:"do_flip_channel_order,omitempty"`
	Upright      bool       `json:"do_exif_transpose,omitempty"`
	FastJPEG     bool       `json:"fast_jpeg,omitempty"`
}

type sizeJSON struct {
	ShortestEdge int `json:"shortest_edge,omitempty"`
	Height       int `json:"height,omitempty"`
	Width        int `json:"width,omitempty"`
}

// String is the preprocessing as a Hugging Face preprocessor_config.json on one
// line. Two preprocessings that give equal tensors by the same steps give equal
// strings, whatever file or preset they came from, and [ParsePreprocess] reads
// the string back to an equal one.
func (p *Preprocess) String() string {
	c := canonical{DoRescale: true, Factor: p.Scale, DoNormalize: true, Mean: p.Mean, Std: p.Std, Flip: p.BGR, Upright: p.Upright, FastJPEG: p.FastJPEG}
	if p.resizes() {
		c.DoResize, c.Resample = true, &p.Resample
		c.Size = &sizeJSON{p.ShortSide, p.ResizeH, p.ResizeW}
		if p.Fit != Stretch {
			c.Fit = p.Fit.String()
		}
		if p.Aliased {
			c.Antialias = new(bool)
		}
	}
	if p.CropH > 0 {
		c.DoCenterCrop, c.CropSize = true, &sizeJSON{Height: p.CropH, Width: p.CropW}
		if p.Fill != [3]byte{} {
			c.Fill = &[3]int{int(p.Fill[0]), int(p.Fill[1]), int(p.Fill[2])}
		}
	}
	text, err := json.Marshal(c)
	if err != nil { // NaN or Inf, which ParsePreprocess refuses
		panic("imageset: preprocessing with a value that is not finite")
	}
	return string(text)
}
