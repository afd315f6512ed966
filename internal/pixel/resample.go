package pixel

// CoefBits is the number of fractional bits of a resampling weight: PIL keeps 32 less 8 for the pixel less 2 for
// overshoot.
const CoefBits = 32 - 8 - 2

// rounding is one half in fixed point.
const rounding = 1 << (CoefBits - 1)

// Tap is the range of source samples that one output sample is made of.
type Tap struct{ First, N int }

// Vertical writes weighted sums of rows: dst_i = Σ_j weights_j · rows[j·stride + i], in fixed point, rounded to nearest
// and limited to 0..255.
func Vertical(dst, rows []byte, stride int, weights []int32) {
	n := len(dst)
	if n == 0 || len(weights) == 0 {
		verticalScalar(dst, rows, stride, weights)
		return
	}
	_ = rows[(len(weights)-1)*stride+n-1]
	done := vertical(dst, rows, stride, weights)
	verticalScalar(dst[done:], rows[done:], stride, weights)
}

func verticalScalar(dst, rows []byte, stride int, weights []int32) {
	for from := 0; from < len(dst); from += 64 {
		part := dst[from:min(from+64, len(dst))]
		var room [64]int32
		sums := room[:len(part)]
		for i := range sums {
			sums[i] = rounding
		}
		for j, c := range weights {
			row := rows[j*stride+from:][:len(sums)]
			for i, v := range row {
				sums[i] += int32(v) * c
			}
		}
		for i, s := range sums {
			part[i] = clamp8(s >> CoefBits)
		}
	}
}

// Horizontal resamples a row of RGB pixels, 3 bytes each: pixel i of dst is the sum of taps[i].N pixels of src from
// taps[i].First on, with the weights at weights[i·width], in fixed point as with [Vertical]. Each pixel has width
// weights, those past its taps zero.
func Horizontal(dst, src []byte, taps []Tap, weights []int32, width int) {
	_, _ = dst[:3*len(taps)], weights[:len(taps)*width]
	done := horizontal(dst, src, taps, weights, width)
	horizontalScalar(dst[3*done:], src, taps[done:], weights[done*width:], width)
}

func horizontalScalar(dst, src []byte, taps []Tap, weights []int32, width int) {
	for i, t := range taps {
		from := src[3*t.First:]
		red, green, blue := int32(rounding), int32(rounding), int32(rounding)
		for j, c := range weights[i*width:][:t.N] {
			p := from[3*j : 3*j+3 : 3*j+3]
			red += int32(p[0]) * c
			green += int32(p[1]) * c
			blue += int32(p[2]) * c
		}
		dst[3*i] = clamp8(red >> CoefBits)
		dst[3*i+1] = clamp8(green >> CoefBits)
		dst[3*i+2] = clamp8(blue >> CoefBits)
	}
}
