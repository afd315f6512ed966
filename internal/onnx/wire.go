package onnx

import (
	"errors"
	"fmt"
	"io"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// field is one field of a protobuf message. Numbers are in u, whatever their
// width; bytes, strings and messages are in b, which points into the message.
type field struct {
	num protowire.Number
	typ protowire.Type
	u   uint64
	b   []byte
	// start and end are the field's place in the message, tag included.
	start, end int
}

// errWireType marks a known field that has the wrong wire type: the bytes
// are protobuf at most, not ONNX.
var errWireType = errors.New("field of the wrong type")

// fields calls visit for each field of a message, in order, and stops at the
// first error. A field that runs past the end is io.ErrUnexpectedEOF.
func fields(msg []byte, visit func(field) error) error {
	for pos := 0; pos < len(msg); {
		f, n, err := readField(msg[pos:])
		if err != nil {
			return fmt.Errorf("at byte %d: %w", pos, err)
		}
		f.start, f.end = pos, pos+n
		if err := visit(f); err != nil {
			return err
		}
		pos += n
	}
	return nil
}

// readField reads the field at the head of b and returns its whole length.
func readField(b []byte) (field, int, error) {
	num, typ, tag := protowire.ConsumeTag(b)
	if tag < 0 {
		return field{}, 0, wireError(tag)
	}
	f := field{num: num, typ: typ}
	n := 0
	switch rest := b[tag:]; typ {
	case protowire.VarintType:
		f.u, n = protowire.ConsumeVarint(rest)
	case protowire.Fixed32Type:
		var v uint32
		v, n = protowire.ConsumeFixed32(rest)
		f.u = uint64(v)
	case protowire.Fixed64Type:
		f.u, n = protowire.ConsumeFixed64(rest)
	case protowire.BytesType:
		f.b, n = protowire.ConsumeBytes(rest)
	default:
		// Groups are not used by ONNX; skipping one is still the rule.
		n = protowire.ConsumeFieldValue(num, typ, rest)
	}
	if n < 0 {
		return field{}, 0, wireError(n)
	}
	return f, tag + n, nil
}

func wireError(n int) error {
	if err := protowire.ParseError(n); !errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("not a protobuf message")
	}
	return io.ErrUnexpectedEOF
}

// want checks the wire type of a known field.
func (f field) want(typ protowire.Type) error {
	if f.typ != typ {
		return fmt.Errorf("field %d: %w", f.num, errWireType)
	}
	return nil
}

// text is the field as a string.
func (f field) text(dst *string) error {
	if err := f.want(protowire.BytesType); err != nil {
		return err
	}
	*dst = string(f.b)
	return nil
}

// integer is the field as an int64.
func (f field) integer(dst *int64) error {
	if err := f.want(protowire.VarintType); err != nil {
		return err
	}
	*dst = int64(f.u)
	return nil
}

// integers appends the field's values: one, or a packed run of them.
func (f field) integers(dst *[]int64) error {
	if f.typ == protowire.VarintType {
		*dst = append(*dst, int64(f.u))
		return nil
	}
	if err := f.want(protowire.BytesType); err != nil {
		return err
	}
	for b := f.b; len(b) > 0; {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return wireError(n)
		}
		*dst = append(*dst, int64(v))
		b = b[n:]
	}
	return nil
}

// floats appends the field's float32 values: one, or a packed run of them.
func (f field) floats(dst *[]float32) error {
	if f.typ == protowire.Fixed32Type {
		*dst = append(*dst, math.Float32frombits(uint32(f.u)))
		return nil
	}
	if err := f.want(protowire.BytesType); err != nil {
		return err
	}
	for b := f.b; len(b) > 0; {
		v, n := protowire.ConsumeFixed32(b)
		if n < 0 {
			return wireError(n)
		}
		*dst = append(*dst, math.Float32frombits(v))
		b = b[n:]
	}
	return nil
}

// doubles appends the field's float64 values: one, or a packed run of them.
func (f field) doubles(dst *[]float64) error {
	if f.typ == protowire.Fixed64Type {
		*dst = append(*dst, math.Float64frombits(f.u))
		return nil
	}
	if err := f.want(protowire.BytesType); err != nil {
		return err
	}
	for b := f.b; len(b) > 0; {
		v, n := protowire.ConsumeFixed64(b)
		if n < 0 {
			return wireError(n)
		}
		*dst = append(*dst, math.Float64frombits(v))
		b = b[n:]
	}
	return nil
}
