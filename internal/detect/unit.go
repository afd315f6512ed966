package detect

import (
	"fmt"
	"math"

	"github.com/oodflow/oodflow/features"
)

// norms returns the L2 norm of every row of s in float64. A row that is zero or not finite is an error that names
// the image, since it has no direction.
func norms(s *features.Set) ([]float64, error) {
	n := make([]float64, s.N)
	for i := range n {
		var sum float64
		for _, v := range s.Row(i) {
			sum += float64(v) * float64(v) // float32 squared neither overflows nor vanishes in float64
		}
		n[i] = math.Sqrt(sum)
		switch {
		case sum == 0:
			return nil, &features.ZeroVectorError{Row: i, ID: imageID(s, i)}
		case !finite(sum):
			return nil, fmt.Errorf("the features of image %s hold NaN or Inf", imageID(s, i))
		}
	}
	return n, nil
}
