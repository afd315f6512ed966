package features

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/oodflow/oodflow/internal/parquet"
	"github.com/oodflow/oodflow/internal/safetensors"
)

// tableSource is a Parquet file.
type tableSource struct {
	path   string
	f      *parquet.File
	all    []array
	column map[string]int // by the array's name
	open   []*forwardMatrix
	io.Closer
}

func openTableSource(path string) (source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, bare(err))
	}
	var st fs.FileInfo
	var p *parquet.File
	if st, err = f.Stat(); err == nil {
		p, err = parquet.Open(f, st.Size())
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("read %s: %w", path, bare(err))
	}
	s := &tableSource{path: path, f: p, column: map[string]int{}, Closer: f}
	for i, c := range p.Columns {
		if _, twice := s.column[c.Name]; twice {
			k := slices.IndexFunc(s.all, func(a array) bool { return a.name == c.Name })
			s.all[k].kind, s.all[k].err = kindOther, s.errorf(c.Name, "is a list of structs, and no list of numbers")
			continue
		}
		s.column[c.Name] = i
		s.all = append(s.all, s.describe(i))
	}
	return s, nil
}

// describe turns a column into an array.
func (s *tableSource) describe(i int) array {
	c := s.f.Columns[i]
	a := array{name: c.Name, dtype: c.TypeName(), shape: []int64{s.f.Rows}}
	switch {
	case c.List():
		v, err := s.f.Vectors(i)
		if err != nil {
			a.err = fmt.Errorf("read %s: %w", s.path, err)
			return a
		}
		a.dtype, a.kind = string(numberType(v.Width)), kindFloat
		a.shape = append(a.shape, int64(v.Dim))
	case c.Type == parquet.Int32 || c.Type == parquet.Int64:
		a.kind = kindInt
	case c.Type == parquet.ByteArray:
		a.kind = kindString
	}
	return a
}

// numberType is the type of a vector's numbers by their width.
func numberType(width int) safetensors.DType {
	return map[int]safetensors.DType{2: safetensors.F16, 4: safetensors.F32, 8: safetensors.F64}[width]
}

func (s *tableSource) arrays() []array { return s.all }
func (s *tableSource) float32s(name string) ([]float32, error) {
	return nil, s.errorf(name, "is no vector")
}
func (s *tableSource) float64s(name string) ([]float64, error) {
	return nil, s.errorf(name, "holds vectors: labels are a column of whole numbers")
}
func (s *tableSource) bytes(name string) ([]byte, error) { return nil, s.errorf(name, "is no text") }

// metadata is the file's notes, as UTF-8.
func (s *tableSource) metadata() (map[string]string, error) {
	m := map[string]string{}
	for k, v := range s.f.Meta {
		m[k] = strings.ToValidUTF8(v, string(utf8.RuneError))
	}
	return m, nil
}

// head reads the head that our own files have in their notes.
func (s *tableSource) head(own bool, d, c int) (h *Head, err error) {
	w, okW := s.f.Meta[mHeadW]
	b, okB := s.f.Meta[mHeadB]
	if !own || !okW && !okB {
		return nil, nil
	}
	if c == 0 {
		c = len(b) * 3 / 4 / 4
	}
	h = &Head{C: c, D: d}
	if h.B, err = parseFloatNote(b, c); err != nil {
		return nil, fmt.Errorf("read %s: the head b %w", s.path, err)
	}
	if h.W, err = parseFloatNote(w, c*d); err != nil {
		return nil, fmt.Errorf("read %s: the head W %w", s.path, err)
	}
	return h, nil
}

func (s *tableSource) errorf(column, format string, args ...any) error {
	return fmt.Errorf("read %s: column %q: "+format, append([]any{s.path, column}, args...)...)
}

// int64s reads a column of integers, -1 for null: a label that is not known.
func (s *tableSource) int64s(name string) ([]int64, error) {
	var out []int64
	err := s.values(name, func(v parquet.Value) error {
		if v.Null {
			v.Int = -1
		}
		out = append(out, v.Int)
		return nil
	})
	return out, err
}

// maxText bounds the bytes of a column of texts, by what deflate makes of a file.
const maxText = 1032

// strings reads a column of texts. What is not UTF-8 becomes U+FFFD.
func (s *tableSource) strings(name string) ([]string, error) {
	var out []string
	st, err := os.Stat(s.path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", s.path, bare(err))
	}
	left := maxText * st.Size()
	err = s.values(name, func(v parquet.Value) error {
		left -= int64(len(v.Bytes))
		switch {
		case v.Null:
			return s.errorf(name, "row %d is null", len(out))
		case left < 0:
			return s.errorf(name, "holds more text than a file of %d bytes can", st.Size())
		}
		out = append(out, strings.ToValidUTF8(string(v.Bytes), string(utf8.RuneError)))
		return nil
	})
	return out, err
}

// values calls f with every value of a column.
func (s *tableSource) values(name string, f func(parquet.Value) error) error {
	for g := range s.f.Groups() {
		c, err := s.f.Cursor(g, s.column[name])
		for err == nil {
			var v parquet.Value
			if v, err = c.Next(); err == nil {
				if err := f(v); err != nil {
					return err
				}
			}
		}
		if !errors.Is(err, io.EOF) {
			return fmt.Errorf("read %s: %w", s.path, bare(err))
		}
	}
	return nil
}

func (s *tableSource) matrix(name string, cols int) (matrix, error) {
	m := &forwardMatrix{
		path: s.path, rowsN: int(s.f.Rows), cols: cols,
		start: func() (stream, error) { return s.stream(name) },
	}
	s.open = append(s.open, m)
	return m, nil
}

// stream reads a column of vectors from its beginning.
func (s *tableSource) stream(name string) (stream, error) {
	v, err := s.f.Vectors(s.column[name])
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", s.path, err)
	}
	get, width := safetensors.Decode(numberType(v.Width))
	var raw []byte
	return &readStream{func(dst []float32) error {
		for most := max(1, 1<<20/(v.Dim*width)) * v.Dim; len(dst) > 0; {
			part := dst[:min(len(dst), most)]
			if cap(raw) < len(part)*width {
				raw = make([]byte, len(part)*width)
			}
			if err := v.Next(raw[:len(part)*width]); err != nil {
				return fmt.Errorf("read %s: %w", s.path, err)
			}
			get(part, raw[:len(part)*width])
			dst = dst[len(part):]
		}
		return nil
	}, io.NopCloser(nil)}, nil
}

func (s *tableSource) Close() error {
	var err error
	for _, m := range s.open {
		err = errors.Join(err, m.Close())
	}
	return errors.Join(err, s.Closer.Close())
}
