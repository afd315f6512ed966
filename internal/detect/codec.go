package detect

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/oodflow/oodflow/internal/safetensors"
)

// stored is a detector that can be kept in a file.
type stored interface {
	Detector
	encode(e *encoder)
}

// decoders restore what encode wrote, by the method's name.
var decoders = map[string]func(d *decoder) (Detector, error){
	"msp":           func(d *decoder) (Detector, error) { l, err := decodeLogits(d); return as(&MSP{l}, err) },
	"maxlogit":      func(d *decoder) (Detector, error) { l, err := decodeLogits(d); return as(&MaxLogit{l}, err) },
	"energy":        func(d *decoder) (Detector, error) { l, err := decodeLogits(d); return as(&Energy{l}, err) },
	"react":         func(d *decoder) (Detector, error) { return as(decodeReAct(d)) },
	"ash":           func(d *decoder) (Detector, error) { return as(decodeASH(d)) },
	"scale":         func(d *decoder) (Detector, error) { return as(decodeScale(d)) },
	"dice":          func(d *decoder) (Detector, error) { return as(decodeDICE(d)) },
	"gen":           func(d *decoder) (Detector, error) { l, err := decodeLogits(d); return as(&GEN{l}, err) },
	"klm":           func(d *decoder) (Detector, error) { return as(decodeKLMatching(d)) },
	"gradnorm":      func(d *decoder) (Detector, error) { return as(decodeGradNorm(d)) },
	"rmd":           func(d *decoder) (Detector, error) { return as(decodeRMD(d, false)) },
	"rmd++":         func(d *decoder) (Detector, error) { return as(decodeRMD(d, true)) },
	"residual":      func(d *decoder) (Detector, error) { return as(decodeResidual(d)) },
	"vim":           func(d *decoder) (Detector, error) { return as(decodeViM(d)) },
	"fdbd":          func(d *decoder) (Detector, error) { return as(decodeFDBD(d)) },
	"nnguide":       func(d *decoder) (Detector, error) { return as(decodeNNGuide(d)) },
	"she":           func(d *decoder) (Detector, error) { return as(decodeSHE(d)) },
	"fusion":        func(d *decoder) (Detector, error) { return as(decodeFusion(d)) },
	"flow":          func(d *decoder) (Detector, error) { return as(decodeFlow(d)) },
	"knn":           func(d *decoder) (Detector, error) { return as(decodeKNN(d)) },
	"mahalanobis":   func(d *decoder) (Detector, error) { return as(decodeMahalanobis(d, "", false)) },
	"mahalanobis++": func(d *decoder) (Detector, error) { return as(decodeMahalanobis(d, "", true)) },
}

// encoder collects what a detector keeps in its file: tensors and settings. Setting names share the file's metadata
// and carry the prefix "detector.", tensor names are used as they are ("reference" is taken).
type encoder struct {
	tensors []safetensors.Info
	write   []func(w *safetensors.Writer) error
	meta    map[string]string
}

// float32 adds a float32 tensor of the given shape.
func (e *encoder) float32(name string, x []float32, shape ...int) {
	e.declare(name, safetensors.F32, shape)
	e.write = append(e.write, func(w *safetensors.Writer) error { return w.Float32(x) })
}

// float64 adds a float64 tensor of the given shape.
func (e *encoder) float64(name string, x []float64, shape ...int) {
	e.declare(name, safetensors.F64, shape)
	e.write = append(e.write, func(w *safetensors.Writer) error { return w.Float64(x) })
}

// narrow adds a float32 tensor of values that float32 holds exactly.
func (e *encoder) narrow(name string, x []float64, shape ...int) {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	e.float32(name, y, shape...)
}

// ints adds an int64 tensor of one axis.
func (e *encoder) ints(name string, x []int) {
	e.declare(name, safetensors.I64, []int{len(x)})
	e.write = append(e.write, func(w *safetensors.Writer) error {
		wide := make([]int64, len(x))
		for i, v := range x {
			wide[i] = int64(v)
		}
		return w.Int64(wide)
	})
}

