package features

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/oodflow/oodflow/internal/atomicfile"
	"github.com/oodflow/oodflow/internal/safetensors"
)

// Header is what is known of a feature set before its first image.
type Header struct {
	D          int        // feature dimension, at least 1
	C          int        // logits per image; 0 for none
	Head       *Head      // nil when not known or not linear
	Classes    []string   // names of the labels, or nil
	Provenance Provenance // metadata of the file
}

// Batch holds the next images of a Writer: n rows, n being len(Features)/D.
type Batch struct {
	Features []float32 // n×D
	Logits   []float32 // n×C; nil when the header's C is 0
	Labels   []int64   // n, or nil: not known
	IDs      []string  // n, or nil: not known
}

// Writer writes a feature set image by image. It keeps the columns in scratch files beside the target, which
// have no name of their own where the system allows, so its memory does not grow with the number of images;
// Close puts them together. While that happens the set takes twice its size on disk.
//
// A Writer is for one goroutine.
type Writer struct {
	path   string
	h      Header
	n      int64
	logits bool
	labels bool // some batch had labels
	ids    bool // some batch had ids

	cols map[string]*spool
	end  int64 // bytes of ids so far
	err  error
}

// Create starts a feature set that Close puts at path. Nothing exists under that name before.
func Create(path string, h Header) (*Writer, error) {
	if err := h.check(); err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		return nil, fmt.Errorf("write %s: is a folder; name a file", path)
	}
	w := &Writer{path: path, h: h, logits: h.C > 0, cols: map[string]*spool{}}
	for _, name := range []string{tFeatures, tLogits, tLabels, tIDs, tOffsets} {
		f, err := atomicfile.Spool(path)
		if err != nil {
			w.Abort()
			return nil, err
		}
		w.cols[name] = &spool{f: f, w: bufio.NewWriterSize(f, 1<<18)}
	}
	w.cols[tOffsets].int64s(0) // into the buffer, which takes it
	return w, nil
}

// Save writes a whole set to path.
func Save(path string, s *Set) error {
	w, err := Create(path, Header{D: s.D, C: s.C, Head: s.Head, Classes: s.Classes, Provenance: s.Provenance})
	if err != nil {
		return err
	}
	defer w.Abort()
	if err := w.Append(Batch{Features: s.Features, Logits: s.Logits, Labels: s.Labels, IDs: s.IDs}); err != nil {
		return err
	}
	return w.Close()
}

func (h Header) check() error {
	switch {
	case h.D < 1:
		return fmt.Errorf("feature dimension %d: must be at least 1", h.D)
	case h.C < 0:
		return fmt.Errorf("%d classes", h.C)
	case h.Head != nil:
		return h.Head.check(h.D, h.C)
	}
	return nil
}

// check tells whether the head maps d features to c logits (c = 0: any number).
func (h *Head) check(d, c int) error {
	switch {
	case h.D != d:
		return fmt.Errorf("the head W takes %d features, the set has %d", h.D, d)
	case c > 0 && h.C != c:
		return fmt.Errorf("the head W gives %d classes, the set has %d logits", h.C, c)
	case h.C < 1 || len(h.W) != h.C*h.D || len(h.B) != h.C:
		return fmt.Errorf("the head is no %d×%d matrix W with %d values b", h.C, h.D, h.C)
	}
	return nil
}

// Append adds the images of b. Ids are stored as UTF-8; bytes of an id that are not (a file name may hold
// any) become U+FFFD. Rows without labels get -1 and rows without ids their number, unless no row of the
// set has any. After an error the Writer only aborts.
func (w *Writer) Append(b Batch) error {
	if w.err != nil {
		return w.err
	}
	n := len(b.Features) / w.h.D
	switch {
	case len(b.Features) != n*w.h.D:
		return w.fail(fmt.Errorf("write %s: %d feature values are no whole rows of %d", w.path, len(b.Features), w.h.D))
	case len(b.Logits) != n*w.h.C:
		return w.fail(fmt.Errorf("write %s: %d rows come with %d logits, not %d", w.path, n, len(b.Logits), n*w.h.C))
	case b.Labels != nil && len(b.Labels) != n:
		return w.fail(fmt.Errorf("write %s: %d rows come with %d labels", w.path, n, len(b.Labels)))
	case b.IDs != nil && len(b.IDs) != n:
		return w.fail(fmt.Errorf("write %s: %d rows come with %d ids", w.path, n, len(b.IDs)))
	}
	w.labels = w.labels || b.Labels != nil
	w.ids = w.ids || b.IDs != nil
	err := errors.Join(w.cols[tFeatures].float32s(b.Features), w.cols[tLogits].float32s(b.Logits))
	for i := range n {
		label, id := int64(-1), ""
		if b.Labels != nil {
			label = b.Labels[i]
		}
		if b.IDs != nil {
			id = strings.ToValidUTF8(b.IDs[i], string(utf8.RuneError))
		} else {
			id = fmt.Sprint(w.n + int64(i))
		}
		w.end += int64(len(id))
		err = errors.Join(err, w.cols[tLabels].int64s(label), w.cols[tIDs].text(id), w.cols[tOffsets].int64s(w.end))
	}
	w.n += int64(n)
	if err != nil {
		return w.fail(fmt.Errorf("write %s: %w", w.path, err))
	}
	return nil
}

