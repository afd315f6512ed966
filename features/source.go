package features

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
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
	// metadata is what the file says besides; nil where it says nothing.
	metadata() (map[string]string, error)
	io.Closer
}

var (
	_ source = (*tensorSource)(nil)
	_ source = (*archiveSource)(nil)
	_ source = (*arraySource)(nil)
	_ source = (*tableSource)(nil)
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
func (s *tensorSource) strings(string) ([]string, error)     { panic("safetensors hold no strings") }
func (s *tensorSource) metadata() (map[string]string, error) { return s.Metadata, nil }

// archiveSource is a .npz file.
type archiveSource struct {
	*npy.Archive
	path string
	all  []array
	open []*forwardMatrix
}

func openArchiveSource(path string) (source, error) {
	z, err := npy.OpenArchive(path)
	if err != nil {
		return nil, err
	}
	s := &archiveSource{Archive: z, path: path}
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
	var rows int
	sequential := false
	err := s.Array(name, func(a *npy.Array) error {
		rows, sequential = a.Shape[0], a.Sequential()
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !sequential {
		x, err := s.float32s(name)
		return memoryMatrix{x, cols}, err
	}
	m := &forwardMatrix{
		path: s.path, rowsN: rows, cols: cols,
		start: func() (stream, error) { return s.stream(name) },
		place: func() (matrix, error) {
			a, err := s.InPlace(name)
			if a == nil || err != nil {
				return nil, err
			}
			return fileMatrix{cols, func(dst []float32, from int64) error {
				if err := a.Float32At(dst, from); err != nil {
					return fmt.Errorf("read %s: array %q: %w", s.path, name, err)
				}
				return nil
			}}, nil
		},
	}
	s.open = append(s.open, m)
	return m, nil
}

// stream reads an array from its beginning.
func (s *archiveSource) stream(name string) (stream, error) {
	a, closer, err := s.Archive.Open(name)
	if err != nil {
		return nil, err
	}
	return &readStream{func(dst []float32) error {
		if err := a.Next(dst); err != nil {
			return fmt.Errorf("read %s: array %q: %w", s.path, name, err)
		}
		return nil
	}, closer}, nil
}

// metadata is in an array of its own, as JSON, where oodflow wrote the file.
func (s *archiveSource) metadata() (m map[string]string, err error) {
	i := slices.IndexFunc(s.all, func(a array) bool { return a.name == mArray })
	if i < 0 || s.all[i].kind != kindString || len(s.all[i].shape) > 0 {
		return nil, nil
	}
	text, err := s.strings(mArray)
	if err != nil {
		return nil, err
	}
	if json.Unmarshal([]byte(text[0]), &m) != nil {
		return nil, nil // somebody else's
	}
	return m, nil
}

func (s *archiveSource) Close() error {
	var err error
	for _, m := range s.open {
		err = errors.Join(err, m.Close())
	}
	return errors.Join(err, s.Archive.Close())
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

func (s *arraySource) metadata() (map[string]string, error) { return nil, nil }

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
