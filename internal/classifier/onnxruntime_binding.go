//go:build cgo

package classifier

import (
	"fmt"
	"runtime"

	ort "github.com/yalue/onnxruntime_go"
)

// binding holds the tensors of one input shape.
type binding struct {
	input   ort.Value
	images  []float32 // the input as it is written
	bytes   []uint8   // the same as bytes, where the model takes those; nil otherwise
	outputs []*ort.Tensor[float32]
	arrays  []array // the outputs as Go sees them
	io      *ort.IoBinding
	pins    runtime.Pinner
}

// makeInput makes the tensor of the input.
func (b *binding) makeInput(shape []int, bytes bool) error {
	if bytes {
		t, err := newTensor[uint8](b, shape)
		if err == nil {
			b.input, b.bytes, b.images = t, t.GetData(), make([]float32, elements(shape))
		}
		return err
	}
	t, err := newTensor[float32](b, shape)
	if err == nil {
		b.input, b.images = t, t.GetData()
	}
	return err
}

// take lets fill write the input.
func (b *binding) take(fill func([]float32)) {
	fill(b.images)
	for i := range b.bytes {
		b.bytes[i] = uint8(b.images[i])
	}
}

// newTensor makes a tensor over Go memory that stays where it is while C holds its address.
func newTensor[T ort.TensorData](b *binding, shape []int) (*ort.Tensor[T], error) {
	dims := make(ort.Shape, len(shape))
	for i, d := range shape {
		dims[i] = int64(d)
	}
	data := make([]T, elements(shape))
	if len(data) > 0 {
		b.pins.Pin(&data[0])
	}
	t, err := ort.NewTensor(dims, data)
	if err != nil {
		return nil, fmt.Errorf("make a tensor of shape %v: %w", shape, err)
	}
	return t, nil
}

// bindOutput makes the lasting tensor of an output from the one that the first run returned.
func (b *binding) bindOutput(name string, first ort.Value) error {
	value, ok := first.(*ort.Tensor[float32])
	if !ok {
		return fmt.Errorf("the tensor %s is not float32: export the model in float32", name)
	}
	shape := make([]int, len(value.GetShape()))
	for i, d := range value.GetShape() {
		shape[i] = int(d)
	}
	t, err := newTensor[float32](b, shape)
	if err != nil {
		return err
	}
	copy(t.GetData(), value.GetData())
	b.outputs = append(b.outputs, t)
	b.arrays = append(b.arrays, array{shape, t.GetData()})
	if err := b.io.BindOutput(name, t); err != nil {
		return fmt.Errorf("bind the output %s with ONNX Runtime: %w", name, err)
	}
	return nil
}

func (b *binding) destroy() {
	if b.io != nil {
		b.io.Destroy()
	}
	if b.input != nil {
		b.input.Destroy()
	}
	for _, t := range b.outputs {
		t.Destroy()
	}
	b.pins.Unpin()
}