// Len returns the number of images appended.
func (w *Writer) Len() int { return int(w.n) }

// Close puts the file together, syncs it and gives it its name. A Writer that failed, was aborted or holds
// no image writes nothing and returns an error. Either way nothing temporary is left.
func (w *Writer) Close() error {
	defer w.Abort()
	if w.err == nil && w.n == 0 {
		w.fail(fmt.Errorf("write %s: there is no image to write", w.path))
	}
	if w.err != nil {
		return w.err
	}
	return atomicfile.Write(w.path, w.assemble)
}

// Abort removes everything. It may be called at any time, any number of times; after Close it does nothing.
func (w *Writer) Abort() error {
	var err error
	for _, c := range w.cols {
		err = errors.Join(err, c.remove())
	}
	w.cols = nil
	w.fail(fmt.Errorf("write %s: the writer is closed", w.path))
	return err
}

// fail remembers the first error, which is what every later call returns.
func (w *Writer) fail(err error) error {
	if w.err == nil {
		w.err = err
	}
	return err
}

// assemble writes the file: header, then the columns, widest type first so that each is aligned.
func (w *Writer) assemble(out io.Writer) error {
	n, d, c := w.n, int64(w.h.D), int64(w.h.C)
	var infos []safetensors.Info
	add := func(name string, t safetensors.DType, shape ...int64) {
		infos = append(infos, safetensors.Info{Name: name, DType: t, Shape: shape})
	}
	if w.labels {
		add(tLabels, safetensors.I64, n)
	}
	if w.ids {
		add(tOffsets, safetensors.I64, n+1)
	}
	add(tFeatures, safetensors.F32, n, d)
	if w.logits {
		add(tLogits, safetensors.F32, n, c)
	}
	if w.h.Head != nil {
		add(tW, safetensors.F32, int64(w.h.Head.C), d)
		add(tB, safetensors.F32, int64(w.h.Head.C))
	}
	if w.ids {
		add(tIDs, safetensors.U8, w.end)
	}
	sw, err := safetensors.NewWriter(out, infos, w.h.metadata())
	if err != nil {
		return err
	}
	for _, info := range infos {
		switch info.Name {
		case tW:
			err = sw.Float32(w.h.Head.W)
		case tB:
			err = sw.Float32(w.h.Head.B)
		default:
			err = w.cols[info.Name].copyTo(sw)
		}
		if err != nil {
			return err
		}
	}
	return sw.Close()
}

// spool is one column on its way to the file.
type spool struct {
	f   *os.File
	w   *bufio.Writer
	buf [8]byte
}

func (s *spool) float32s(x []float32) error {
	for _, v := range x {
		binary.LittleEndian.PutUint32(s.buf[:], math.Float32bits(v))
		if _, err := s.w.Write(s.buf[:4]); err != nil {
			return bare(err)
		}
	}
	return nil
}

func (s *spool) int64s(v int64) error {
	binary.LittleEndian.PutUint64(s.buf[:], uint64(v))
	_, err := s.w.Write(s.buf[:])
	return bare(err)
}

func (s *spool) text(v string) error {
	_, err := s.w.WriteString(v)
	return bare(err)
}

func (s *spool) copyTo(w *safetensors.Writer) error {
	if err := s.w.Flush(); err != nil {
		return bare(err)
	}
	if _, err := s.f.Seek(0, io.SeekStart); err != nil {
		return bare(err)
	}
	_, err := w.ReadFrom(s.f)
	return err
}

func (s *spool) remove() error {
	err := s.f.Close()
	os.Remove(s.f.Name()) // gone already where an open file can be unlinked
	return err
}

// bare drops the scratch file's name from an error: it means nothing to the user.
func bare(err error) error {
	if p := (*os.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	return err
}
