package pixel

import "golang.org/x/sys/cpu"

// vector tells whether the AVX2 forms are used. GODEBUG=cpu.avx2=off turns them off.
var vector = cpu.X86.HasAVX2

// vertical does the first columns and returns how many.
func vertical(dst, rows []byte, stride int, weights []int32) int {
	n := len(dst) &^ 31
	if !vector || n == 0 {
		return 0
	}
	verticalAVX2(&dst[0], &rows[0], stride, &weights[0], len(weights), n)
	return n
}

// horizontal does the first pixels and returns how many: those with a pixel after them, into which a byte is written
// before it is, and for all of whose weights, zero or not, src has pixels and a byte.
func horizontal(dst, src []byte, taps []Tap, weights []int32, width int) int {
	n := len(taps) - 1
	for n > 0 && 3*(taps[n-1].First+width) >= len(src) {
		n--
	}
	if !vector || n <= 0 || width == 0 {
		return 0
	}
	horizontalAVX2(&dst[0], &src[0], &taps[0].First, &weights[0], width, n)
	return n
}

func blend(dst []uint16, near, far []byte, a, b uint16) int {
	n := len(dst) &^ 15
	if !vector || n == 0 {
		return 0
	}
	blendAVX2(&dst[0], &near[0], &far[0], uint32(a), uint32(b), n)
	return n
}

func stretch(dst []byte, sums []uint16, n int, r Rounding) int {
	n &^= 15
	if !vector || n == 0 {
		return 0
	}
	stretchAVX2(&dst[0], &sums[1], uint32(r.Shift), uint32(r.Left), uint32(r.Right), n)
	return n
}

func ycc(dst, luma, cb, cr []byte) int {
	n := len(luma) &^ 15
	if !vector || n == 0 {
		return 0
	}
	yccAVX2(&dst[0], &luma[0], &cb[0], &cr[0], n)
	return n
}

func normalize(red, green, blue []float32, row []byte, values *[3][256]float32) int {
	n := len(red) &^ 15
	if !vector || n == 0 {
		return 0
	}
	normalizeAVX2(&red[0], &green[0], &blue[0], &row[0], values, n)
	return n
}

func inverse(dst []byte, stride int, coefs *[64]int16, quant *[64]uint16) {
	if !vector {
		inverseScalar(dst, stride, coefs, quant)
		return
	}
	inverseAVX2(&dst[0], stride, coefs, quant)
}
