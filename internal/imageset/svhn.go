package imageset

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// svhnSource is the Street View House Numbers' cropped digits: X, uint8 of
// height×width×3×n, and y, the n labels.
type svhnSource struct {
	name, path string
	x          matVar
	labels     []int8
}

func (s *svhnSource) Name() string { return s.name }
func (s *svhnSource) Len() int     { return s.x.dims[3] }

// Classes are the digits.
func (s *svhnSource) Classes() []string {
	digits := make([]string, 10)
	for i := range digits {
		digits[i] = strconv.Itoa(i)
	}
	return digits
}

// openSVHN reads the descriptions of the variables and the labels. The file's
// label 10 is the digit 0; anything outside 1..10 is unlabelled.
func openSVHN(name, path string) (Source, error) {
	f, vars, err := openMAT(path)
	if err != nil {
		return nil, fmt.Errorf("open images %s: %w", name, err)
	}
	defer f.Close()
	s := &svhnSource{name: name, path: path}
	if err := s.find(f, vars); err != nil {
		return nil, fmt.Errorf("open images %s: %w", name, err)
	}
	return s, nil
}

// find picks X and y from the variables of a file.
func (s *svhnSource) find(r io.ReaderAt, vars []matVar) error {
	x := slices.IndexFunc(vars, func(v matVar) bool { return v.name == "X" })
	y := slices.IndexFunc(vars, func(v matVar) bool { return v.name == "y" })
	if x < 0 || y < 0 {
		return errors.New("no variables X and y: expected SVHN's cropped digits (train_32x32.mat, test_32x32.mat or extra_32x32.mat)")
	}
	s.x = vars[x]
	if len(s.x.dims) == 3 { // MATLAB drops a last dimension of one
		s.x.dims = append(s.x.dims, 1)
	}
	d := s.x.dims
	if s.x.kind != miUINT8 || len(d) != 4 || d[2] != 3 || s.x.n == 0 || d[0] > MaxPixels/d[1] {
		return fmt.Errorf("variable X has dimensions %v: expected uint8 of 32×32×3×n", vars[x].dims)
	}
	if vars[y].n != d[3] {
		return fmt.Errorf("variable y has %d labels for %d images", vars[y].n, d[3])
	}
	err := vars[y].integers(r, func(label int64) {
		switch {
		case label == 10:
			label = 0
		case label < 1 || label > 10:
			label = Unlabelled
		}
		s.labels = append(s.labels, int8(label))
	})
	if err != nil {
		return fmt.Errorf("read y: %w", err)
	}
	if len(s.labels) != d[3] {
		return errors.New("the file changes while it is read")
	}
	return nil
}

func (s *svhnSource) read(from int) (reader, error) {
	f, _, err := openRegular(s.path)
	if err != nil {
		return nil, err
	}
	values, err := s.x.open(f)
	if err == nil && values.n != s.x.n {
		values.Close()
		err = errChanged
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("read %s: %w", s.path, err)
	}
	return startAt(&svhnReader{source: s, file: f, values: values, base: filepath.Base(s.path)}, from)
}

// svhnReader reads image after image from the stream of X.
type svhnReader struct {
	source *svhnSource
	file   *os.File
	values *matValues
	base   string
	i      int
}

func (r *svhnReader) next(it *item) error {
	d := r.source.x.dims
	if r.i == d[3] {
		return io.EOF
	}
	it.buf = resize(it.buf, d[0]*d[1]*3)
	if _, err := io.ReadFull(r.values.r, it.buf); err != nil {
		return fmt.Errorf("read image %d of %s: %w", r.i, r.base, unexpectedEOF(err))
	}
	it.id = fmt.Sprintf("%s#%d", r.base, r.i)
	it.label = int64(r.source.labels[r.i])
	it.raw = r.source.image
	r.i++
	if r.i == d[3] {
		return r.finish()
	}
	return nil
}

// image reads the pixels of an image.
func (s *svhnSource) image(m *Image, buf []byte) { *m = *columnMajorRGB(buf, s.x.dims[1], s.x.dims[0]) }

// finish reads past the last value, where zlib checks its sum.
func (r *svhnReader) finish() error {
	if _, err := io.Copy(io.Discard, io.LimitReader(r.values.r, 64)); err != nil {
		return fmt.Errorf("read end of X in %s: %w", r.base, unexpectedEOF(err))
	}
	return nil
}

func (r *svhnReader) Close() error { return errors.Join(r.values.Close(), r.file.Close()) }
