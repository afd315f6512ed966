package onnx

import "fmt"

// DType is the type of a tensor's elements, numbered as in onnx.proto
// (TensorProto.DataType). Zero is unknown.
type DType int32

// The element types that weights, shapes and images come in.
const (
	Float    DType = 1
	Uint8    DType = 2
	Int8     DType = 3
	Uint16   DType = 4
	Int16    DType = 5
	Int32    DType = 6
	Int64    DType = 7
	String   DType = 8
	Bool     DType = 9
	Float16  DType = 10
	Double   DType = 11
	Uint32   DType = 12
	Uint64   DType = 13
	BFloat16 DType = 16
)

var dtypes = map[DType]struct {
	name string
	size int64
}{
	Float: {"float32", 4}, Double: {"float64", 8}, Float16: {"float16", 2}, BFloat16: {"bfloat16", 2},
	Int8: {"int8", 1}, Int16: {"int16", 2}, Int32: {"int32", 4}, Int64: {"int64", 8},
	Uint8: {"uint8", 1}, Uint16: {"uint16", 2}, Uint32: {"uint32", 4}, Uint64: {"uint64", 8},
	Bool: {"bool", 1}, String: {"string", 0},
}

// String is the type's name as in numpy, for example float32.
func (d DType) String() string {
	if t, ok := dtypes[d]; ok {
		return t.name
	}
	if d == 0 {
		return "unknown"
	}
	return fmt.Sprintf("type %d", int32(d))
}

// Size is the bytes one element takes in raw data, 0 where the package does
// not read the type.
func (d DType) Size() int64 { return dtypes[d].size }

// IsFloat reports whether the type is a floating-point one.
func (d DType) IsFloat() bool {
	return d == Float || d == Double || d == Float16 || d == BFloat16
}
