package features

import (
	"fmt"
	"io"
	"strings"

	"github.com/oodflow/oodflow/internal/npy"
	"github.com/oodflow/oodflow/internal/safetensors"
)

// kind is what sort of elements an array has.
type kind int

const (
	kindOther kind = iota
	kindFloat
	kindInt
	kindString
)

// array describes one named array of a file.
type array struct {
	name  string // "" for the only array of a .npy file
	dtype string
	kind  kind
	shape []int64
	err   error // why the array cannot be read at all; it matters only if the array is wanted
}

// column reports whether the array holds one value per row.
func (a array) column(n int) bool {
	return len(a.shape) > 0 && a.shape[0] == int64(n) && (len(a.shape) == 1 || len(a.shape) == 2 && a.shape[1] == 1)
}

// dims spells the shape as Python does.
func (a array) dims() string {
	if a.err != nil {
		return "(unreadable)"
	}
	return strings.ReplaceAll(fmt.Sprint(a.shape), " ", ",")
}

// source is a file of named arrays. Errors name the file. Each array is read at most once.
type source interface {
	arrays() []array
	float32s(name string) ([]float32, error)
	float64s(name string) ([]float64, error)
	int64s(name string) ([]int64, error)
	strings(name string) ([]string, error)
	bytes(name string) ([]byte, error)
	// matrix returns a matrix of floating-point numbers with that many columns, to be read by rows.
	matrix(name string, cols int) (matrix, error)
	io.Closer
}

var (
	_ source = (*tensorSource)(nil)
	_ source = (*archiveSource)(nil)
	_ source = (*arraySource)(nil)
)

// tensorSource is a safetensors file.
type tensorSource struct{ *safetensors.File }

func (s *tensorSource) arrays() []array {
	var all []array
	for _, t := range s.Tensors() {
		a := array{name: t.Name, dtype: string(t.DType), shape: t.Shape}
		switch {
		case t.DType.IsFloat():
			a.kind = kindFloat
		case t.DType.IsInt():
			a.kind = kindInt
		}
		all = append(all, a)
	}
	return all
}

func (s *tensorSource) float32s(name string) ([]float32, error) { return s.Float32(name) }
func (s *tensorSource) float64s(name string) ([]float64, error) { return s.Float64(name) }
func (s *tensorSource) int64s(name string) ([]int64, error)     { return s.Int64(name) }
func (s *tensorSource) bytes(name string) ([]byte, error)       { return s.Bytes(name) }
func (s *tensorSource) matrix(name string, cols int) (matrix, error) {
	return fileMatrix{cols, func(dst []float32, from int64) error { return s.Float32At(name, dst, from) }}, nil
}
func (s *tensorSource) strings(string) ([]string, error) { panic("safetensors hold no strings") }

// archiveSource is a .npz file.
type archiveSource struct {
	*npy.Archive
	all []array
}

func openArchiveSource(path string) (source, error) {
	z, err := npy.OpenArchive(path)
	if err != nil {
		return nil, err
	}
	s := &archiveSource{Archive: z}
	for _, name := range z.Names() {
		a := array{name: name}
		a.err = z.Array(name, func(x *npy.Array) error {
			a = describe(x)
			return nil
		})
		s.all = append(s.all, a)
	}
	return s, nil
}

func (s *archiveSource) arrays() []array { return s.all }

func (s *archiveSource) float32s(name string) ([]float32, error) {
	return member(s, name, (*npy.Array).Float32)
}
func (s *archiveSource) float64s(name string) ([]float64, error) {
	return member(s, name, (*npy.Array).Float64)
}
func (s *archiveSource) int64s(name string) ([]int64, error) {
	return member(s, name, (*npy.Array).Int64)
}
func (s *archiveSource) strings(name string) ([]string, error) {
	return member(s, name, (*npy.Array).Strings)
}
func (s *archiveSource) bytes(name string) ([]byte, error) {
	return member(s, name, (*npy.Array).Bytes)
}

func (s *archiveSource) matrix(name string, cols int) (matrix, error) {
	x, err := s.float32s(name)
	return memoryMatrix{x, cols}, err
}

func member[T any](s *archiveSource, name string, read func(*npy.Array) ([]T, error)) (out []T, err error) {
	err = s.Array(name, func(a *npy.Array) error {
		out, err = read(a)
		return err
	})
	return out, err
}

// arraySource is a .npy file.
type arraySource struct {
	path string
	a    *npy.Array
	io.Closer
}

func openArraySource(path string) (source, error) {
	a, closer, err := npy.Open(path)
	if err != nil {
		return nil, err
	}
	return &arraySource{path, a, closer}, nil
}

func (s *arraySource) arrays() []array { return []array{describe(s.a)} }

func (s *arraySource) float32s(string) ([]float32, error) { return only(s, (*npy.Array).Float32) }
func (s *arraySource) float64s(string) ([]float64, error) { return only(s, (*npy.Array).Float64) }
func (s *arraySource) int64s(string) ([]int64, error)     { return only(s, (*npy.Array).Int64) }
func (s *arraySource) strings(string) ([]string, error)   { return only(s, (*npy.Array).Strings) }
func (s *arraySource) bytes(string) ([]byte, error)       { return only(s, (*npy.Array).Bytes) }

func (s *arraySource) matrix(_ string, cols int) (matrix, error) {
	if !s.a.InPlace() {
		x, err := s.float32s("")
		return memoryMatrix{x, cols}, err
	}
	return fileMatrix{cols, func(dst []float32, from int64) error {
		if err := s.a.Float32At(dst, from); err != nil {
			return fmt.Errorf("read %s: %w", s.path, err)
		}
		return nil
	}}, nil
}

func only[T any](s *arraySource, read func(*npy.Array) ([]T, error)) ([]T, error) {
	out, err := read(s.a)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", s.path, err)
	}
	return out, nil
}

// describe turns the header of a NumPy array into ours.
func describe(x *npy.Array) array {
	a := array{name: x.Name, dtype: x.DType()}
	for _, d := range x.Shape {
		a.shape = append(a.shape, int64(d))
	}
	switch {
	case x.IsFloat():
		a.kind = kindFloat
	case x.IsInt():
		a.kind = kindInt
	case x.IsString():
		a.kind = kindString
	}
	return a
}
