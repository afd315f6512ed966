package features

import (
	"encoding/json"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/oodflow/oodflow/internal/npy"
	"github.com/oodflow/oodflow/internal/safetensors"
)

// array writes the features as a .npy file.
func (s *saver) array(out io.Writer) error {
	w, err := npy.NewWriter(out, s.npyType(), int64(s.r.N), int64(s.r.D))
	if err != nil {
		return err
	}
	if err := s.features(w.Float32); err != nil {
		return err
	}
	return w.Close()
}

func (s *saver) npyType() npy.Type {
	if s.dtype == safetensors.F16 {
		return npy.Float16
	}
	return npy.Float32
}

// archive writes a .npz file of arrays named as in a safetensors file.
func (s *saver) archive(out io.Writer) error {
	z := npy.NewArchiveWriter(out)
	for _, write := range []func(*npy.ArchiveWriter) error{s.matrices, s.columns, s.head} {
		if err := write(z); err != nil {
			return err
		}
	}
	text, err := json.Marshal(s.r.metadata())
	if err != nil {
		return err
	}
	w, err := z.Create(mArray, npy.Text(utf8.RuneCount(text)))
	if err != nil {
		return err
	}
	if err := w.Strings(string(text)); err != nil {
		return err
	}
	return z.Close()
}

func (s *saver) matrices(z *npy.ArchiveWriter) error {
	w, err := z.Create(tFeatures, s.npyType(), int64(s.r.N), int64(s.r.D))
	if err != nil {
		return err
	}
	if err := s.features(w.Float32); err != nil || s.r.logits == nil {
		return err
	}
	if w, err = z.Create(tLogits, s.npyType(), int64(s.r.N), int64(s.r.C)); err != nil {
		return err
	}
	return s.logits(w.Float32)
}

// columns writes labels and ids.
func (s *saver) columns(z *npy.ArchiveWriter) error {
	if s.r.Labels != nil {
		w, err := z.Create(tLabels, npy.Int64, int64(s.r.N))
		if err != nil {
			return err
		}
		if err := w.Int64(s.r.Labels); err != nil {
			return err
		}
	}
	if !s.r.named() {
		return nil
	}
	longest, size, zero := 0, int64(0), false
	err := s.r.eachID(func(id string) error {
		longest, size = max(longest, utf8.RuneCountInString(id)), size+int64(len(id))
		zero = zero || strings.HasSuffix(id, "\x00") // which NumPy would take for padding
		return nil
	})
	if err != nil {
		return err
	}
	if padded := 4 * int64(longest) * int64(s.r.N); zero || padded > 1<<20+maxPadding*size {
		return s.packedIDs(z, size)
	}
	w, err := z.Create(tIDs, npy.Text(longest), int64(s.r.N))
	if err != nil {
		return err
	}
	return s.r.eachID(func(id string) error { return w.Strings(id) })
}

// maxPadding is how many times their size ids may take as NumPy's strings, which are all as long as the longest. Ids that
// would take more are packed as in a safetensors file.
const maxPadding = 32

func (s *saver) packedIDs(z *npy.ArchiveWriter, size int64) error {
	w, err := z.Create(tIDs, npy.Uint8, size)
	if err != nil {
		return err
	}
	if err := s.r.eachID(func(id string) error { return w.Bytes([]byte(id)) }); err != nil {
		return err
	}
	if w, err = z.Create(tOffsets, npy.Int64, int64(s.r.N)+1); err != nil {
		return err
	}
	return s.r.eachEnd(func(end int64) error { return w.Int64([]int64{end}) })
}

func (s *saver) head(z *npy.ArchiveWriter) error {
	h := s.r.Head
	if h == nil {
		return nil
	}
	w, err := z.Create(tW, npy.Float32, int64(h.C), int64(h.D))
	if err != nil {
		return err
	}
	if err := w.Float32(h.W); err != nil {
		return err
	}
	if w, err = z.Create(tB, npy.Float32, int64(h.C)); err != nil {
		return err
	}
	return w.Float32(h.B)
}
