// Package npy reads NumPy's .npy and .npz files, from their public specification
// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html): plain arrays of numbers and
// strings, of either byte order, in C order or, with up to two axes, in Fortran order. Object arrays, which
// are Python pickles, are refused. A shape is believed only as far as there are bytes for it.
package npy

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"

	"github.com/oodflow/oodflow/internal/safetensors"
)

// Array is one array whose header has been read. Its elements are read once, by one of the typed readers.
type Array struct {
	Name  string // the member's name in a .npz file without the ending, "" for a .npy file
	Shape []int  // no axes: a scalar

	h       *header
	n       int64     // elements
	r       io.Reader // positioned at the data
	trusted bool      // the bytes were seen to be there
	read    bool
	next    int64 // element that Next reads
}

// NewArray reads the header of the .npy data in r, of which size bytes are present.
func NewArray(r io.Reader, size int64) (*Array, error) { return newArray(r, size, true) }

// newArray does so; trusted is false when size is only a claim.
func newArray(r io.Reader, size int64, trusted bool) (*Array, error) {
	h, err := readHeader(r)
	if err != nil {
		return nil, err
	}
	n, bytes, err := h.count()
	switch {
	case err != nil:
		return nil, err
	case bytes > size-h.length:
		return nil, fmt.Errorf("is truncated: %s %v takes %d bytes, %d are there", h.dtype, h.shape, bytes, max(size-h.length, 0))
	case bytes < size-h.length:
		return nil, fmt.Errorf("has %d bytes after its array %s %v", size-h.length-bytes, h.dtype, h.shape)
	case n > math.MaxInt/8:
		return nil, errors.New("is too large for this machine")
	case h.fortran && len(h.shape) > 2:
		return nil, fmt.Errorf("stores the shape %v in Fortran order; save np.ascontiguousarray(x)", h.shape)
	}
	return &Array{Shape: h.shape, h: h, n: n, r: r, trusted: trusted}, nil
}

// DType names the element type as safetensors files do: "F32", "I64", ..., "BOOL", and "strings".
func (a *Array) DType() string { return a.h.dtype.String() }

// IsFloat reports whether the elements are floating-point numbers.
func (a *Array) IsFloat() bool { return a.h.dtype.kind == 'f' }

// IsInt reports whether the elements are integers or booleans.
func (a *Array) IsInt() bool {
	return a.h.dtype.kind == 'i' || a.h.dtype.kind == 'u' || a.h.dtype.kind == 'b'
}

// IsString reports whether the elements are strings.
func (a *Array) IsString() bool { return a.h.dtype.kind == 'U' || a.h.dtype.kind == 'S' }

// Float32 reads the elements, of any numeric type, row-major. Values beyond float32's range become ±Inf.
func (a *Array) Float32() ([]float32, error) { return elements(a, float32From(a.h.dtype)) }

// InPlace reports whether elements can be read where they lie, by Float32At: those in C order of a .npy file, and of a .npz file
// through [Archive.InPlace].
func (a *Array) InPlace() bool {
	_, ok := a.r.(io.ReaderAt)
	return ok && !a.h.fortran
}

// Float32At reads the len(dst) elements that follow the first from, of any numeric type, row-major. It panics where
// elements cannot be read in place.
func (a *Array) Float32At(dst []float32, from int64) error {
	convert := float32From(a.h.dtype)
	if convert == nil {
		return fmt.Errorf("holds %s, which cannot be read as float32", a.h.dtype)
	}
	size := int64(a.h.dtype.size)
	r := io.NewSectionReader(a.r.(io.ReaderAt), a.h.length, a.n*size)
	if err := safetensors.DecodeAt(dst, r, from, int(size), convert); err != nil {
		return ended(err)
	}
	return nil
}

// Float64 reads the elements, of any numeric type, row-major.
func (a *Array) Float64() ([]float64, error) { return elements(a, float64From(a.h.dtype)) }

// Int64 reads the elements, of any integer or boolean type, row-major. An unsigned value past the range of
// int64 is an error.
func (a *Array) Int64() ([]int64, error) {
	v, err := elements(a, int64From(a.h.dtype))
	if err == nil && a.h.dtype.kind == 'u' && a.h.dtype.size == 8 {
		if i := slices.IndexFunc(v, func(x int64) bool { return x < 0 }); i >= 0 {
			return nil, fmt.Errorf("element %d does not fit a signed 64-bit integer", i)
		}
	}
	return v, err
}

