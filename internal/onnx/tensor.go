package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"

	"google.golang.org/protobuf/encoding/protowire"
)

// Tensor is a constant of the graph: an initializer or the value of a
// Constant node. Its elements stay in the model's bytes, or in the file of
// external data beside the model, until they are asked for.
type Tensor struct {
	Name string
	Type DType
	Dims []int64 // empty for a scalar

	msg      []byte    // the TensorProto
	external *external // nil when the data is in msg
}

// parseTensor reads a TensorProto but not its elements.
func parseTensor(msg []byte, dir string) (*Tensor, error) {
	t := &Tensor{msg: msg}
	entries := map[string]string{}
	isExternal := false
	err := fields(msg, func(f field) error {
		switch f.num {
		case 1:
			return f.integers(&t.Dims)
		case 2:
			t.Type = DType(f.u)
			return f.want(protowire.VarintType)
		case 8:
			return f.text(&t.Name)
		case 13:
			return parseEntry(f, entries)
		case 14:
			isExternal = f.u == 1
			return f.want(protowire.VarintType)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if _, err := t.Len(); err != nil {
		return nil, err
	}
	if isExternal {
		t.external, err = newExternal(dir, entries)
	}
	if err != nil {
		return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	return t, nil
}

// parseEntry reads a StringStringEntryProto into entries.
func parseEntry(f field, entries map[string]string) error {
	if err := f.want(protowire.BytesType); err != nil {
		return err
	}
	var key, value string
	err := fields(f.b, func(f field) error {
		switch f.num {
		case 1:
			return f.text(&key)
		case 2:
			return f.text(&value)
		}
		return nil
	})
	entries[key] = value
	return err
}

// Len is the number of elements; a negative or overflowing shape is an error.
func (t *Tensor) Len() (int64, error) {
	n, err := count(t.Dims)
	if err != nil {
		return 0, fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	return n, nil
}

// count multiplies dimensions, refusing what no file can hold.
func count(dims []int64) (int64, error) {
	n := uint64(1)
	for _, d := range dims {
		if d < 0 {
			return 0, fmt.Errorf("negative dimension in shape %v", dims)
		}
		hi, lo := bits.Mul64(n, uint64(d))
		if hi != 0 || lo > math.MaxInt64/16 {
			return 0, fmt.Errorf("shape %v overflows", dims)
		}
		n = lo
	}
	return int64(n), nil
}

// Float32s returns the elements, row-major, as float32: float16, bfloat16
// and integers exactly (integers up to 2^24), float64 rounded. The slice is
// the caller's own. A tensor whose data is missing or of another length than
// its shape says is an error.
func (t *Tensor) Float32s() ([]float32, error) {
	out, err := elements(t, func(d DType, u uint64) float32 { return float32(asFloat(d, u)) })
	return out, err
}

// Int64s returns the elements of an integer or boolean tensor.
func (t *Tensor) Int64s() ([]int64, error) {
	if t.Type.IsFloat() {
		return nil, fmt.Errorf("tensor %q holds %v, not integers", t.Name, t.Type)
	}
	return elements(t, asInt)
}

// NewFloat32s makes a constant for a graph that is to be built. The number
// of elements must be the product of dims.
func NewFloat32s(name string, dims []int64, data []float32) *Tensor {
	raw := make([]byte, 0, 4*len(data))
	for _, v := range data {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return newTensor(name, Float, dims, raw)
}

// NewInt64s makes an integer constant for a graph that is to be built.
func NewInt64s(name string, dims []int64, data []int64) *Tensor {
	raw := make([]byte, 0, 8*len(data))
	for _, v := range data {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
	}
	return newTensor(name, Int64, dims, raw)
}

// newTensor encodes a TensorProto. It panics when data and shape disagree,
// which is the program's mistake.
func newTensor(name string, typ DType, dims []int64, raw []byte) *Tensor {
	if n, err := count(dims); err != nil || n*typ.Size() != int64(len(raw)) {
		panic(errors.New("onnx: tensor data does not fit its shape"))
	}
	var msg []byte
	for _, d := range dims {
		msg = appendInt(msg, 1, d)
	}
	msg = appendInt(msg, 2, int64(typ))
	msg = appendBytes(msg, 8, []byte(name))
	msg = appendBytes(msg, 9, raw)
	return &Tensor{Name: name, Type: typ, Dims: append([]int64{}, dims...), msg: msg}
}
