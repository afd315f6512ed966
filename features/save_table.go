package features

import (
	"encoding/base64"
	"fmt"
	"io"

	"github.com/oodflow/oodflow/internal/parquet"
	"github.com/oodflow/oodflow/internal/safetensors"
)

// groupBytes is about how large a row group is: as large as readers like to take at once.
var groupBytes = 64 << 20

// table writes a Parquet file: id, label, features and logits, the last two as fixed-size lists.
func (s *saver) table(out io.Writer) error {
	r := s.r
	kind := parquet.Float32s
	if s.dtype == safetensors.F16 {
		kind = parquet.Float16s
	}
	put, width := safetensors.Encode(s.dtype)
	var fields []parquet.Field
	var fill []func(w *parquet.Writer, from, to int) error
	add := func(f parquet.Field, write func(w *parquet.Writer, from, to int) error) {
		fields, fill = append(fields, f), append(fill, write)
	}
	if r.named() {
		add(parquet.Field{Name: "id", Kind: parquet.Texts}, s.idPages)
	}
	if r.Labels != nil {
		add(parquet.Field{Name: "label", Kind: parquet.Integers}, s.labelPages)
	}
	var raw []byte
	page := func(w *parquet.Writer) func(rows []float32) error {
		return func(rows []float32) error {
			if size := width * len(rows); cap(raw) < size {
				raw = make([]byte, size)
			}
			raw = raw[:width*len(rows)]
			put(raw, rows)
			return w.Vectors(raw)
		}
	}
	add(parquet.Field{Name: tFeatures, Kind: kind, Dim: r.D}, func(w *parquet.Writer, from, to int) error {
		return s.featuresOf(from, to, page(w))
	})
	if r.logits != nil {
		add(parquet.Field{Name: tLogits, Kind: kind, Dim: r.C}, func(w *parquet.Writer, from, to int) error {
			return s.logitsOf(from, to, page(w))
		})
	}
	w, err := parquet.NewWriter(out, fields, r.notes())
	if err != nil {
		return err
	}
	step := min(1<<20, max(1, groupBytes/(width*(r.D+r.C))))
	for from := 0; from < r.N; from += step {
		to := min(from+step, r.N)
		if err := w.Group(to - from); err != nil {
			return err
		}
		for _, write := range fill {
			if err := write(w, from, to); err != nil {
				return err
			}
		}
	}
	return w.Close()
}

// maxNote is how many numbers a head's W may have to go into the notes, which every reader of the file takes into memory
// at once. As text in base64 they are below what our own reader believes, 16 MiB.
const maxNote = 11 << 18

// notes is the metadata and the head.
func (r *Reader) notes() map[string]string {
	m := r.metadata()
	if h := r.Head; h != nil && len(h.W) <= maxNote {
		m[mHeadW], m[mHeadB] = floatNote(h.W), floatNote(h.B)
	}
	return m
}

func floatNote(x []float32) string {
	put, width := safetensors.Encode(safetensors.F32)
	raw := make([]byte, width*len(x))
	put(raw, x)
	return base64.StdEncoding.EncodeToString(raw)
}

// parseFloatNote reads what floatNote wrote, n numbers.
func parseFloatNote(text string, n int) ([]float32, error) {
	get, width := safetensors.Decode(safetensors.F32)
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || n == 0 || len(raw) != n*width {
		return nil, fmt.Errorf("is no list of %d numbers", n)
	}
	x := make([]float32, n)
	get(x, raw)
	return x, nil
}

func (s *saver) idPages(w *parquet.Writer, from, to int) error {
	for ; from < to; from += some {
		ids, err := s.r.ids.read(Span(from, min(from+some, to)))
		if err != nil {
			return err
		}
		if err := w.Texts(validIDs(ids, 0)); err != nil {
			return err
		}
	}
	return nil
}

func (s *saver) labelPages(w *parquet.Writer, from, to int) error {
	for ; from < to; from += 1 << 17 {
		if err := w.Integers(s.r.Labels[from:min(from+1<<17, to)]); err != nil {
			return err
		}
	}
	return nil
}
