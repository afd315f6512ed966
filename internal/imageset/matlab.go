package imageset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// A MATLAB 5 file is a 128-byte header followed by elements, each a tag (type
// and length) and data. A variable is an element of type miMATRIX, which holds
// further elements: flags, dimensions, name, values; since version 7 it is
// usually wrapped in an element of type miCOMPRESSED, a zlib stream. Layout
// after "MAT-File Format", The MathWorks.
const (
	matHeader = 128
	matTag    = 8

	miINT8       = 1
	miUINT8      = 2
	miINT16      = 3
	miUINT16     = 4
	miINT32      = 5
	miUINT32     = 6
	miSINGLE     = 7
	miDOUBLE     = 9
	miMATRIX     = 14
	miCOMPRESSED = 15
)

// maxInflate is how many times deflate can expand its input at most.
const maxInflate = 1032

// matVar describes a numeric array in a MATLAB file. Nothing of its values has
// been read.
type matVar struct {
	name string
	dims []int // first index varies fastest
	kind int   // storage type of the values, a mi constant
	n    int   // number of values

	offset, size int64 // its element in the file, after the tag
	compressed   bool
	order        binary.ByteOrder
}

// matSizes is the number of bytes of one value by storage type.
var matSizes = map[int]int{
	miINT8: 1, miUINT8: 1, miINT16: 2, miUINT16: 2, miINT32: 4, miUINT32: 4, miSINGLE: 4, miDOUBLE: 8,
}

// errNotNumeric marks a variable that is no plain numeric array; it is passed over.
var errNotNumeric = errors.New("not a numeric array")

// listMAT lists the numeric variables of a file of size bytes.
func listMAT(r io.ReaderAt, size int64) ([]matVar, error) {
	order, err := matOrder(r)
	if err != nil {
		return nil, err
	}
	var vars []matVar
	for at := int64(matHeader); at < size; {
		var tag [matTag]byte
		if _, err := r.ReadAt(tag[:], at); err != nil {
			return nil, fmt.Errorf("the file is truncated at byte %d", at)
		}
		kind, n := order.Uint32(tag[:4]), int64(order.Uint32(tag[4:]))
		v := matVar{offset: at + matTag, size: n, compressed: kind == miCOMPRESSED, order: order}
		if n > size-v.offset {
			return nil, fmt.Errorf("the file is truncated: element at byte %d claims %d bytes, %d are left", at, n, size-v.offset)
		}
		at = v.offset + n
		if !v.compressed {
			at = (at + 7) &^ 7
		}
		if !v.compressed && kind != miMATRIX {
			continue
		}
		values, err := v.open(r)
		if errors.Is(err, errNotNumeric) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("variable at byte %d: %w", v.offset, err)
		}
		values.Close()
		vars = append(vars, values.matVar)
	}
	return vars, nil
}

// matOrder checks the file header and returns its byte order.
func matOrder(r io.ReaderAt) (binary.ByteOrder, error) {
	var h [matHeader]byte
	if _, err := r.ReadAt(h[:], 0); err != nil {
		return nil, fmt.Errorf("not a MATLAB 5 file: shorter than its header of %d bytes", matHeader)
	}
	var order binary.ByteOrder = binary.LittleEndian
	if string(h[126:128]) == "MI" {
		order = binary.BigEndian
	}
	switch version := order.Uint16(h[124:126]); {
	case string(h[126:128]) != "IM" && string(h[126:128]) != "MI":
		return nil, errors.New("not a MATLAB 5 file: no byte order mark in its header")
	case version == 0x0200:
		return nil, errors.New("a MATLAB 7.3 (HDF5) file: save it again with -v7")
	case version != 0x0100:
		return nil, fmt.Errorf("MATLAB file version %#x: expected 0x100 (MATLAB 5 to 7)", version)
	}
	return order, nil
}

// openMAT opens a file and lists its variables.
func openMAT(path string) (*os.File, []matVar, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, nil, err
	}
	vars, err := listMAT(f, size)
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("read %s: %w", path, err)
	}
	return f, vars, nil
}
