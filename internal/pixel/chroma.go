package pixel

// Blend writes weighted sums of two rows of samples, dst_i = a·near_i + b·far_i, modulo 2¹⁶.
func Blend(dst []uint16, near, far []byte, a, b uint16) {
	near, far = near[:len(dst)], far[:len(dst)]
	done := blend(dst, near, far, a, b)
	blendScalar(dst[done:], near[done:], far[done:], a, b)
}

func blendScalar(dst []uint16, near, far []byte, a, b uint16) {
	for i := range dst {
		dst[i] = a*uint16(near[i]) + b*uint16(far[i])
	}
}

// Rounding is how [Stretch] rounds: the left and the right of each pair of samples by different biases, so that rounding
// does not drift one way.
type Rounding struct{ Shift, Left, Right uint16 }

// Stretch doubles the width of a row by a triangle filter. sums holds the row with one free place at either end, where
// the end samples are repeated: with s the row, dst_2i = (3·s_i + s_{i-1} + Left) >> Shift and dst_2i+1 =
// (3·s_i + s_{i+1} + Right) >> Shift. Samples are small enough that these fit 8 bits.
func Stretch(dst []byte, sums []uint16, r Rounding) {
	n := len(sums) - 2
	sums[0], sums[n+1] = sums[1], sums[n]
	_ = dst[:2*n]
	done := stretch(dst, sums, n, r)
	stretchScalar(dst[2*done:], sums[done:], r)
}

func stretchScalar(dst []byte, sums []uint16, r Rounding) {
	for i := range len(sums) - 2 {
		s := 3 * sums[i+1]
		dst[2*i] = uint8((s + sums[i] + r.Left) >> r.Shift)
		dst[2*i+1] = uint8((s + sums[i+2] + r.Right) >> r.Shift)
	}
}
