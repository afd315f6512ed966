package imageset

import (
	"encoding/json"
	"errors"
	"fmt"
)

// on is the value of a switch.
func on(b *bool, otherwise bool) bool {
	if b == nil {
		return otherwise
	}
	return *b
}

// missing reports whether a value is absent or null.
func missing(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// resize sets the size and filter of resizing.
func (c *config) resize(p *Preprocess, kind *processor) error {
	if !on(c.DoResize, kind != nil || !missing(c.Size)) {
		return nil
	}
	if missing(c.Size) {
		return errors.New(`"do_resize" is on and "size" is missing`)
	}
	s, err := parseSize("size", c.Size)
	if err != nil {
		return err
	}
	switch {
	case s.edge > 0:
		p.ShortSide = s.edge
	case s.number > 0 && c.square(kind):
		p.ResizeH, p.ResizeW = s.number, s.number
	case s.number > 0:
		p.ShortSide = s.number
	default:
		p.ResizeH, p.ResizeW = s.height, s.width
	}
	return c.filter(p, kind)
}

// square reports whether a size given as one number is height and width. Files
// that name no processor mean a square unless a centre crop follows.
func (c *config) square(kind *processor) bool {
	if kind != nil {
		return on(c.ToSquare, kind.square)
	}
	return on(c.ToSquare, !on(c.DoCenterCrop, !missing(c.CropSize)))
}

// filter sets the resampling filter.
func (c *config) filter(p *Preprocess, kind *processor) error {
	switch {
	case c.Resample != nil && (*c.Resample < int(Nearest) || *c.Resample > int(Hamming)):
		return fmt.Errorf(`"resample" is %d: expected PIL's codes 0 nearest, 1 lanczos, 2 bilinear, 3 bicubic, 4 box, 5 hamming`, *c.Resample)
	case c.Resample != nil:
		p.Resample = Filter(*c.Resample)
	case kind != nil:
		p.Resample = kind.resample
	default:
		return errors.New(`"resample" is missing: 2 is bilinear, 3 is bicubic`)
	}
	return nil
}

// crop sets the size of the centre crop.
func (c *config) crop(p *Preprocess, kind *processor) error {
	byDefault := !missing(c.CropSize)
	if kind != nil {
		byDefault = kind.crop
	}
	if !on(c.DoCenterCrop, byDefault) {
		return nil
	}
	if missing(c.CropSize) {
		return errors.New(`"do_center_crop" is on and "crop_size" is missing`)
	}
	s, err := parseSize("crop_size", c.CropSize)
	switch {
	case err != nil:
		return err
	case s.number > 0:
		p.CropH, p.CropW = s.number, s.number
	case s.edge > 0:
		p.CropH, p.CropW = s.edge, s.edge
	default:
		p.CropH, p.CropW = s.height, s.width
	}
	return nil
}

// cropByShare sets the short side before the crop for processors that derive it
// from "size".
func (c *config) cropByShare(p *Preprocess, kind *processor) error {
	rule := noShare
	if kind != nil {
		rule = kind.share
	}
	if c.CropPct != nil && rule != convNextShare && rule != poolShare {
		return errors.New(`"crop_pct" without "image_processor_type": "ConvNextImageProcessor": write the size before the crop as "size" and the crop as "crop_size"`)
	}
	if rule == noShare || !p.resizes() {
		return nil
	}
	if rule == levitShare {
		p.ShortSide = p.ShortSide * 256 / 224
		return nil
	}
	if p.ShortSide == 0 {
		return errors.New(`"size" of this processor has to be a number or {"shortest_edge": ...}`)
	}
	share := 224.0 / 256
	if rule == poolShare {
		share = 0.9
	}
	if c.CropPct != nil {
		share = *c.CropPct
	}
	if !(share > 0.1 && share <= 1) {
		return fmt.Errorf(`"crop_pct" is %v: expected a share of at most 1`, share)
	}
	size := p.ShortSide
	p.ShortSide = int(float64(size) / share)
	if rule == convNextShare {
		p.cropConvNext(size)
	}
	return nil
}

// cropConvNext cuts a square of size out of the resized picture. From 384 on
// nothing is cut, and the picture is stretched to a square.
func (p *Preprocess) cropConvNext(size int) {
	const whole = 384 // transformers, ConvNextImageProcessor.resize
	if size >= whole {
		p.ShortSide, p.ResizeH, p.ResizeW = 0, size, size
		return
	}
	p.CropH, p.CropW = size, size
}

// imageSize is a size as a number, a short side, or height and width: the
// others are 0.
type imageSize struct{ number, edge, height, width int }

// parseSize reads 224, [224, 224], {"shortest_edge": 224} or
// {"height": 224, "width": 224}.
func parseSize(key string, raw json.RawMessage) (s imageSize, err error) {
	var pair []int
	if raw[0] == '[' && json.Unmarshal(raw, &pair) == nil && len(pair) == 2 && isEdge(pair[0]) && isEdge(pair[1]) {
		return imageSize{height: pair[0], width: pair[1]}, nil
	}
	if raw[0] != '{' {
		err = json.Unmarshal(raw, &s.number)
		if err != nil || !isEdge(s.number) {
			return s, fmt.Errorf("%q is %s: expected 1 to %d, or an object with shortest_edge, or height and width", key, raw, maxEdge)
		}
		return s, nil
	}
	var sides map[string]int
	if err := json.Unmarshal(raw, &sides); err != nil {
		return s, fmt.Errorf("%q: %w", key, err)
	}
	for name, v := range sides {
		if !isEdge(v) {
			return s, fmt.Errorf("%q has %s %d: expected 1 to %d", key, name, v, maxEdge)
		}
	}
	s = imageSize{edge: sides["shortest_edge"], height: sides["height"], width: sides["width"]}
	fits := s.edge > 0 && len(sides) == 1 || s.height > 0 && s.width > 0 && len(sides) == 2
	if !fits {
		return s, fmt.Errorf("%q is %s: expected shortest_edge, or height and width", key, raw)
	}
	return s, nil
}