func (e *encoder) declare(name string, t safetensors.DType, shape []int) {
	info := safetensors.Info{Name: name, DType: t}
	for _, n := range shape {
		info.Shape = append(info.Shape, int64(n))
	}
	e.tensors = append(e.tensors, info)
}

// set adds a setting.
func (e *encoder) set(key, value string) { e.meta["detector."+key] = value }

// setInt adds a setting that is a whole number.
func (e *encoder) setInt(key string, v int) { e.set(key, strconv.Itoa(v)) }

// setFloat adds a setting that is a number, with as many digits as restore it exactly.
func (e *encoder) setFloat(key string, v float64) { e.set(key, strconv.FormatFloat(v, 'g', -1, 64)) }

// writeTo writes the file.
func (e *encoder) writeTo(w io.Writer) error {
	sw, err := safetensors.NewWriter(w, e.tensors, e.meta)
	if err != nil {
		return err
	}
	for _, write := range e.write {
		if err := write(sw); err != nil {
			return err
		}
	}
	return sw.Close()
}

// decoder gives a detector back what it encoded. Every number is checked to be finite, every shape to be the one
// asked for.
type decoder struct {
	file *safetensors.File
}

// shape returns the axes of the tensor called name, which must be axes many and none of them zero.
func (d *decoder) shape(name string, axes int) ([]int, error) {
	info, ok := d.file.Info(name)
	if !ok {
		return nil, fmt.Errorf("has no tensor %q", name)
	}
	if len(info.Shape) != axes || slices.Contains(info.Shape, 0) {
		return nil, fmt.Errorf("tensor %q has the unexpected shape %v", name, info.Shape)
	}
	shape := make([]int, axes)
	for i, n := range info.Shape {
		shape[i] = int(n)
	}
	return shape, nil
}

// float32 reads a tensor of exactly the given shape.
func (d *decoder) float32(name string, shape ...int) ([]float32, error) {
	return readTensor(d, name, shape, d.file.Float32)
}

// float64 reads a tensor of exactly the given shape.
func (d *decoder) float64(name string, shape ...int) ([]float64, error) {
	return readTensor(d, name, shape, d.file.Float64)
}

// has checks that there is a tensor of exactly the given shape, without reading it.
func (d *decoder) has(name string, shape []int) error {
	got, err := d.shape(name, len(shape))
	if err == nil && !slices.Equal(got, shape) {
		err = fmt.Errorf("tensor %q has the shape %v where %v is needed", name, got, shape)
	}
	return err
}

func readTensor[T float32 | float64](d *decoder, name string, shape []int, read func(string) ([]T, error)) ([]T, error) {
	if err := d.has(name, shape); err != nil {
		return nil, err
	}
	x, err := read(name)
	if err != nil {
		return nil, err
	}
	for i, v := range x {
		if !finite(float64(v)) {
			return nil, fmt.Errorf("tensor %q holds %v at element %d", name, v, i)
		}
	}
	return x, nil
}

// get returns a setting.
func (d *decoder) get(key string) (string, error) {
	v, ok := d.file.Metadata["detector."+key]
	if !ok {
		return "", fmt.Errorf("has no setting %q", key)
	}
	return v, nil
}

// getInt returns a whole number of at least least.
func (d *decoder) getInt(key string, least int) (int, error) {
	v, err := d.get(key)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < least {
		return 0, fmt.Errorf("setting %q is %.40q, not a whole number of at least %d", key, v, least)
	}
	return n, nil
}

// getFloat returns a number, which must be finite.
func (d *decoder) getFloat(key string) (float64, error) {
	v, err := d.get(key)
	if err != nil {
		return 0, err
	}
	x, err := strconv.ParseFloat(v, 64)
	if err != nil || !finite(x) {
		return 0, fmt.Errorf("setting %q is %.40q, not a finite number", key, v)
	}
	return x, nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
