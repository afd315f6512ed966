package kernel

// Scale computes dst_i = a·x_i. dst and x are of one length and may be the same.
func Scale(dst, x []float32, a float32) {
	checkLen("dst", len(dst), len(x))
	if len(x) > 0 {
		scale(dst, x, a)
	}
}

func scaleScalar(dst, x []float32, a float32) {
	dst = dst[:len(x)]
	for i, v := range x {
		dst[i] = a * v
	}
}

// SumSquares returns Σ x_i², products and sums in float64. The sum of nothing is 0.
func SumSquares(x []float32) float64 {
	if len(x) == 0 {
		return 0
	}
	return sumSquares(x)
}

func sumSquaresScalar(x []float32) float64 {
	var a, b, c, d float64
	for ; len(x) >= 4; x = x[4:] {
		a += float64(x[0]) * float64(x[0])
		b += float64(x[1]) * float64(x[1])
		c += float64(x[2]) * float64(x[2])
		d += float64(x[3]) * float64(x[3])
	}
	for _, v := range x {
		a += float64(v) * float64(v)
	}
	return a + b + (c + d)
}
