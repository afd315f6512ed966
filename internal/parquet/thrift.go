package parquet

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// Types of Thrift's compact protocol, as far as Parquet's structs use them.
const (
	typeTrue   = 1
	typeFalse  = 2
	typeByte   = 3
	typeI16    = 4
	typeI32    = 5
	typeI64    = 6
	typeDouble = 7
	typeBinary = 8
	typeList   = 9
	typeSet    = 10
	typeMap    = 11
	typeStruct = 12
)

// maxDepth bounds how structs and lists may be nested; Parquet's go seven deep.
const maxDepth = 16

// thrift reads structs in Thrift's compact protocol. It never reads more than
// left bytes, so that no length or count in them is believed beyond these.
type thrift struct {
	r     *bufio.Reader
	left  int64
	depth int
}

var errLong = errors.New("a struct goes beyond its bytes")

func (t *thrift) byte() (byte, error) {
	if t.left <= 0 {
		return 0, errLong
	}
	t.left--
	b, err := t.r.ReadByte()
	return b, truncated(err)
}

// unsigned reads a number of seven bits a byte, low ones first.
func (t *thrift) unsigned() (v uint64, err error) {
	for shift := 0; shift < 64; shift += 7 {
		b, err := t.byte()
		if err != nil {
			return 0, err
		}
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v, nil
		}
	}
	return 0, errors.New("a number is longer than 64 bits")
}

// integer reads a zigzag-coded number.
func (t *thrift) integer() (int64, error) {
	v, err := t.unsigned()
	return int64(v>>1) ^ -int64(v&1), err
}

// text reads a string of at most most bytes.
func (t *thrift) text(most int64) (string, error) {
	n, err := t.unsigned()
	if err != nil {
		return "", err
	}
	if n > uint64(min(most, t.left)) {
		return "", fmt.Errorf("a text claims %d bytes", n)
	}
	b := make([]byte, n)
	t.left -= int64(n)
	_, err = io.ReadFull(t.r, b)
	return string(b), truncated(err)
}

// fields reads a struct: f gets the number and the type of each field and reads
// or skips it.
func (t *thrift) fields(f func(id int, kind byte) error) error {
	if t.depth++; t.depth > maxDepth {
		return errors.New("structs are nested too deep")
	}
	defer func() { t.depth-- }()
	id := 0
	for {
		head, err := t.byte()
		if err != nil {
			return err
		}
		if head == 0 {
			return nil
		}
		id += int(head >> 4)
		if head>>4 == 0 {
			v, err := t.integer()
			if err != nil {
				return err
			}
			id = int(int16(v))
		}
		if err := f(id, head&0x0f); err != nil {
			return err
		}
	}
}

// list reads a list or set: f gets the type of its elements, once for each.
func (t *thrift) list(f func(kind byte) error) error {
	if t.depth++; t.depth > maxDepth {
		return errors.New("lists are nested too deep")
	}
	defer func() { t.depth-- }()
	head, err := t.byte()
	if err != nil {
		return err
	}
	n := uint64(head >> 4)
	if n == 15 {
		if n, err = t.unsigned(); err != nil {
			return err
		}
	}
	if n > uint64(t.left) { // an element takes at least a byte
		return fmt.Errorf("a list claims %d elements", n)
	}
	for range n {
		if err := f(head & 0x0f); err != nil {
			return err
		}
	}
	return nil
}

// skip passes over a value. inList is whether it is an element, where a boolean
// takes a byte.
func (t *thrift) skip(kind byte, inList bool) error {
	switch kind {
	case typeTrue, typeFalse:
		if !inList {
			return nil
		}
		return t.discard(1)
	case typeByte:
		return t.discard(1)
	case typeI16, typeI32, typeI64:
		_, err := t.unsigned()
		return err
	case typeDouble:
		return t.discard(8)
	case typeBinary:
		n, err := t.unsigned()
		if err != nil {
			return err
		}
		return t.discard(n)
	case typeList, typeSet:
		return t.list(func(kind byte) error { return t.skip(kind, true) })
	case typeStruct:
		return t.fields(func(_ int, kind byte) error { return t.skip(kind, false) })
	}
	return fmt.Errorf("a field of type %d", kind) // typeMap: Parquet has none
}

func (t *thrift) discard(n uint64) error {
	if n > uint64(t.left) {
		return errLong
	}
	t.left -= int64(n)
	_, err := t.r.Discard(int(n))
	return truncated(err)
}

// into reads an integer field into dst; a field of another type is an error.
func (t *thrift) into(dst *int64, kind byte) (err error) {
	if kind != typeI32 && kind != typeI64 && kind != typeI16 {
		return fmt.Errorf("a number has type %d", kind)
	}
	*dst, err = t.integer()
	return err
}

// truncated names the end of the file for what it is.
func truncated(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the file is truncated")
	}
	return err
}
