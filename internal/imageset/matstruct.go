package imageset

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// maxMeta bounds a MATLAB file of class descriptions, packed and unpacked, in
// bytes. ImageNet's has half a megabyte.
const maxMeta = 32 << 20

// readMeta reads the classes from the devkit's meta.mat: an array of structs
// called synsets, of which those without children are the classes.
func readMeta(path string) (*synsets, error) {
	s, err := metaSynsets(path)
	if err != nil {
		return nil, fmt.Errorf("read classes %s: %w", path, err)
	}
	return s, nil
}

func metaSynsets(path string) (*synsets, error) {
	f, _, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxMeta+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxMeta {
		return nil, fmt.Errorf("the file is longer than %d bytes", maxMeta)
	}
	return parseMeta(data)
}

// parseMeta reads the classes from the bytes of a file.
func parseMeta(data []byte) (*synsets, error) {
	order, err := matOrder(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	var lines []string
	byID := map[int]string{}
	err = eachStruct(data[matHeader:], order, "synsets", func(fields map[string]matCell) error {
		if fields["num_children"].number() != 0 {
			return nil
		}
		id, n := fields["WNID"].text, fields["ILSVRC2012_ID"].number()
		if !isSynset(id) || n < 1 || n > math.MaxInt32 {
			return fmt.Errorf("a class has WNID %.20q and ILSVRC2012_ID %v", id, n)
		}
		byID[int(n)] = id
		lines = append(lines, id+" "+fields["words"].text)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s := newSynsets(lines)
	if len(s.names) == 0 {
		return nil, errors.New("no array of structs called synsets: expected meta.mat of ILSVRC2012_devkit_t12")
	}
	s.byID = byID
	return s, nil
}

// matCell is the value of a field: a text or numbers.
type matCell struct {
	text   string
	values []float64
}

// number is the first number, NaN when there is none.
func (c matCell) number() float64 {
	if len(c.values) == 0 {
		return math.NaN()
	}
	return c.values[0]
}

// eachStruct calls f with every element of the struct array called name.
func eachStruct(data []byte, order binary.ByteOrder, name string, f func(map[string]matCell) error) error {
	for len(data) > 0 {
		kind, body, rest, err := matElement(data, order)
		if err != nil {
			return err
		}
		if kind == miCOMPRESSED {
			rest = data[min(matTag+len(body), len(data)):] // not padded
			if kind, body, err = inflateElement(body, order); err != nil {
				return err
			}
		}
		if kind == miMATRIX {
			m, err := parseMatrix(body, order)
			if err != nil {
				return err
			}
			if m.class == mxSTRUCT && m.name == name {
				return m.structs(f)
			}
		}
		data = rest
	}
	return nil
}

// inflateElement unpacks a compressed element and reads its tag.
func inflateElement(packed []byte, order binary.ByteOrder) (kind int, body []byte, err error) {
	z, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return 0, nil, fmt.Errorf("inflate: %w", unexpectedEOF(err))
	}
	data, err := io.ReadAll(io.LimitReader(z, maxMeta+1))
	if err != nil {
		return 0, nil, fmt.Errorf("inflate: %w", unexpectedEOF(err))
	}
	if len(data) > maxMeta {
		return 0, nil, fmt.Errorf("inflates to more than %d bytes", maxMeta)
	}
	kind, body, _, err = matElement(data, order)
	return kind, body, err
}

// matElement splits the first element off data. A small one has its length in
// the upper half of the type word and its bytes in the same eight.
func matElement(data []byte, order binary.ByteOrder) (kind int, body, rest []byte, err error) {
	if len(data) < matTag {
		return 0, nil, nil, errors.New("the file is truncated")
	}
	word := order.Uint32(data)
	if n := int(word >> 16); n != 0 {
		if n > 4 {
			return 0, nil, nil, fmt.Errorf("a small element claims %d bytes", n)
		}
		return int(word & 0xffff), data[4 : 4+n], data[8:], nil
	}
	n := uint64(order.Uint32(data[4:]))
	data = data[matTag:]
	if n > uint64(len(data)) {
		return 0, nil, nil, fmt.Errorf("an element claims %d bytes, %d are left", n, len(data))
	}
	padded := min((n+7)&^7, uint64(len(data)))
	return int(word), data[:n], data[padded:], nil
}

// Classes of matrix that are of use here.
const (
	mxSTRUCT = 2
	mxCHAR   = 4
)

// matrix is an element of type miMATRIX, its values unread.
type matrix struct {
	order  binary.ByteOrder
	class  int
	n      int // number of values
	name   string
	values []byte // elements
}

// parseMatrix reads flags, dimensions and name.
func parseMatrix(body []byte, order binary.ByteOrder) (m matrix, err error) {
	m = matrix{order: order, n: 1, values: body}
	if len(body) == 0 { // an empty array
		m.n = 0
		return m, nil
	}
	var flags, dims, name []byte
	for _, part := range []*[]byte{&flags, &dims, &name} {
		if _, *part, m.values, err = matElement(m.values, order); err != nil {
			return m, err
		}
	}
	if len(flags) < 8 {
		return m, errors.New("array flags are too short")
	}
	m.class, m.name = int(order.Uint32(flags)&0xff), string(name)
	for ; len(dims) >= 4; dims = dims[4:] {
		d := uint64(order.Uint32(dims))
		if d != 0 && uint64(m.n) > uint64(len(body))/d {
			return m, fmt.Errorf("an array claims dimensions beyond its %d bytes", len(body))
		}
		m.n *= int(d)
	}
	return m, nil
}

// structs calls f with every element of a struct array.
func (m matrix) structs(f func(map[string]matCell) error) error {
	_, width, rest, err := matElement(m.values, m.order)
	if err != nil {
		return err
	}
	_, joined, rest, err := matElement(rest, m.order)
	if err != nil {
		return err
	}
	if len(width) != 4 || m.order.Uint32(width) == 0 || m.order.Uint32(width) > 64 {
		return errors.New("a struct array has field names of no length")
	}
	var names []string
	for w := int(m.order.Uint32(width)); len(joined) >= w; joined = joined[w:] {
		name, _, _ := strings.Cut(string(joined[:w]), "\x00")
		names = append(names, name)
	}
	for range m.n {
		fields := map[string]matCell{}
		for _, name := range names {
			var body []byte
			if _, body, rest, err = matElement(rest, m.order); err != nil {
				return err
			}
			if fields[name], err = m.cell(body); err != nil {
				return fmt.Errorf("field %q: %w", name, err)
			}
		}
		if err := f(fields); err != nil {
			return err
		}
	}
	return nil
}

// cell reads a field's value. What is neither text nor numbers is empty.
func (m matrix) cell(body []byte) (c matCell, err error) {
	v, err := parseMatrix(body, m.order)
	if err != nil || v.n == 0 {
		return c, err
	}
	kind, values, _, err := matElement(v.values, m.order)
	if err != nil {
		return c, err
	}
	if v.class == mxCHAR && kind == miUTF8 {
		c.text = string(values)
		return c, nil
	}
	size := matSizes[kind]
	if size == 0 {
		return c, nil
	}
	var text strings.Builder
	for ; len(values) >= size; values = values[size:] {
		x := matNumber(kind, values, m.order)
		if v.class == mxCHAR {
			text.WriteRune(rune(x))
		} else {
			c.values = append(c.values, x)
		}
	}
	c.text = text.String()
	return c, nil
}

// miUTF8 is the type of text in UTF-8.
const miUTF8 = 16

// matNumber reads one value of a storage type.
func matNumber(kind int, b []byte, order binary.ByteOrder) float64 {
	switch kind {
	case miINT8:
		return float64(int8(b[0]))
	case miUINT8:
		return float64(b[0])
	case miINT16:
		return float64(int16(order.Uint16(b)))
	case miUINT16:
		return float64(order.Uint16(b))
	case miINT32:
		return float64(int32(order.Uint32(b)))
	case miUINT32:
		return float64(order.Uint32(b))
	case miSINGLE:
		return float64(math.Float32frombits(order.Uint32(b)))
	}
	return math.Float64frombits(order.Uint64(b))
}
