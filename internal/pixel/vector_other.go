//go:build !amd64

package pixel

func vertical(dst, rows []byte, stride int, weights []int32) int { return 0 }

func horizontal(dst, src []byte, taps []Tap, weights []int32, width int) int { return 0 }

func blend(dst []uint16, near, far []byte, a, b uint16) int { return 0 }

func stretch(dst []byte, sums []uint16, n int, r Rounding) int { return 0 }

func ycc(dst, luma, cb, cr []byte) int { return 0 }

func normalize(red, green, blue []float32, row []byte, values *[3][256]float32) int { return 0 }

func inverse(dst []byte, stride int, coefs *[64]int16, quant *[64]uint16) {
	inverseScalar(dst, stride, coefs, quant)
}
