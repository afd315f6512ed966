package features

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/oodflow/oodflow/internal/atomicfile"
	"github.com/oodflow/oodflow/internal/safetensors"
)

// The forms a set is written in, by their files' extensions.
const (
	Safetensors = "safetensors" // all there is
	NPZ         = "npz"         // all there is, in arrays named as in a safetensors file, and the metadata as JSON in one more
	Parquet     = "parquet"     // columns id, label, features and logits, and the rest in the file's notes: a head of up to 11 MiB
	NPY         = "npy"         // the features alone
)

// Formats lists them.
func Formats() []string { return []string{Safetensors, NPZ, Parquet, NPY} }

// FormatOf is the form that a path's extension stands for, or an error that lists them.
func FormatOf(path string) (string, error) {
	f := strings.ToLower(strings.TrimPrefix(filepath.Ext(path), "."))
	if !slices.Contains(Formats(), f) {
		return "", fmt.Errorf("%s: features are written as .safetensors, .npz, .parquet or .npy", path)
	}
	return f, nil
}

// SaveOptions say how a set is written.
type SaveOptions struct {
	// Format is one of Formats. Default: as the path says.
	Format string
	// DType is the type of features and logits: F32, F16 or BF16, which safetensors alone has. Default: F32. Values are
	// rounded to the nearest, to even between two; one beyond the range of F16 is an error.
	DType string
	// Progress, if not nil, is told how many images' features were written since it was told last.
	Progress func(images int)
}

// Check tells whether the form has the type.
func (o SaveOptions) Check() error {
	switch {
	case !slices.Contains(Formats(), o.Format):
		return fmt.Errorf("unknown format %q", o.Format)
	case o.DType == string(safetensors.BF16) && o.Format != Safetensors:
		return fmt.Errorf(".%s files have no bfloat16: only .safetensors files do", o.Format)
	case o.DType != "" && !slices.Contains([]string{"F32", "F16", "BF16"}, o.DType):
		return fmt.Errorf("unknown type %q", o.DType)
	}
	return nil
}

// Saved tells what a file holds less than the set that was written.
type Saved struct {
	Rounded []Rounding // of features and logits that were rounded
	Lost    []string   // what the form has no place for, such as "labels"
}

// SaveAs writes the set to path, some rows at a time: it need not fit in memory. Cancelled, it writes nothing.
func (r *Reader) SaveAs(ctx context.Context, path string, o SaveOptions) (*Saved, error) {
	if o.Format == "" {
		var err error
		if o.Format, err = FormatOf(path); err != nil {
			return nil, fmt.Errorf("write %w", err)
		}
	}
	if o.DType == "" {
		o.DType = string(safetensors.F32)
	}
	if err := o.Check(); err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	s := &saver{r: r, dtype: safetensors.DType(o.DType), progress: o.Progress}
	write := map[string]func(io.Writer) error{Safetensors: s.tensors, NPZ: s.archive, Parquet: s.table, NPY: s.array}[o.Format]
	err := atomicfile.Write(path, func(out io.Writer) error {
		buffered := bufio.NewWriterSize(cancellable{ctx, out}, 1<<18)
		if err := write(buffered); err != nil {
			return err
		}
		return buffered.Flush()
	})
	if err != nil {
		return nil, err
	}
	saved := &Saved{Lost: r.lost(o.Format)}
	for _, m := range []*meter{s.ofFeatures, s.ofLogits} {
		if m != nil && m.put != nil {
			saved.Rounded = append(saved.Rounded, m.Rounding)
		}
	}
	return saved, nil
}

// lost lists what is in the set and has no place in the form.
func (r *Reader) lost(format string) (lost []string) {
	add := func(what string, there bool) {
		if there {
			lost = append(lost, what)
		}
	}
	if format == NPY {
		add("logits", r.logits != nil)
		add("labels", r.Labels != nil)
		add("ids", r.named())
		add("class names", r.Classes != nil)
		add("where the features come from", r.Provenance != Provenance{} || r.Shard != nil)
	}
	add("the classifier's head W, b", r.Head != nil && (format == NPY || format == Parquet && len(r.Head.W) > maxNote))
	return lost
}

// saver is one set on its way to a file.
type saver struct {
	r        *Reader
	dtype    safetensors.DType
	progress func(images int)

	ofFeatures, ofLogits *meter
}

// features calls f with all features in order, some rows at a time.
func (s *saver) features(f func(rows []float32) error) error {
	return s.featuresOf(0, s.r.N, f)
}

// featuresOf does so with those of the images from, ..., to-1.
func (s *saver) featuresOf(from, to int, f func(rows []float32) error) error {
	if s.ofFeatures == nil {
		s.ofFeatures = newMeter("features", "feature", s.dtype, s.r.D)
	}
	return s.each(s.r.features, s.ofFeatures, from, to, func(rows []float32) error {
		if s.progress != nil {
			s.progress(len(rows) / s.r.D)
		}
		return f(rows)
	})
}

func (s *saver) logits(f func(rows []float32) error) error { return s.logitsOf(0, s.r.N, f) }

func (s *saver) logitsOf(from, to int, f func(rows []float32) error) error {
	if s.ofLogits == nil {
		s.ofLogits = newMeter("logits", "logit", s.dtype, s.r.C)
	}
	return s.each(s.r.logits, s.ofLogits, from, to, f)
}

func (s *saver) each(m matrix, rounded *meter, from, to int, f func(rows []float32) error) error {
	cols := rounded.cols
	step := rowsAtATime(cols)
	x := make([]float32, min(to-from, step)*cols)
	for ; from < to; from += step {
		end := min(from+step, to)
		part := x[:(end-from)*cols]
		if err := s.r.rows(part, m, Span(from, end)); err != nil {
			return err
		}
		if err := rounded.add(part, func(row int) string { return s.r.ID(from + row) }); err != nil {
			return err
		}
		if err := f(part); err != nil {
			return err
		}
	}
	return nil
}
