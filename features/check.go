package features

import (
	"errors"
	"fmt"
	"math"
)

// Check proves that s can be computed with: there is at least one image and one dimension, every column has
// the length that N, D and C say, features, logits and head are finite, and no label is below -1. A label may
// exceed C: labels count folders or a data set's classes, which need not be the classifier's. Ids may repeat.
//
// The first fault is returned. A non-finite value is named by its image and column.
func (s *Set) Check() error {
	if err := s.checkShape(); err != nil {
		return err
	}
	if err := s.checkFinite("feature", s.Features, s.D); err != nil {
		return err
	}
	if err := s.checkFinite("logit", s.Logits, s.C); err != nil {
		return err
	}
	for i, y := range s.Labels {
		if y < -1 {
			return labelError(s.IDs[i], y)
		}
	}
	return s.Head.checkFinite()
}

func labelError(id string, label int64) error {
	return fmt.Errorf("image %q has the label %d: labels are 0 or more, or -1 for not known", id, label)
}

func (h *Head) checkFinite() error {
	if h != nil && (firstBad(h.W) >= 0 || firstBad(h.B) >= 0) {
		return errors.New("the classifier's head W, b holds NaN or Inf: the classifier is broken")
	}
	return nil
}

func (s *Set) checkShape() error {
	switch {
	case s.N < 1:
		return errors.New("the feature set holds no image")
	case s.D < 1:
		return errors.New("the feature set has no dimension")
	case len(s.Features) != s.N*s.D:
		return fmt.Errorf("the feature set holds %d values, not %d images × %d dimensions", len(s.Features), s.N, s.D)
	case s.Logits != nil && s.C < 1 || len(s.Logits) != s.N*s.C:
		return fmt.Errorf("the feature set holds %d logits, not %d images × %d classes", len(s.Logits), s.N, s.C)
	case s.Labels != nil && len(s.Labels) != s.N:
		return fmt.Errorf("the feature set holds %d labels for %d images", len(s.Labels), s.N)
	case len(s.IDs) != s.N:
		return fmt.Errorf("the feature set holds %d ids for %d images", len(s.IDs), s.N)
	case s.Head != nil:
		return s.Head.check(s.D, s.C)
	}
	return nil
}

// checkFinite looks for NaN and Inf in x, which has one row per image and cols columns.
func (s *Set) checkFinite(what string, x []float32, cols int) error {
	var bad notFinite
	bad.look(x, cols, s.IDs)
	return bad.err(what, s.N)
}

// notFinite counts the images with NaN or Inf in their rows of a matrix, and remembers the first such value.
type notFinite struct {
	rows, column int
	id           string
	value        float32
}

// look takes some more rows, of the images of the given ids.
func (b *notFinite) look(x []float32, cols int, ids []string) {
	for i := 0; i < len(x); i += cols {
		at := firstBad(x[i : i+cols])
		if at < 0 {
			continue
		}
		if b.rows == 0 {
			b.column, b.id, b.value = at, ids[i/cols], x[i+at]
		}
		b.rows++
	}
}

// err is about what the matrix of n images holds; nil when all is finite.
func (b *notFinite) err(what string, n int) error {
	if b.rows == 0 {
		return nil
	}
	return fmt.Errorf("image %q has %v in %s column %d (%d of %d images hold NaN or Inf): look at the image, and at "+
		"the classifier's preprocessing and number format", b.id, b.value, what, b.column, b.rows, n)
}

// CheckFinite returns a *NotFiniteError for the first NaN or Inf in x (n×d, row-major).
func CheckFinite(x []float32, d int) error {
	if i := firstBad(x); i >= 0 {
		return &NotFiniteError{Row: i / d, Column: i % d, Value: x[i]}
	}
	return nil
}

// firstBad returns the index of the first NaN or Inf in x, or -1.
func firstBad(x []float32) int {
	for i, v := range x {
		if v-v != 0 { // NaN for NaN and for ±Inf
			return i
		}
	}
	return -1
}

// finite reports whether v is neither NaN nor Inf.
func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
