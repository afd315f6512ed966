// Package safetensors reads and writes safetensors files: a JSON header naming tensors, then their bytes.
// It is written from the format's public specification (https://github.com/huggingface/safetensors).
//
// A file is
//
//	8 bytes   N, the length of the header, unsigned, little-endian
//	N bytes   JSON in UTF-8: {"name": {"dtype", "shape", "data_offsets": [begin, end]}, ...,
//	          "__metadata__": {"key": "string", ...}}, padded with spaces
//	the rest  the tensors' bytes, little-endian, row-major, without holes; offsets count from here
//
// Everything a header says is checked against the file's size before anything is allocated for it.
package safetensors

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
)

// File is an open safetensors file. Its methods may be called from several goroutines.
type File struct {
	// Metadata is the header's free-form part; empty when the file has none.
	Metadata map[string]string

	name    string
	data    io.ReaderAt
	base    int64 // where the data section starts
	tensors []Info
	byName  map[string]int
	closer  io.Closer
}

// Open opens the file at path and checks its header. Errors name the file.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		var p *fs.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = errors.New("is not a regular file")
	}
	var file *File
	if err == nil {
		file, err = parse(f, st.Size())
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	file.name, file.closer = path, f
	return file, nil
}

// NewFile reads a safetensors file of size bytes from r; name stands for it in errors. Close does not
// close r.
func NewFile(name string, r io.ReaderAt, size int64) (*File, error) {
	f, err := parse(r, size)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	f.name = name
	return f, nil
}

func parse(r io.ReaderAt, size int64) (*File, error) {
	var prefix [8]byte
	if size < 10 { // the length and {}
		return nil, errors.New("too short for a safetensors file")
	}
	if _, err := r.ReadAt(prefix[:], 0); err != nil {
		return nil, full(err)
	}
	n := binary.LittleEndian.Uint64(prefix[:])
	switch {
	case n > maxHeader:
		return nil, fmt.Errorf("claims a header of %d bytes: not a safetensors file, or damaged", n)
	case int64(n) > size-8:
		return nil, fmt.Errorf("claims a header of %d bytes in a file of %d: truncated", n, size)
	}
	raw := make([]byte, n)
	if _, err := r.ReadAt(raw, 8); err != nil {
		return nil, full(err)
	}
	base := 8 + int64(n)
	h, err := parseHeader(raw, size-base)
	if err != nil {
		return nil, err
	}
	f := &File{Metadata: h.metadata, data: r, base: base, tensors: h.tensors, byName: map[string]int{}}
	for i, t := range h.tensors {
		f.byName[t.Name] = i
	}
	return f, nil
}

// Tensors returns the tensors in the order of their bytes in the file. The caller must not change it.
func (f *File) Tensors() []Info { return f.tensors }

// Info returns the description of the tensor called name.
func (f *File) Info(name string) (Info, bool) {
	i, ok := f.byName[name]
	if !ok {
		return Info{}, false
	}
	return f.tensors[i], true
}

// Close closes the file. Slices read from it stay valid.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// Section returns the raw bytes of a tensor as a reader.
func (f *File) Section(name string) (*io.SectionReader, error) {
	t, ok := f.Info(name)
	if !ok {
		return nil, fmt.Errorf("read %s: has no tensor %q", f.name, name)
	}
	return io.NewSectionReader(f.data, f.base+t.begin, t.Size()), nil
}

// Bytes reads the tensor's bytes as they are, whatever its type.
func (f *File) Bytes(name string) ([]byte, error) {
	return read(f, name, "bytes", func(t DType) func(dst, src []byte) {
		return func(dst, src []byte) { copy(dst, src) }
	}, 1)
}

// Float32 reads a tensor of any floating type. Values beyond float32's range become ±Inf.
func (f *File) Float32(name string) ([]float32, error) {
	return read(f, name, "float32", float32From, 0)
}

// Float32At reads the len(dst) elements that follow the first from of a tensor of any floating type, row-major.
func (f *File) Float32At(name string, dst []float32, from int64) error {
	r, err := f.Section(name)
	if err != nil {
		return err
	}
	t, _ := f.Info(name)
	convert := float32From(t.DType)
	if convert == nil {
		return fmt.Errorf("read %s: tensor %q holds %s, which is not read as float32", f.name, name, t.DType)
	}
	if err := DecodeAt(dst, r, from, int(t.DType.bits()/8), convert); err != nil {
		return fmt.Errorf("read %s: tensor %q: %w", f.name, name, full(err))
	}
	return nil
}

// Float64 reads a tensor of any floating type, without loss.
func (f *File) Float64(name string) ([]float64, error) {
	return read(f, name, "float64", float64From, 0)
}

// Int64 reads a tensor of any integer or boolean type. An unsigned value past the range of int64 is an error.
func (f *File) Int64(name string) ([]int64, error) {
	v, err := read(f, name, "int64", int64From, 0)
	if t, ok := f.Info(name); ok && err == nil && t.DType == U64 {
		for i, x := range v {
			if x < 0 {
				return nil, fmt.Errorf("read %s: tensor %q: element %d does not fit a signed 64-bit integer", f.name, name, i)
			}
		}
	}
	return v, err
}

// read converts the tensor chunk by chunk with the function that convert names for its type. width is the
// bytes of one element, 0 for those of the tensor's type.
func read[T any](f *File, name, want string, convert func(DType) func(dst []T, src []byte), width int) ([]T, error) {
	r, err := f.Section(name)
	if err != nil {
		return nil, err
	}
	t, _ := f.Info(name)
	conv := convert(t.DType)
	if conv == nil {
		return nil, fmt.Errorf("read %s: tensor %q holds %s, which is not read as %s", f.name, name, t.DType, want)
	}
	if width == 0 {
		width = int(t.DType.bits() / 8)
	}
	n := r.Size() / int64(width)
	if n > math.MaxInt/8 {
		return nil, fmt.Errorf("read %s: tensor %q is too large for this machine", f.name, name)
	}
	out := make([]T, n)
	buf := make([]byte, min(r.Size(), 1<<18))
	for done := 0; done < len(out); {
		m := min(len(out)-done, len(buf)/width)
		if _, err := io.ReadFull(r, buf[:m*width]); err != nil {
			return nil, fmt.Errorf("read %s: tensor %q: %w", f.name, name, full(err))
		}
		conv(out[done:done+m], buf[:m*width])
		done += m
	}
	return out, nil
}

// full turns an early end, which can only mean that the file shrank while being read, into words.
func full(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the file ended early")
	}
	return err
}
