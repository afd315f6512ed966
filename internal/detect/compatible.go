package detect

import (
	"fmt"
	"strings"

	"github.com/oodflow/oodflow/features"
)

// Difference is one field in which two provenances disagree.
type Difference struct {
	Field           string // "classifier", "tensor", "pool" or "preprocess"
	Detector, Given string // its value at training and in the features to be scored
}

// MismatchError says that features were made differently from those that a detector was trained on, so that its scores
// would mean nothing.
type MismatchError struct {
	Differences []Difference
}

func (e *MismatchError) Error() string {
	parts := make([]string, len(e.Differences))
	for i, d := range e.Differences {
		parts[i] = fmt.Sprintf("%s is %s, the detector was trained with %s", d.Field, quoted(d.Given), quoted(d.Detector))
	}
	return "these features do not fit the detector: " + strings.Join(parts, "; ")
}

func quoted(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// hints say what to do about a difference.
var hints = map[string]string{
	"classifier": "extract the features with the classifier that the detector was trained on, or train a detector on features of this one",
	"tensor":     "extract again with --feature-tensor set to the detector's tensor, or train again",
	"pool":       "extract both with the same version of oodflow and the same --feature-tensor",
	"preprocess": "extract again with the --preprocess, --exif and --fast-jpeg that the training features were made with, or train again",
}

// Hint says what to do about the first difference.
func (e *MismatchError) Hint() string { return hints[e.Differences[0].Field] }

// Compatible returns a *MismatchError when p differs from the provenance of the detector's training features in classifier,
// tensor, pooling or preprocessing. A field that is not known on either side passes; see [File.Unverified].
func (f *File) Compatible(p features.Provenance) error {
	var diff []Difference
	for _, c := range compared(f.Provenance, p) {
		if c.known && c.Detector != c.Given {
			if c.Field == "classifier" {
				c.Detector = describe(f.Provenance)
				c.Given = describe(p)
			}
			diff = append(diff, c.Difference)
		}
	}
	if diff == nil {
		return nil
	}
	return &MismatchError{Differences: diff}
}

// Unverified returns a warning for what [File.Compatible] could not check because one side does not know it, or "".
func (f *File) Unverified(p features.Provenance) string {
	var fields []string
	for _, c := range compared(f.Provenance, p) {
		if !c.known {
			fields = append(fields, c.Field)
		}
	}
	if fields == nil {
		return ""
	}
	return fmt.Sprintf("not checked whether these features fit the detector, since one of the two does not record its %s",
		strings.Join(fields, ", "))
}

// Check returns an error unless the detector can score s: a *DimensionError where the number of features differs, a
// *MismatchError as in [File.Compatible].
func (f *File) Check(s *features.Set) error {
	if err := f.Compatible(s.Provenance); err != nil {
		return err
	}
	return checkFeatures(s, f.D)
}

// Fits is [File.Check] for features that are read as they are needed.
func (f *File) Fits(r *features.Reader) error {
	if err := f.Compatible(r.Provenance); err != nil {
		return err
	}
	if r.D != f.D {
		return &DimensionError{What: "features", Want: f.D, Got: r.D}
	}
	return nil
}

type comparison struct {
	Difference
	known bool // both sides know the field
}

func compared(a, b features.Provenance) []comparison {
	field := func(name, x, y string) comparison {
		return comparison{Difference{name, x, y}, x != "" && y != ""}
	}
	pool := field("pool", a.Pool, b.Pool)
	pool.known = a.Tensor != "" && b.Tensor != "" // then an empty pool means no pooling
	return []comparison{
		field("classifier", a.ClassifierSHA256, b.ClassifierSHA256),
		field("tensor", a.Tensor, b.Tensor),
		pool,
		field("preprocess", a.Preprocess, b.Preprocess),
	}
}

// describe names a classifier by its file and the start of its SHA-256.
func describe(p features.Provenance) string {
	sum := p.ClassifierSHA256
	if len(sum) > 12 {
		sum = sum[:12]
	}
	return strings.TrimSpace(p.Classifier + " (SHA-256 " + sum + ")")
}
