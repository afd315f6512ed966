package features

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/oodflow/oodflow/internal/atomicfile"
)

// Header is what is known of a feature set before its first image.
type Header struct {
	D          int        // feature dimension, at least 1
	C          int        // logits per image; 0 for none
	Head       *Head      // nil when not known or not linear
	Classes    []string   // names of the labels, or nil
	Provenance Provenance // metadata of the file
	Shard      *Shard     // which part of the source it is; nil for all
}

// Batch holds the next images of a Writer: n rows, n being len(Features)/D.
type Batch struct {
	Features []float32 // n×D
	Logits   []float32 // n×C; nil when the header's C is 0
	Labels   []int64   // n, or nil: not known
	IDs      []string  // n, or nil: not known

	// Mark is what [Resume] is to be told of the batch. Other sets have no use for it.
	Mark []byte
}

// Writer writes a feature set image by image. It keeps the batches in a scratch file beside the target, so its memory does not grow
// with the number of images but for some bytes each; Close makes the set out of them. While that happens it takes twice
// its size on disk.
//
// A Writer is for one goroutine.
type Writer struct {
	path string
	h    Header
	log  *batchLog
	err  error

	kept   bool          // the log has a name
	every  time.Duration // between two syncs
	synced time.Time     // when the last sync was begun
	syncs  chan error    // its result; nil when none is under way
	safe   bool          // there was one
}

// Create starts a feature set that Close puts at path. Nothing exists under that name before, and the scratch file has no
// name of its own where the system allows that.
func Create(path string, h Header) (*Writer, error) {
	w, err := newWriter(path, h)
	if err != nil {
		return nil, err
	}
	f, err := atomicfile.Spool(path)
	if err != nil {
		return nil, err
	}
	if w.log, err = newLog(f, logKey{D: h.D, C: h.C}); err != nil {
		w.Abort()
		return nil, fmt.Errorf("write %s: %w", path, bare(err))
	}
	return w, nil
}

func newWriter(path string, h Header) (*Writer, error) {
	if err := h.check(); err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		return nil, fmt.Errorf("write %s: is a folder; name a file", path)
	}
	return &Writer{path: path, h: h, synced: time.Now()}, nil
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

// rows returns the number of images of b, which must fit the set.
func (h Header) rows(b Batch) (int, error) {
	n := len(b.Features) / h.D
	switch {
	case len(b.Features) != n*h.D:
		return 0, fmt.Errorf("%d feature values are no whole rows of %d", len(b.Features), h.D)
	case len(b.Logits) != n*h.C:
		return 0, fmt.Errorf("%d rows come with %d logits, not %d", n, len(b.Logits), n*h.C)
	case b.Labels != nil && len(b.Labels) != n:
		return 0, fmt.Errorf("%d rows come with %d labels", n, len(b.Labels))
	case b.IDs != nil && len(b.IDs) != n:
		return 0, fmt.Errorf("%d rows come with %d ids", n, len(b.IDs))
	}
	return n, nil
}

// Append adds the images of b. Ids are stored as UTF-8; bytes of an id that are not (a file name may hold
// any) become U+FFFD. Rows without labels get -1 and rows without ids their number, unless no row of the
// set has any. After an error the Writer only aborts or keeps what it had before.
func (w *Writer) Append(b Batch) error {
	if w.err != nil {
		return w.err
	}
	n, err := w.h.rows(b)
	if err == nil && n > 0 {
		for i, id := range b.IDs {
			if !utf8.ValidString(id) {
				b.IDs = validIDs(b.IDs, i)
				break
			}
		}
		err = errors.Join(w.log.append(n, b), w.sync())
	}
	if err != nil {
		return w.fail(fmt.Errorf("write %s: %w", w.path, bare(err)))
	}
	return nil
}

// validIDs is a copy of ids in which all from the given one on are UTF-8.
func validIDs(ids []string, from int) []string {
	valid := append([]string(nil), ids...)
	for i := from; i < len(valid); i++ {
		valid[i] = strings.ToValidUTF8(valid[i], string(utf8.RuneError))
	}
	return valid
}

// Len returns the number of images appended, before an interruption too.
func (w *Writer) Len() int { return int(w.log.n) }

// Close puts the file together, syncs it and gives it its name. A Writer that failed, was aborted or holds
// no image writes nothing and returns an error. Nothing temporary is left, except the log of one that [Begin] or [Resume]
// made, if the file could not be written: free some space, and resume.
func (w *Writer) Close() error { return w.CloseContext(context.Background()) }

// CloseContext is Close that can be cancelled, as one that could not write the file.
func (w *Writer) CloseContext(ctx context.Context) error {
	if w.err == nil && w.log.n == 0 {
		w.fail(fmt.Errorf("write %s: %w", w.path, errNoImage))
	}
	if err := w.err; err != nil {
		w.Abort()
		return err
	}
	r, err := w.log.reader(w.h)
	if err == nil {
		err = r.Save(ctx, w.path)
	} else {
		err = fmt.Errorf("write %s: %w", w.path, bare(err))
	}
	if err != nil && w.kept {
		w.fail(err)
		return errors.Join(err, w.Keep())
	}
	return errors.Join(err, w.Abort())
}

// Abort removes everything. It may be called at any time, any number of times; after Close and Keep it does nothing.
func (w *Writer) Abort() error {
	var err error
	if w.log != nil && w.log.f != nil {
		w.settle()
		err = atomicfile.Disown(w.log.f)
		w.log.f = nil
	}
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

// bare drops the scratch file's name from an error: it means nothing to the user.
func bare(err error) error {
	if p := (*os.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	return err
}
