package classifier

import (
	"fmt"
	"math"
	"strings"

	"github.com/oodflow/oodflow/internal/onnx"
)

// rgb is the number of channels of the images that this program feeds.
const rgb = 3

// maxValues bounds the values of the model's input, 256 MiB: 400 images of 224×224 in a fixed batch, or one of
// 4700×4700. A damaged file may say anything.
const maxValues = 1 << 26

// input describes the one image input of a model. A size of 0 is free: the model takes any.
type input struct {
	name         string
	batch        int // fixed number of images per run, or 0
	height       int
	width        int
	channelsLast bool // N×H×W×3 instead of N×3×H×W
	bytes        bool // uint8, pixels of 0 to 255, instead of float32
}

// inputOf finds the image input of a model and checks that it takes RGB images in float32 or as bytes.
func inputOf(m *onnx.Model) (input, error) {
	if len(m.Inputs) != 1 {
		names := make([]string, len(m.Inputs))
		for i, v := range m.Inputs {
			names[i] = v.Name
		}
		return input{}, fmt.Errorf("the model has %d inputs (%s): a classifier of images takes exactly one",
			len(m.Inputs), strings.Join(names, ", "))
	}
	v := m.Inputs[0]
	if v.Type != onnx.Float && v.Type != onnx.Uint8 {
		return input{}, fmt.Errorf("the model's input %s is %v: only float32 and uint8 input is supported, so export the model with a float32 input",
			v.Name, v.Type)
	}
	if v.Shape != nil && len(v.Shape) != 4 {
		return input{}, fmt.Errorf("the model's input %s has shape %s: images go in as N×3×H×W or N×H×W×3", v.Name, onnx.FormatShape(v.Shape, v.Symbols))
	}
	var dims [4]int
	for i, d := range v.Shape {
		dims[i] = int(max(0, min(d, math.MaxInt32)))
	}
	in := input{name: v.Name, batch: dims[0], height: dims[2], width: dims[3], bytes: v.Type == onnx.Uint8}
	switch {
	case dims[1] == rgb || dims[1] == 0 && dims[3] != rgb:
	case dims[3] == rgb:
		in.height, in.width, in.channelsLast = dims[1], dims[2], true
	default:
		return input{}, fmt.Errorf("the model's input %s has shape %s, which is not one of RGB images: N×3×H×W or N×H×W×3", v.Name, onnx.FormatShape(v.Shape, v.Symbols))
	}
	h, w := in.probeSize()
	if h > maxValues/rgb/w || max(in.batch, 1) > maxValues/(rgb*h*w) {
		return input{}, fmt.Errorf("the model's input %s has shape %s, which is too large", v.Name, onnx.FormatShape(v.Shape, v.Symbols))
	}
	return in, nil
}

// shape is the shape of a batch of n images of h×w pixels in the model's own layout.
func (in input) shape(n, h, w int) [4]int {
	if in.channelsLast {
		return [4]int{n, h, w, rgb}
	}
	return [4]int{n, rgb, h, w}
}

// check refuses images of a size that the model does not take.
func (in input) check(h, w int) error {
	if h < 1 || w < 1 {
		return fmt.Errorf("images of %d×%d pixels (height×width) are empty", h, w)
	}
	if in.height != 0 && h != in.height || in.width != 0 && w != in.width {
		return fmt.Errorf("the model takes images of %s pixels (height×width), not %d×%d: choose a preprocessing (--preprocess) that brings images to that size",
			in.size(), h, w)
	}
	return nil
}

// checkBytes refuses values that are not bytes where the model takes those. per is the number of values of an
// image.
func (in input) checkBytes(images []float32, per int) error {
	if !in.bytes {
		return nil
	}
	for i, v := range images {
		if !(v >= 0 && v <= 255) || float32(uint8(v)) != v {
			return fmt.Errorf("image %d of the batch has the value %v: the model takes pixels as bytes, 0 to 255, which must not be scaled", i/per, v)
		}
	}
	return nil
}

// size names the image size the model takes.
func (in input) size() string {
	side := func(n int) string {
		if n == 0 {
			return "any"
		}
		return fmt.Sprint(n)
	}
	return side(in.height) + "×" + side(in.width)
}

// write copies images, n×3×h×w in src, to the model's own layout. Where dst holds more images than src, the
// rest becomes zeros.
func (in input) write(dst, src []float32, h, w int) {
	if !in.channelsLast {
		clear(dst[copy(dst, src):])
		return
	}
	plane := h * w
	for i := 0; i < len(src); i += rgb * plane {
		image, pixels := src[i:i+rgb*plane], dst[i:i+rgb*plane]
		for p := range plane {
			for c := range rgb {
				pixels[p*rgb+c] = image[c*plane+p]
			}
		}
	}
	clear(dst[len(src):])
}

// Input is how a model takes its images.
type Input struct {
	ChannelsLast  bool // N×H×W×3 instead of N×3×H×W
	Bytes         bool // uint8, pixels of 0 to 255, instead of float32
	Height, Width int  // 0 takes any
}

// InputOf tells how a model takes its images, or why it is no classifier of RGB images.
func InputOf(m *onnx.Model) (Input, error) {
	in, err := inputOf(m)
	return Input{in.channelsLast, in.bytes, in.height, in.width}, err
}

// probeSize is the size of the images to try the model with.
func (in input) probeSize() (h, w int) {
	h, w = in.height, in.width
	if h == 0 {
		h = probeSide
	}
	if w == 0 {
		w = probeSide
	}
	return h, w
}
