package safetensors

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"unicode/utf8"
)

// maxHeader is the largest header the format allows.
const maxHeader = 100_000_000

// Info describes one tensor.
type Info struct {
	Name  string
	DType DType
	Shape []int64 // no axes: a scalar

	begin, end int64 // bytes of the data section
}

// Len returns the number of elements, the product of the shape.
func (i Info) Len() int64 {
	n := int64(1)
	for _, d := range i.Shape {
		n *= d
	}
	return n
}

// Size returns the number of bytes the elements take.
func (i Info) Size() int64 { return i.Len() * i.DType.bits() / 8 }

// checkedSize is Size for shapes that nobody has checked yet.
func (i Info) checkedSize() (int64, error) {
	width := i.DType.bits()
	if width == 0 {
		return 0, fmt.Errorf("has the unknown type %.40q", i.DType)
	}
	// Every partial product of the non-zero axes is bounded, so that a zero cannot hide an overflow
	// from Len, whatever the order of the axes.
	total, zero := uint64(width), false
	for _, d := range i.Shape {
		if d < 0 {
			return 0, fmt.Errorf("has a negative axis in its shape %v", i.Shape)
		}
		if d == 0 {
			zero = true
			continue
		}
		hi, lo := bits.Mul64(total, uint64(d))
		if hi != 0 || lo > 1<<62 {
			return 0, fmt.Errorf("has the shape %v, which is larger than any file", i.Shape)
		}
		total = lo
	}
	if zero {
		return 0, nil
	}
	if total%8 != 0 {
		return 0, errors.New("ends within a byte")
	}
	return int64(total / 8), nil
}

// header is the parsed JSON header: tensors by increasing offset.
type header struct {
	metadata map[string]string
	tensors  []Info
}

// parseHeader reads the JSON header raw of a file whose data section has size bytes, and refuses every
// header that is not exactly a partition of those bytes.
func parseHeader(raw []byte, size int64) (*header, error) {
	if len(raw) == 0 || raw[0] != '{' {
		return nil, errors.New("the header does not start with '{'")
	}
	if !utf8.Valid(raw) {
		return nil, errors.New("the header is not UTF-8")
	}
	h := &header{metadata: map[string]string{}}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	err := object(dec, func(key string) error {
		if key == "__metadata__" {
			return object(dec, func(k string) error {
				v, err := str(dec)
				h.metadata[k] = v
				return at("metadata", k, err)
			})
		}
		info, err := tensor(dec, key)
		h.tensors = append(h.tensors, info)
		return at("tensor", key, err)
	})
	if err != nil {
		return nil, fmt.Errorf("the header is damaged: %w", err)
	}
	if len(bytes.Trim(raw[dec.InputOffset():], " \t\r\n")) > 0 {
		return nil, errors.New("the header is damaged: text after its end")
	}
	return h, h.place(size)
}

// place orders the tensors by offset and proves that they cover the data section without hole or overlap.
func (h *header) place(size int64) error {
	slices.SortStableFunc(h.tensors, func(a, b Info) int {
		if a.begin != b.begin {
			return cmp.Compare(a.begin, b.begin)
		}
		return cmp.Compare(a.end, b.end)
	})
	var pos int64
	for _, t := range h.tensors {
		want, err := t.checkedSize()
		if err != nil {
			return at("tensor", t.Name, err)
		}
		switch {
		case t.begin < pos:
			return at("tensor", t.Name, errors.New("overlaps the tensor before it"))
		case t.begin > pos:
			return at("tensor", t.Name, fmt.Errorf("leaves a hole of %d bytes before it", t.begin-pos))
		case t.end < t.begin || t.end-t.begin != want:
			return at("tensor", t.Name, fmt.Errorf("is declared as %s %v, which is %d bytes, at offsets %d to %d",
				t.DType, t.Shape, want, t.begin, t.end))
		case t.end > size:
			return at("tensor", t.Name, fmt.Errorf("ends at byte %d of the data, but the file is truncated to %d", t.end, size))
		}
		pos = t.end
	}
	if pos != size {
		return fmt.Errorf("%d bytes after the last tensor", size-pos)
	}
	return nil
}

// tensor reads one tensor's description.
func tensor(dec *json.Decoder, name string) (Info, error) {
	info := Info{Name: name}
	var offsets []int64
	seen := 0
	err := object(dec, func(key string) (err error) {
		seen++
		switch key {
		case "dtype":
			var s string
			s, err = str(dec)
			info.DType = DType(s)
		case "shape":
			info.Shape, err = ints(dec)
		case "data_offsets":
			offsets, err = ints(dec)
		default:
			err = fmt.Errorf("has the unknown field %.40q", key)
		}
		return err
	})
	switch {
	case err != nil:
		return info, err
	case seen != 3:
		return info, errors.New("lacks dtype, shape or data_offsets")
	case len(offsets) != 2 || offsets[0] < 0:
		return info, fmt.Errorf("has the data_offsets %v", offsets)
	}
	info.begin, info.end = offsets[0], offsets[1]
	return info, nil
}

// object reads a JSON object, calling field after each key to read its value. Unlike package json it
// refuses a key that comes twice.
func object(dec *json.Decoder, field func(key string) error) error {
	if err := delim(dec, '{'); err != nil {
		return err
	}
	seen := map[string]bool{}
	for dec.More() {
		key, err := str(dec)
		if err != nil {
			return err
		}
		if seen[key] {
			return fmt.Errorf("%.80q comes twice", key)
		}
		seen[key] = true
		if err := field(key); err != nil {
			return err
		}
	}
	return delim(dec, '}')
}

// ints reads a JSON array of integers.
func ints(dec *json.Decoder) ([]int64, error) {
	if err := delim(dec, '['); err != nil {
		return nil, err
	}
	v := []int64{}
	for dec.More() {
		tok, err := token(dec)
		if err != nil {
			return nil, err
		}
		num, ok := tok.(json.Number)
		if !ok {
			return nil, fmt.Errorf("expected a whole number, found %.40v", tok)
		}
		i, err := num.Int64()
		if err != nil {
			return nil, fmt.Errorf("%.40q is no whole number in range", num)
		}
		v = append(v, i)
	}
	return v, delim(dec, ']')
}

func str(dec *json.Decoder) (string, error) {
	tok, err := token(dec)
	if err != nil {
		return "", err
	}
	s, ok := tok.(string)
	if !ok {
		return "", fmt.Errorf("expected a string, found %.40v", tok)
	}
	return s, nil
}

func delim(dec *json.Decoder, want json.Delim) error {
	tok, err := token(dec)
	if err != nil {
		return err
	}
	if tok != want {
		return fmt.Errorf("expected %q, found %.40v", want, tok)
	}
	return nil
}

func token(dec *json.Decoder) (json.Token, error) {
	tok, err := dec.Token()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return tok, err
}

// at says which tensor or metadata key an error is about.
func at(what, name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %.80q %w", what, name, err)
}
