package detect

import (
	"fmt"
	"math"

	"github.com/oodflow/oodflow/features"
)

// NeedsError says that a feature set lacks what a detector reads. An evaluation lists such a detector as skipped.
type NeedsError struct {
	Detector string // name of the method
	What     string // what is missing: "logits", "labels or logits", ...
}

func (e *NeedsError) Error() string {
	return fmt.Sprintf("%s needs %s, which the features do not hold", e.Detector, e.What)
}

// DimensionError says that a feature set is of another size than the one a detector was fitted on.
type DimensionError struct {
	What      string // "features" or "logits"
	Want, Got int    // values per image
}

func (e *DimensionError) Error() string {
	return fmt.Sprintf("the detector was fitted on %d %s per image, this set has %d", e.Want, e.What, e.Got)
}

// Hint says what to do about it.
func (e *DimensionError) Hint() string {
	return "extract the features with the classifier and tensor that the detector was trained on"
}

// checkFeatures returns an error unless s has d features per image.
func checkFeatures(s *features.Set, d int) error {
	if s.D != d {
		return &DimensionError{What: "features", Want: d, Got: s.D}
	}
	return nil
}

// checkScores returns an error that names the first image whose score is not finite.
func checkScores(scores []float64, s *features.Set) error {
	for i, v := range scores {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("the score of image %s is %v: its features or logits are not usable numbers", imageID(s, i), v)
		}
	}
	return nil
}

func imageID(s *features.Set, i int) string {
	if i < len(s.IDs) {
		return s.IDs[i]
	}
	return fmt.Sprint(i)
}

// grow returns dst with length n, reusing its memory when it is large enough.
func grow(dst []float64, n int) []float64 {
	if cap(dst) < n {
		return make([]float64, n)
	}
	return dst[:n]
}
