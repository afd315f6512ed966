package pixel

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// eachForm is a test in plain Go and, where there are, with vectors.
func eachForm(run func()) (plain, fast func()) {
	form := func(on bool) func() {
		return func() {
			defer withVectors(on)()
			run()
		}
	}
	return form(false), form(true)
}

// noise are n random bytes, a quarter of them at the ends of the range.
func noise(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		switch rng.IntN(4) {
		case 0:
			b[i] = 255 * byte(rng.IntN(2))
		default:
			b[i] = byte(rng.IntN(256))
		}
	}
	return b
}

// canvas is room for n bytes in the midst of others.
type canvas struct{ all, part []byte }

func newCanvas(n int) canvas {
	all := bytes.Repeat([]byte{0xa5}, n+128)
	return canvas{all, all[61 : 61+n : 61+n]}
}

// draw runs a pass in both forms and compares what it drew, and what is around it.
func draw(t *testing.T, what string, n int, pass func(dst []byte)) {
	t.Helper()
	var c canvas
	plain, fast := eachForm(func() {
		c = newCanvas(n)
		pass(c.part)
	})
	plain()
	want := c
	fast()
	if !bytes.Equal(c.all, want.all) {
		for i := range c.all {
			if c.all[i] != want.all[i] {
				t.Fatalf("%s: byte %d of %d is %d, want %d", what, i-61, n, c.all[i], want.all[i])
			}
		}
	}
}

func TestVertical(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{0, 1, 31, 32, 33, 96, 200} {
		for _, taps := range []int{1, 2, 3, 7} {
			stride := n + rng.IntN(3)
			rows := noise(rng, stride*(taps-1)+n)
			weights := weightsFor(rng, taps)
			draw(t, fmt.Sprintf("%d taps", taps), n, func(dst []byte) { Vertical(dst, rows, stride, weights) })
		}
	}
}

// weightsFor draws weights that add up to about one, some negative.
func weightsFor(rng *rand.Rand, n int) []int32 {
	w := make([]int32, n)
	for i := range w {
		w[i] = int32((rng.Float64()*3 - 1) / float64(n) * (1 << CoefBits))
	}
	return w
}

func TestHorizontal(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for _, pixels := range []int{1, 2, 5, 17, 64} {
		for _, width := range []int{1, 3, 5, 9} {
			in := pixels + width
			src := noise(rng, 3*in)
			taps, weights := make([]Tap, pixels), make([]int32, pixels*width)
			for i := range taps {
				first := i * (in - 1) / pixels
				taps[i] = Tap{first, 1 + rng.IntN(min(width, in-first))}
				copy(weights[i*width:], weightsFor(rng, taps[i].N))
			}
			draw(t, fmt.Sprintf("%d weights", width), 3*pixels, func(dst []byte) { Horizontal(dst, src, taps, weights, width) })
		}
	}
}

func TestChroma(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for _, n := range []int{1, 2, 15, 16, 17, 48, 100} {
		near, far := noise(rng, n), noise(rng, n)
		for _, c := range []struct {
			a, b uint16
			Rounding
		}{{3, 1, Rounding{4, 8, 7}}, {1, 0, Rounding{2, 1, 2}}} {
			draw(t, fmt.Sprintf("%+v", c), 2*n, func(dst []byte) {
				sums := make([]uint16, n+2)
				Blend(sums[1:n+1], near, far, c.a, c.b)
				Stretch(dst, sums, c.Rounding)
			})
		}
	}
}

// TestYCC: all colours, in rows of odd lengths.
func TestYCC(t *testing.T) {
	luma, cb, cr := make([]byte, 0, 1<<16+5), make([]byte, 0, 1<<16+5), make([]byte, 0, 1<<16+5)
	for u := range 256 {
		for v := range 256 {
			luma, cb, cr = append(luma, byte(u*7+v*3)), append(cb, byte(u)), append(cr, byte(v))
		}
	}
	for _, n := range []int{1, 15, 16, 17, len(luma), len(luma) - 3} {
		draw(t, "colours", 3*n, func(dst []byte) { YCC(dst, luma, cb, cr) })
	}
}

func TestNormalize(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	values := new([3][256]float32)
	for c := range values {
		for i := range values[c] {
			values[c][i] = float32(rng.NormFloat64())
		}
	}
	for _, n := range []int{0, 1, 15, 16, 17, 224} {
		row := noise(rng, 3*n)
		var planes [3][]float32
		plain, fast := eachForm(func() {
			for c := range planes {
				planes[c] = make([]float32, n+8)
			}
			Normalize(planes[0][:n], planes[1][:n], planes[2][:n], row, values)
		})
		plain()
		want := planes
		fast()
		for c := range planes {
			if !slices.Equal(planes[c], want[c]) {
				t.Errorf("%d pixels: colour %d differs", n, c)
			}
			for i, v := range planes[c][:n] {
				if v != values[c][row[3*i+c]] {
					t.Fatalf("%d pixels: pixel %d, colour %d is %v", n, i, c, v)
				}
			}
		}
	}
}

// blocks draws blocks as files hold them, and as only damaged ones do.
func blocks(rng *rand.Rand) (coefs [64]int16, quant [64]uint16) {
	most, steps := 1<<(1+rng.IntN(15)), 1<<(1+rng.IntN(16))
	for i := range coefs {
		quant[i] = uint16(rng.IntN(steps))
		if rng.IntN(8) < rng.IntN(9) {
			coefs[i] = int16(rng.IntN(2*most) - most)
		}
	}
	return coefs, quant
}

func TestInverse(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for i := range 2000 {
		coefs, quant := blocks(rng)
		stride := 8 + 8*rng.IntN(3)
		draw(t, fmt.Sprintf("block %d", i), 7*stride+8, func(dst []byte) { Inverse(dst, stride, &coefs, &quant) })
	}
}

// TestFlat: the short way gives what the long one does.
func TestFlat(t *testing.T) {
	for first := -1 << 15; first < 1<<15; first += 7 {
		for _, q := range []uint16{1, 3, 255, 65535} {
			var long, short [64]byte
			inverseScalar(long[:], 8, &[64]int16{int16(first)}, &[64]uint16{q})
			Flat(short[:], 8, 8, int16(first), q)
			if long != short {
				t.Fatalf("%d·%d: %d, want %d", first, q, short[0], long[0])
			}
			var half, flat [16]byte
			InverseHalf(half[:], 4, &[64]int16{int16(first)}, &[64]uint16{q})
			Flat(flat[:], 4, 4, int16(first), q)
			if half != flat || half[0] != long[0] {
				t.Fatalf("%d·%d at half the size: %d, want %d", first, q, flat[0], half[0])
			}
		}
	}
}
