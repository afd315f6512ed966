package imageset

import (
	"bufio"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"math"
)

// matValues is a variable whose values are being read.
type matValues struct {
	matVar
	r    *bufio.Reader // at the next value
	zlib io.Closer
}

func (v *matValues) Close() error {
	if v.zlib == nil {
		return nil
	}
	return v.zlib.Close()
}

// open reads the variable's description and leaves the reader at its first
// value. The values are streamed: the memory is that of a window.
func (v matVar) open(r io.ReaderAt) (*matValues, error) {
	values := &matValues{matVar: v}
	values.r = bufio.NewReaderSize(io.NewSectionReader(r, v.offset, v.size), 64<<10)
	limit := uint64(v.size) // bytes the matrix can have
	var err error
	if v.compressed {
		limit, err = values.inflate()
	}
	if err == nil {
		err = values.describe(limit)
	}
	if err != nil {
		values.Close()
		return nil, err
	}
	return values, nil
}

// inflate puts a zlib reader before the values and reads the tag of the matrix
// in it. It returns the bytes that the matrix has.
func (v *matValues) inflate() (uint64, error) {
	z, err := zlib.NewReader(v.r)
	if err != nil {
		return 0, fmt.Errorf("inflate: %w", unexpectedEOF(err))
	}
	v.r, v.zlib = bufio.NewReaderSize(z, 64<<10), z
	kind, n, _, err := v.tag()
	if err != nil {
		return 0, err
	}
	if kind != miMATRIX {
		return 0, errNotNumeric
	}
	if uint64(n) > uint64(v.size)*maxInflate {
		return 0, fmt.Errorf("claims %d bytes, more than %d compressed ones can hold", n, v.size)
	}
	return uint64(n), nil
}

// describe reads flags, dimensions, name and the tag of the values. limit is
// the number of bytes that the whole variable can have.
func (v *matValues) describe(limit uint64) error {
	flags, err := v.small(miUINT32, 8)
	if err != nil {
		return err
	}
	const firstNumeric, lastNumeric, complexFlag = 6, 15, 0x08
	if len(flags) < 8 {
		return errors.New("array flags are too short")
	}
	word := v.order.Uint32(flags)
	if class := word & 0xff; class < firstNumeric || class > lastNumeric || word>>8&complexFlag != 0 {
		return errNotNumeric
	}
	dims, err := v.small(miINT32, 4*32)
	if err != nil {
		return err
	}
	v.dims, v.n = nil, 1
	for ; len(dims) >= 4; dims = dims[4:] {
		d := v.order.Uint32(dims)
		if d > math.MaxInt32 || d != 0 && uint64(v.n) > limit/uint64(d) {
			return fmt.Errorf("claims dimensions beyond its %d bytes", limit)
		}
		v.dims, v.n = append(v.dims, int(d)), v.n*int(d)
	}
	name, err := v.small(miINT8, 1024)
	if err != nil {
		return err
	}
	v.name = string(name)
	kind, n, small, err := v.tag()
	if err != nil {
		return err
	}
	if matSizes[kind] == 0 || int64(n) != int64(v.n)*int64(matSizes[kind]) || uint64(n) > limit || small && n > 4 {
		return fmt.Errorf("%s has %d bytes of type %d for dimensions %v", v.name, n, kind, v.dims)
	}
	v.kind = kind
	return nil
}

// tag reads an element's tag. A small element has its length in the upper half
// of the type word, and at most four bytes of data follow in the same eight.
func (v *matValues) tag() (kind int, n uint32, small bool, err error) {
	var t [matTag]byte
	if _, err := io.ReadFull(v.r, t[:4]); err != nil {
		return 0, 0, false, unexpectedEOF(err)
	}
	word := v.order.Uint32(t[:4])
	if word>>16 != 0 {
		return int(word & 0xffff), word >> 16, true, nil
	}
	if _, err := io.ReadFull(v.r, t[4:]); err != nil {
		return 0, 0, false, unexpectedEOF(err)
	}
	return int(word), v.order.Uint32(t[4:]), false, nil
}

// small reads a whole element of the given type and at most max bytes,
// with the padding that follows it.
func (v *matValues) small(want int, max uint32) ([]byte, error) {
	kind, n, small, err := v.tag()
	if err != nil {
		return nil, err
	}
	if kind != want || n > max || small && n > 4 {
		return nil, fmt.Errorf("element of type %d and %d bytes where type %d was expected", kind, n, want)
	}
	padded := (n + 7) &^ 7
	if small {
		padded = 4
	}
	data := make([]byte, padded)
	if _, err := io.ReadFull(v.r, data); err != nil {
		return nil, unexpectedEOF(err)
	}
	return data[:n], nil
}

// integers calls f with each value of a variable, which have to be whole
// numbers.
func (v matVar) integers(r io.ReaderAt, f func(int64)) error {
	values, err := v.open(r)
	if err != nil {
		return err
	}
	defer values.Close()
	var buf [8]byte
	b := buf[:matSizes[values.kind]]
	for i := range values.n {
		if _, err := io.ReadFull(values.r, b); err != nil {
			return unexpectedEOF(err)
		}
		n, err := values.integer(b)
		if err != nil {
			return fmt.Errorf("value %d: %w", i, err)
		}
		f(n)
	}
	return nil
}

// integer reads one value, which has to be a whole number.
func (v matVar) integer(b []byte) (int64, error) {
	var f float64
	switch v.kind {
	case miINT8:
		return int64(int8(b[0])), nil
	case miUINT8:
		return int64(b[0]), nil
	case miINT16:
		return int64(int16(v.order.Uint16(b))), nil
	case miUINT16:
		return int64(v.order.Uint16(b)), nil
	case miINT32:
		return int64(int32(v.order.Uint32(b))), nil
	case miUINT32:
		return int64(v.order.Uint32(b)), nil
	case miSINGLE:
		f = float64(math.Float32frombits(v.order.Uint32(b)))
	case miDOUBLE:
		f = math.Float64frombits(v.order.Uint64(b))
	}
	if f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, fmt.Errorf("%v is not a whole number", f)
	}
	return int64(f), nil
}
