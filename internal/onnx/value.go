package onnx

import (
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// Value is a named tensor as the graph declares it: an input, an output or
// an intermediate value.
type Value struct {
	Name string
	Type DType // 0 where undeclared
	// Shape is nil where undeclared; a dimension that is not a fixed number
	// is -1, and Symbols has its name, if it has one, at the same place.
	Shape   []int64
	Symbols []string
}

// String is the value as name [shape], for messages.
func (v Value) String() string { return v.Name + " " + FormatShape(v.Shape, v.Symbols) }

// FormatShape writes a shape as [N 3 224 224]; a dimension that is not fixed
// is its symbol or a question mark, and an unknown shape is [?].
func FormatShape(shape []int64, symbols []string) string {
	if shape == nil {
		return "[?]"
	}
	parts := make([]string, len(shape))
	for i, d := range shape {
		switch {
		case d >= 0:
			parts[i] = strconv.FormatInt(d, 10)
		case i < len(symbols) && symbols[i] != "":
			parts[i] = symbols[i]
		default:
			parts[i] = "?"
		}
	}
	return "[" + strings.Join(parts, " ") + "]"
}

// parseValue reads a ValueInfoProto.
func parseValue(msg []byte) (Value, error) {
	var v Value
	err := fields(msg, func(f field) error {
		switch f.num {
		case 1:
			return f.text(&v.Name)
		case 2: // TypeProto
			return fields(f.b, func(f field) error {
				if f.num != 1 { // only tensor_type; sequences and maps stay unknown
					return nil
				}
				return v.parseTensorType(f)
			})
		}
		return nil
	})
	return v, err
}

// parseTensorType reads a TypeProto.Tensor.
func (v *Value) parseTensorType(f field) error {
	if err := f.want(protowire.BytesType); err != nil {
		return err
	}
	return fields(f.b, func(f field) error {
		switch f.num {
		case 1:
			v.Type = DType(f.u)
			return f.want(protowire.VarintType)
		case 2: // TensorShapeProto
			if err := f.want(protowire.BytesType); err != nil {
				return err
			}
			v.Shape = []int64{} // declared, perhaps a scalar
			return fields(f.b, v.parseDim)
		}
		return nil
	})
}

// parseDim reads one TensorShapeProto.Dimension.
func (v *Value) parseDim(f field) error {
	if f.num != 1 {
		return nil
	}
	if err := f.want(protowire.BytesType); err != nil {
		return err
	}
	size, symbol := int64(-1), ""
	err := fields(f.b, func(f field) error {
		switch f.num {
		case 1:
			return f.integer(&size)
		case 2:
			return f.text(&symbol)
		}
		return nil
	})
	if size < 0 {
		size = -1
	}
	v.Shape, v.Symbols = append(v.Shape, size), append(v.Symbols, symbol)
	return err
}
