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

// cropByShare applies crop_pct, the share of the resized picture that the crop
// keeps: the short side becomes size/crop_pct and a square of size is cut out.
// From 384 on nothing is cut, and the picture is stretched to a square.
func (c *config) cropByShare(p *Preprocess, kind *processor) error {
	const whole = 384 // transformers, ConvNextImageProcessor.resize
	if kind == nil || !kind.cropPct {
		if c.CropPct != nil {
			return errors.New(`"crop_pct" without "image_processor_type": "ConvNextImageProcessor": write the size before the crop as "size" and the crop as "crop_size"`)
		}
		return nil
	}
	if p.ShortSide == 0 {
		if p.resizes() {
			return errors.New(`"size" of a ConvNext processor has to be a number or {"shortest_edge": ...}`)
		}
		return nil
	}
	size, share := p.ShortSide, 224.0/256
	if c.CropPct != nil {
		share = *c.CropPct
	}
	if size >= whole {
		p.ShortSide, p.ResizeH, p.ResizeW = 0, size, size
		return nil
	}
	if !(share > 0.1 && share <= 1) {
		return fmt.Errorf(`"crop_pct" is %v: expected a share of at most 1`, share)
	}
	p.ShortSide, p.CropH, p.CropW = int(float64(size)/share), size, size
	return nil
}

// imageSize is a size as a number, a short side, or height and width: the
// others are 0.
type imageSize struct{ number, edge, height, width int }

// parseSize reads 224, {"shortest_edge": 224} or {"height": 224, "width": 224}.
func parseSize(key string, raw json.RawMessage) (s imageSize, err error) {
	if raw[0] != '{' {
		err = json.Unmarshal(raw, &s.number)
		if err != nil || s.number < 1 || s.number > maxEdge {
			return s, fmt.Errorf("%q is %s: expected 1 to %d, or an object with shortest_edge, or height and width", key, raw, maxEdge)
		}
		return s, nil
	}
	var sides map[string]int
	if err := json.Unmarshal(raw, &sides); err != nil {
		return s, fmt.Errorf("%q: %w", key, err)
	}
	for name, v := range sides {
		if v < 1 || v > maxEdge {
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
