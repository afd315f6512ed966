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

// elements decodes every element from its bits.
func elements[E any](t *Tensor, convert func(DType, uint64) E) ([]E, error) {
	n, err := t.Len()
	if err != nil {
		return nil, err
	}
	if t.Type.Size() == 0 {
		return nil, fmt.Errorf("tensor %q holds %v, which is not read", t.Name, t.Type)
	}
	raw, typed, err := t.data()
	if err != nil {
		return nil, fmt.Errorf("read tensor %q: %w", t.Name, err)
	}
	if raw == nil && len(typed) > 0 {
		return typedElements(t, n, typed, convert)
	}
	size := t.Type.Size()
	if int64(len(raw)) != n*size {
		return nil, fmt.Errorf("read tensor %q: %v %v takes %d bytes, %d are there", t.Name, t.Type, t.Dims, n*size, len(raw))
	}
	out := make([]E, n)
	for i := range out {
		out[i] = convert(t.Type, loadBits(raw[int64(i)*size:], size))
	}
	return out, nil
}

// loadBits reads a little-endian element.
func loadBits(b []byte, size int64) uint64 {
	switch size {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

// data finds the elements: raw bytes, or the fields that hold them one by one.
func (t *Tensor) data() (raw []byte, typed []field, err error) {
	if t.external != nil {
		n, _ := t.Len()
		raw, err = t.external.read(n * t.Type.Size())
		return raw, nil, err
	}
	err = fields(t.msg, func(f field) error {
		switch f.num {
		case 9:
			raw = f.b
			return f.want(protowire.BytesType)
		case 4, 5, 7, 10, 11:
			typed = append(typed, f)
		}
		return nil
	})
	return raw, typed, err
}

// typedElements decodes float_data, int32_data, int64_data, double_data or
// uint64_data, whichever the element type uses.
func typedElements[E any](t *Tensor, n int64, typed []field, convert func(DType, uint64) E) ([]E, error) {
	var out []E
	add := func(u uint64) { out = append(out, convert(t.Type, u)) }
	for _, f := range typed {
		if f.num != dataField(t.Type) {
			return nil, fmt.Errorf("read tensor %q: %v in field %d", t.Name, t.Type, f.num)
		}
		if err := eachBits(f, add); err != nil {
			return nil, fmt.Errorf("read tensor %q: %w", t.Name, err)
		}
	}
	if int64(len(out)) != n {
		return nil, fmt.Errorf("read tensor %q: shape %v has %d elements, %d are there", t.Name, t.Dims, n, len(out))
	}
	return out, nil
}

// dataField is the TensorProto field that holds elements of a type when they
// are not raw.
func dataField(d DType) protowire.Number {
	switch d {
	case Float:
		return 4
	case Double:
		return 10
	case Int64:
		return 7
	case Uint32, Uint64:
		return 11
	}
	return 5
}

// eachBits calls add with the bits of each element of a typed data field.
func eachBits(f field, add func(uint64)) error {
	switch f.num {
	case 4:
		var v []float32
		err := f.floats(&v)
		for _, x := range v {
			add(uint64(math.Float32bits(x)))
		}
		return err
	case 10:
		var v []float64
		err := f.doubles(&v)
		for _, x := range v {
			add(math.Float64bits(x))
		}
		return err
	}
	var v []int64
	err := f.integers(&v)
	for _, x := range v {
		add(uint64(x))
	}
	return err
}

// asFloat is the number that an element's bits stand for.
func asFloat(d DType, u uint64) float64 {
	switch d {
	case Float:
		return float64(math.Float32frombits(uint32(u)))
	case Double:
		return math.Float64frombits(u)
	case Float16:
		return float64(halfToFloat(uint16(u)))
	case BFloat16:
		return float64(math.Float32frombits(uint32(u) << 16))
	case Uint64:
		return float64(u)
	}
	return float64(asInt(d, u))
}

// asInt is the integer that an element's bits stand for.
func asInt(d DType, u uint64) int64 {
	switch d {
	case Int8:
		return int64(int8(u))
	case Uint8:
		return int64(uint8(u))
	case Int16:
		return int64(int16(u))
	case Uint16:
		return int64(uint16(u))
	case Int32:
		return int64(int32(u))
	case Uint32:
		return int64(uint32(u))
	case Bool:
		if uint8(u) != 0 {
			return 1
		}
		return 0
	}
	return int64(u)
}

// halfToFloat widens an IEEE 754 half-precision number, exactly.
func halfToFloat(h uint16) float32 {
	sign := uint32(h>>15) << 31
	exp, frac := uint32(h>>10)&0x1f, uint32(h)&0x3ff
	switch {
	case exp == 0x1f: // infinity, NaN
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	case exp != 0:
		return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
	}
	v := float32(frac) / (1 << 24) // zero and the subnormals
	if sign != 0 {
		v = -v
	}
	return v
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
