package features

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/oodflow/oodflow/internal/safetensors"
)

// Save writes a whole set to path.
func Save(path string, s *Set) error {
	h := Header{D: s.D, C: s.C, Head: s.Head, Classes: s.Classes, Provenance: s.Provenance, Shard: s.Shard}
	b := Batch{Features: s.Features, Logits: s.Logits, Labels: s.Labels, IDs: s.IDs}
	n := 0
	err := h.check()
	if err == nil {
		n, err = h.rows(b)
	}
	if err == nil && n == 0 {
		err = errNoImage
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	set := *s
	set.N = n
	return NewReader(&set).Save(context.Background(), path)
}

var errNoImage = errors.New("there is no image to write")

// Save writes the set to path, some rows at a time: it need not fit in memory. Cancelled, it writes nothing.
func (r *Reader) Save(ctx context.Context, path string) error {
	_, err := r.SaveAs(ctx, path, SaveOptions{Format: Safetensors})
	return err
}

// cancellable is a writer that fails once ctx is cancelled.
type cancellable struct {
	ctx context.Context
	io.Writer
}

func (c cancellable) Write(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.Writer.Write(b)
}

// tensors writes a safetensors file: header, then the columns, widest type first so that each is aligned.
func (s *saver) tensors(out io.Writer) error {
	r := s.r
	n, d, c := int64(r.N), int64(r.D), int64(r.C)
	text, err := r.textSize()
	if err != nil {
		return err
	}
	var infos []safetensors.Info
	add := func(name string, t safetensors.DType, shape ...int64) {
		infos = append(infos, safetensors.Info{Name: name, DType: t, Shape: shape})
	}
	matrices := func() {
		add(tFeatures, s.dtype, n, d)
		if r.logits != nil {
			add(tLogits, s.dtype, n, c)
		}
	}
	if r.Labels != nil {
		add(tLabels, safetensors.I64, n)
	}
	if r.named() {
		add(tOffsets, safetensors.I64, n+1)
	}
	if s.dtype == safetensors.F32 {
		matrices()
	}
	if r.Head != nil {
		add(tW, safetensors.F32, int64(r.Head.C), d)
		add(tB, safetensors.F32, int64(r.Head.C))
	}
	if s.dtype != safetensors.F32 {
		matrices()
	}
	if r.named() {
		add(tIDs, safetensors.U8, text)
	}
	w, err := safetensors.NewWriter(out, infos, r.metadata())
	if err != nil {
		return err
	}
	for _, info := range infos {
		if err := s.tensor(w, info.Name); err != nil {
			return err
		}
	}
	return w.Close()
}

// metadata is what a file with the set carries.
func (r *Reader) metadata() map[string]string {
	return Header{Classes: r.Classes, Provenance: r.Provenance, Shard: r.Shard}.metadata()
}

// tensor writes one tensor.
func (s *saver) tensor(w *safetensors.Writer, name string) error {
	switch name {
	case tLabels:
		return w.Int64(s.r.Labels)
	case tOffsets:
		return s.r.eachEnd(func(end int64) error { return w.Int64([]int64{end}) })
	case tIDs:
		return s.r.eachID(func(id string) error {
			_, err := io.WriteString(w, id)
			return err
		})
	case tFeatures:
		return s.features(w.Float32)
	case tLogits:
		return s.logits(w.Float32)
	case tW:
		return w.Float32(s.r.Head.W)
	}
	return w.Float32(s.r.Head.B)
}

// eachEnd calls f with 0 and the end of every id in the text of all.
func (r *Reader) eachEnd(f func(end int64) error) error {
	end := int64(0)
	if err := f(0); err != nil {
		return err
	}
	return r.eachID(func(id string) error {
		end += int64(len(id))
		return f(end)
	})
}

// named tells whether the images have ids of their own.
func (r *Reader) named() bool {
	_, numbered := r.ids.(numberedIDs)
	return !numbered
}

// textSize is the number of bytes of all ids.
func (r *Reader) textSize() (size int64, err error) {
	if !r.named() {
		return 0, nil
	}
	err = r.eachID(func(id string) error {
		size += int64(len(id))
		return nil
	})
	return size, err
}

// eachID calls f with every id in order, as UTF-8.
func (r *Reader) eachID(f func(id string) error) error {
	return r.each(4096, func(index []int) error {
		ids, err := r.ids.read(index)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := f(strings.ToValidUTF8(id, string(utf8.RuneError))); err != nil {
				return err
			}
		}
		return nil
	})
}

// rowsAtATime is how many rows make up about a megabyte.
func rowsAtATime(cols int) int { return max(1, 1<<18/cols) }

// each calls f with the numbers of all images in order, at most so many at a time.
func (r *Reader) each(most int, f func(index []int) error) error {
	for from := 0; from < r.N; from += most {
		if err := f(Span(from, min(from+most, r.N))); err != nil {
			return err
		}
	}
	return nil
}
