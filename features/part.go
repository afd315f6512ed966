package features

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"time"

	"github.com/oodflow/oodflow/internal/atomicfile"
)

// Part says how an unfinished set is kept, so that what was done is not lost with the process.
type Part struct {
	// Key is what the images of the set depend on and its header does not say. A set with another key is not gone on with.
	Key map[string]string
	// Every is the time between two syncs to the disk, 0 for DefaultEvery: what a power cut can cost. The end of the
	// process alone, by kill -9 say, costs nothing that was appended.
	Every time.Duration
	// Mark is told by Resume of the mark of every batch that is there, in order. It is valid until Mark returns.
	Mark func(mark []byte) error
}

// DefaultEvery is the time between two syncs.
const DefaultEvery = 3 * time.Second

// PartPath is where the batches of the set at path are until it is complete, "" when path is something that is written
// directly, like a pipe.
func PartPath(path string) string {
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() {
		return ""
	}
	return path + ".part"
}

// Begin is Create for a set that can be gone on with when the process ends before Close does: its batches are in the file
// PartPath(path), which this process has for itself. Whatever was in it is lost.
func Begin(path string, h Header, p Part) (*Writer, error) {
	w, key, f, err := openPart(path, h, p)
	if err != nil {
		return nil, err
	}
	if err = f.Truncate(0); err == nil {
		w.log, err = newLog(f, key)
	}
	if err != nil {
		atomicfile.Disown(f)
		return nil, fmt.Errorf("write %s: %w", f.Name(), bare(err))
	}
	return w, nil
}

// Found is what Resume goes on from.
type Found struct {
	Lost    int64  // bytes that were cut off: the last batch, half written, or what a damage made worthless
	Version string // of oodflow that wrote it
}

// Resume goes on with a set that was begun and not closed, after the last batch that is whole. Without a file
// PartPath(path) the error is fs.ErrNotExist; another header or key is a *ResumeError. A file that is not gone on with
// stays.
func Resume(path string, h Header, p Part) (*Writer, Found, error) {
	var found Found
	if _, err := os.Lstat(PartPath(path)); err != nil {
		return nil, found, fmt.Errorf("read %s: %w", PartPath(path), bare(err))
	}
	w, key, f, err := openPart(path, h, p)
	if err != nil {
		return nil, found, err
	}
	if w.log, found, err = openLog(f, key, p.Mark); err != nil {
		f.Close()
		return nil, found, fmt.Errorf("%s: %w", f.Name(), bare(err))
	}
	return w, found, nil
}

// openPart opens the file of an unfinished set.
func openPart(path string, h Header, p Part) (*Writer, logKey, *os.File, error) {
	w, err := newWriter(path, h)
	if err != nil {
		return nil, logKey{}, nil, err
	}
	f, err := atomicfile.Own(PartPath(path))
	if err != nil {
		return nil, logKey{}, nil, fmt.Errorf("write %s: %w", PartPath(path), bare(err))
	}
	if w.kept, w.every = true, p.Every; w.every == 0 {
		w.every = DefaultEvery
	}
	return w, h.key(p.Key), f, nil
}

// key is what an unfinished set must have in common with the one that goes on: all of the header except the version of
// oodflow, and more.
func (h Header) key(more map[string]string) logKey {
	m := h.metadata()
	maps.Copy(m, more)
	delete(m, "version")
	if h.Head != nil {
		m["head"] = h.Head.sum()
	}
	if h.Shard != nil {
		m[mShard] = h.Shard.String() // as it is to be read in messages
	}
	return logKey{Version: h.Provenance.Version, D: h.D, C: h.C, Key: m}
}

// sum is the SHA-256 of W and b, in hexadecimal.
func (h *Head) sum() string {
	s := sha256.New()
	s.Write(appendBits(appendBits(nil, h.W), h.B))
	return hex.EncodeToString(s.Sum(nil))
}

// sync hands the log to the system, which keeps it when the process ends, and has it written to the disk when that is due,
// while the next batches are made.
func (w *Writer) sync() error {
	if !w.kept {
		return nil
	}
	if err := w.log.w.Flush(); err != nil {
		return err
	}
	if time.Since(w.synced) < w.every {
		return nil
	}
	if err := w.settle(); err != nil {
		return err
	}
	w.safe, w.synced, w.syncs = true, time.Now(), make(chan error, 1)
	go func(f *os.File, done chan<- error) { done <- f.Sync() }(w.log.f, w.syncs)
	return nil
}

// settle waits for the sync under way.
func (w *Writer) settle() error {
	if w.syncs == nil {
		return nil
	}
	err := <-w.syncs
	w.syncs = nil
	return err
}

// Safe reports whether some of the set has been synced to the disk, and so whether it is worth keeping.
func (w *Writer) Safe() bool { return w.safe }

// Keep closes the Writer and leaves what it has for Resume. An error means that the last batches may not be in it.
func (w *Writer) Keep() error {
	if w.log == nil || w.log.f == nil {
		return nil
	}
	err := w.settle()
	if err == nil {
		err = w.log.w.Flush()
	}
	if err == nil {
		err = w.log.f.Sync()
	}
	w.log.f.Close()
	w.log.f = nil
	w.fail(fmt.Errorf("write %s: the writer is closed", w.path))
	if err != nil {
		return fmt.Errorf("write %s: %w", PartPath(w.path), bare(err))
	}
	return nil
}
