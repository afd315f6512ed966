package onnx

import (
	"encoding/binary"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

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
