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
	name := fmt.Sprintf("row %d", e.Row)
	if e.ID != "" {
		name = fmt.Sprintf("image %q (row %d)", e.ID, e.Row)
	}
	return "the feature vector of " + name + " is zero and cannot be normalised: leave the image out, or use another feature tensor"
}

// Normalize divides every row of x (n×d, row-major) by its L2 norm, z = x / ‖x‖₂, and returns the result in
// dst, which is allocated when nil and may be x itself. The norm is summed in float64, in which no float32
// vector overflows or vanishes, and the quotient is rounded once to float32.
//
// A zero row is a *ZeroVectorError; NaN or Inf in a row is an error, too. Normalize panics when d < 1,
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
			return nil, fmt.Errorf("the feature vector of row %d holds NaN or Inf", i/d)
		}
		for j, v := range row {
			dst[i+j] = float32(float64(v) / r)
		}
	}
	return dst, nil
}

// Normalized returns the set's features divided by their norms, N×D; s is left as it is. Errors name the
// image.
func (s *Set) Normalized() ([]float32, error) {
	z, err := Normalize(nil, s.Features, s.D)
	if zero := (*ZeroVectorError)(nil); errors.As(err, &zero) && zero.Row < len(s.IDs) {
		zero.ID = s.IDs[zero.Row]
	}
	return z, err
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