// Bytes reads the elements of an array of unsigned bytes.
func (a *Array) Bytes() ([]byte, error) {
	if a.h.dtype.kind != 'u' || a.h.dtype.size != 1 {
		return elements[byte](a, nil)
	}
	return elements(a, func(dst, src []byte) { copy(dst, src) })
}

// Strings reads the elements of a string array, without the zeros NumPy pads them with.
func (a *Array) Strings() ([]string, error) { return elements(a, stringFrom(a.h.dtype)) }

// elements reads and decodes all elements and, for Fortran order, puts them in place.
func elements[T any](a *Array, decode func(dst []T, src []byte)) ([]T, error) {
	switch {
	case decode == nil:
		return nil, fmt.Errorf("holds %s, which cannot be read as %T", a.h.dtype, *new(T))
	case a.read || a.next > 0:
		return nil, errors.New("was read already")
	}
	a.read = true
	size := max(a.h.dtype.size, 1)
	chunk := max(1, 1<<18/size)
	buf := make([]byte, int(min(int64(chunk), a.n))*size)
	out := make([]T, 0, a.first())
	for int64(len(out)) < a.n {
		m := int(min(int64(chunk), a.n-int64(len(out))))
		if _, err := io.ReadFull(a.r, buf[:m*size]); err != nil {
			return nil, ended(err)
		}
		out = slices.Grow(out, m)[:len(out)+m]
		decode(out[len(out)-m:], buf[:m*size])
	}
	if err := a.atEnd(); err != nil {
		return nil, err
	}
	if !a.Sequential() {
		out = transposed(out, a.Shape[1], a.Shape[0])
	}
	return out, nil
}

// atEnd reads the end of the data, where a checksum that does not match shows.
func (a *Array) atEnd() error {
	k, err := io.ReadFull(a.r, make([]byte, 1))
	switch {
	case k > 0:
		return errors.New("has bytes after its array")
	case !errors.Is(err, io.EOF):
		return ended(err)
	}
	return nil
}

// Sequential reports whether the elements lie in the order in which they are read, which they do not in Fortran order.
func (a *Array) Sequential() bool { return !a.h.fortran || len(a.Shape) < 2 }

// Next reads the next len(dst) elements of a sequential array, of any numeric type. With the last ones it proves that the
// data end there.
func (a *Array) Next(dst []float32) error {
	convert, size := float32From(a.h.dtype), a.h.dtype.size
	switch {
	case convert == nil:
		return fmt.Errorf("holds %s, which cannot be read as float32", a.h.dtype)
	case a.read || !a.Sequential() || int64(len(dst)) > a.n-a.next:
		return errors.New("has no more elements to be read in order")
	}
	buf := make([]byte, min(len(dst)*size, 1<<16))
	for len(dst) > 0 {
		n := min(len(dst), len(buf)/size)
		if _, err := io.ReadFull(a.r, buf[:n*size]); err != nil {
			return ended(err)
		}
		convert(dst[:n], buf[:n*size])
		dst = dst[n:]
		a.next += int64(n)
	}
	if a.next == a.n {
		a.read = true
		return a.atEnd()
	}
	return nil
}

// first is how many elements to make room for at once: all, or what a mere claim is worth.
func (a *Array) first() int {
	if a.trusted {
		return int(a.n)
	}
	return int(min(a.n, 1<<20))
}

// transposed returns the cols×rows transpose of the rows×cols matrix x.
func transposed[T any](x []T, rows, cols int) []T {
	out := make([]T, len(x))
	for i := range rows {
		for j, v := range x[i*cols : (i+1)*cols] {
			out[j*rows+i] = v
		}
	}
	return out
}

func ended(err error) error {
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("is truncated")
	case errors.Is(err, zip.ErrChecksum):
		return errors.New("is damaged: its checksum does not match")
	}
	return err
}

// Open opens the .npy file at path and reads its header. The elements are read from the file, which the
// caller closes. Errors name the file.
func Open(path string) (*Array, io.Closer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", path, reason(err))
	}
	st, err := f.Stat()
	if err == nil {
		var a *Array
		if a, err = NewArray(f, st.Size()); err == nil {
			return a, f, nil
		}
	}
	f.Close()
	return nil, nil, fmt.Errorf("read %s: %w", path, reason(err))
}

// reason strips what package os puts before an error.
func reason(err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	return err
}
