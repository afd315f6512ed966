package kernel

import "math"

// Softmax replaces v by the softmax of l = v + offset, e^l_c / Σ_k e^l_k, and returns log Σ_k e^l_k. The offsets, the
// largest l and the sum are float64, the exponentials float32, right to 2 ulp and 0 where they are below e^−87 of
// the largest. v and offset are of one length, at least 1. A NaN or +Inf in l makes all results NaN.
func Softmax(v []float32, offset []float64) float64 {
	checkLen("offset", len(offset), len(v))
	top, sum := softmax(v, offset)
	Scale(v, v, float32(1/sum))
	return top + math.Log(sum)
}

// softmaxScalar replaces v by exp(v + offset − top), top being the largest v + offset, and returns top and their sum.
func softmaxScalar(v []float32, offset []float64) (top, sum float64) {
	offset = offset[:len(v)]
	top = math.Inf(-1)
	for c, x := range v {
		top = max(top, float64(x)+offset[c])
	}
	for c, x := range v {
		e := expFlushed(float32(float64(x) + offset[c] - top))
		v[c] = e
		sum += float64(e)
	}
	return top, sum
}
