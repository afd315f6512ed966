package features

import (
	"errors"
	"fmt"
	"math"
)

// ZeroVectorError says that a feature vector has no direction: all its values are 0.
type ZeroVectorError struct {
	Row int    // which vector
	ID  string // its image, where known
}

func (e *ZeroVectorError) Error() string {
	return "the feature vector of " + rowName(e.Row, e.ID) + " is zero and cannot be normalised: leave the image out, or use another feature tensor"
}

// NotFiniteError says that a feature vector holds NaN or Inf.
type NotFiniteError struct {
	Row    int    // which vector
	ID     string // its image, where known
	Column int
	Value  float32
}

func (e *NotFiniteError) Error() string {
	return fmt.Sprintf("%s has %v in feature column %d: look at the image, and at the classifier's preprocessing and number format",
		rowName(e.Row, e.ID), e.Value, e.Column)
}

func rowName(row int, id string) string {
	if id == "" {
		return fmt.Sprintf("row %d", row)
	}
	return fmt.Sprintf("image %q (row %d)", id, row)
}

// Normalize divides every row of x (n×d, row-major) by its L2 norm, z = x / ‖x‖₂, and returns the result in
// dst, which is allocated when nil and may be x itself. The norm is summed in float64, in which no float32
// vector overflows or vanishes, and the quotient is rounded once to float32.
//
// A zero row is a *ZeroVectorError; NaN or Inf in a row is a *NotFiniteError. Normalize panics when d < 1,
// len(x) is no multiple of d, or len(dst) ≠ len(x).
func Normalize(dst, x []float32, d int) ([]float32, error) {
	if d < 1 || len(x)%d != 0 {
		panic(fmt.Sprintf("features: %d values are no rows of %d", len(x), d))
	}
	if dst == nil {
		dst = make([]float32, len(x))
	}
	if len(dst) != len(x) {
		panic(fmt.Sprintf("features: dst has %d values, x has %d", len(dst), len(x)))
	}
	for i := 0; i < len(x); i += d {
		row := x[i : i+d]
		r := norm(row)
		switch {
		case r == 0:
			return nil, &ZeroVectorError{Row: i / d}
		case !finite(r):
			j := firstBad(row)
			return nil, &NotFiniteError{Row: i / d, Column: j, Value: row[j]}
		}
		divide(dst[i:i+d], row, r)
	}
	return dst, nil
}

// divide writes x / r to dst.
func divide(dst, x []float32, r float64) {
	for j, v := range x {
		dst[j] = float32(float64(v) / r)
	}
}

// Normalized returns the set's features divided by their norms, N×D; s is left as it is. Errors name the
// image.
func (s *Set) Normalized() ([]float32, error) {
	z, err := Normalize(nil, s.Features, s.D)
	return z, NameRow(err, func(row int) (int, string) {
		if row < len(s.IDs) {
			return row, s.IDs[row]
		}
		return row, ""
	})
}

// NameRow puts number and id of the image into an error of [Normalize] about a row.
func NameRow(err error, image func(row int) (number int, id string)) error {
	var zero *ZeroVectorError
	var bad *NotFiniteError
	switch {
	case errors.As(err, &zero):
		zero.Row, zero.ID = image(zero.Row)
	case errors.As(err, &bad):
		bad.Row, bad.ID = image(bad.Row)
	}
	return err
}

// norm returns the L2 norm of x, summed in float64. The squares of float32 values lie between 2⁻²⁹⁸ and
// 2²⁵⁶, well inside float64.
func norm(x []float32) float64 {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum)
}
