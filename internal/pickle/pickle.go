// Package pickle reads values that Python's pickle module wrote, and executes
// nothing. A pickle is a program for a small stack machine, and Python's own
// reader runs whatever function it names. This one knows the instructions that
// build plain values and, of functions, only those by which NumPy restores an
// array; anything else is refused by name.
//
// Format: protocols 0 to 5 as described in Python's pickletools module.
package pickle

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// A value is nil, bool, int64, float64, string, or one of these types. Lists,
// dicts and arrays that a pickle uses twice are one and the same here too.
type (
	// Bytes is a bytes or bytearray object, or a string of Python 2.
	Bytes []byte
	// Tuple is a tuple.
	Tuple []any
	// List is a list.
	List struct{ Items []any }
	// Dict is a dict: pairs in the order in which they were set.
	Dict struct{ Keys, Values []any }
	// Array is a NumPy array of numbers or booleans.
	Array struct {
		// Kind is NumPy's letter: b boolean, i signed, u unsigned, f float.
		Kind byte
		// Size is the bytes of one value.
		Size int
		// Big tells that values of several bytes have the highest first.
		Big bool
		// Shape is the length of each axis.
		Shape []int
		// Fortran tells that the first axis varies fastest, not the last.
		Fortran bool
		// Data is the values.
		Data Bytes

		built bool
	}
)

// maxObjects bounds the values, and the entries of the memo, that a pickle may
// have. An instruction of one byte can make one, which takes up to a hundred
// bytes of memory. CIFAR-100's training images have 200,000.
const maxObjects = 2 << 20

// Read reads the one pickle that r begins with. size is the number of bytes
// that r has at most: nothing longer is allocated, and memory grows with what
// is actually there. Bytes after the pickle are not read, or passed over.
func Read(r io.Reader, size int64) (any, error) {
	m := machine{in: &input{r: bufio.NewReaderSize(r, 64<<10), left: size}, memo: map[int64]any{}}
	for {
		at := m.in.at
		op, err := m.in.byte()
		if err != nil {
			return nil, err
		}
		if op == opStop {
			v, err := m.pop()
			if err != nil {
				return nil, fmt.Errorf("at byte %d: %w", at, err)
			}
			return plain(v)
		}
		if err := m.step(op); err != nil {
			if errors.Is(err, errTruncated) {
				return nil, err
			}
			return nil, fmt.Errorf("at byte %d: %w", at, err)
		}
	}
}

// plain refuses what is of use only while a pickle is read.
func plain(v any) (any, error) {
	switch v := v.(type) {
	case function, *dtype, mark:
		return nil, errors.New("the pickle holds no value")
	case *Array:
		if !v.built {
			return nil, errors.New("the pickle's array has no contents")
		}
	}
	return v, nil
}

// Text returns a string, of Python 2 or 3.
func Text(v any) (s string, ok bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case Bytes:
		return string(v), true
	}
	return "", false
}

// Get returns the value of the last key that is this text, nil when there is
// none.
func (d *Dict) Get(key string) any {
	for i := len(d.Keys) - 1; i >= 0; i-- {
		if b, ok := d.Keys[i].(Bytes); ok && len(b) != len(key) {
			continue // do not copy a long one
		}
		if s, ok := Text(d.Keys[i]); ok && s == key {
			return d.Values[i]
		}
	}
	return nil
}
