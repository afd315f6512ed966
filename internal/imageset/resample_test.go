package imageset

import (
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/oodflow/oodflow/internal/pixel"
)

var filters = []Filter{Nearest, Lanczos, Bilinear, Bicubic, Box, Hamming}

// rgb is a picture with the given pixels.
func rgb(pix []byte, w, h int) *Image {
	return &Image{W: w, H: h, Format: "raw", row: func(_ *Image, dst []byte, y int) { copy(dst, pix[3*w*y:]) }}
}

// noise is a picture of random pixels.
func noise(rng *rand.Rand, w, h int) []byte {
	pix := make([]byte, 3*w*h)
	for i := range pix {
		pix[i] = byte(rng.IntN(256))
	}
	return pix
}

// TestResizeGoldens compares every filter with PIL (testdata/gen/images.py):
// shrinking, growing, both at once, and one side kept.
func TestResizeGoldens(t *testing.T) {
	src, sw, sh := wantPixels(t, "testdata/resize/source.png")
	n := 0
	for _, f := range filters {
		files, err := filepath.Glob("testdata/resize/" + f.String() + "_*.png")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			want, w, h := wantPixels(t, file)
			var r resampler
			got := r.window(rgb(src, sw, sh), w, h, f, false, image.Rect(0, 0, w, h))
			if _, most := difference(got, want); most != 0 || len(got) != len(want) {
				t.Errorf("%v to %d×%d differs from PIL by up to %d", f, w, h, most)
			}
			n++
		}
	}
	if n != 30 {
		t.Errorf("%d goldens, want 30", n)
	}
}

// TestResizeWindow: a window is the same part of the whole.
func TestResizeWindow(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var r resampler
	for range 200 {
		w, h := 1+rng.IntN(40), 1+rng.IntN(40)
		rw, rh := 1+rng.IntN(60), 1+rng.IntN(60)
		f := filters[rng.IntN(len(filters))]
		m := rgb(noise(rng, w, h), w, h)
		whole := append([]byte(nil), r.window(m, rw, rh, f, false, image.Rect(0, 0, rw, rh))...)
		x, y := rng.IntN(rw), rng.IntN(rh)
		win := image.Rect(x, y, x+1+rng.IntN(rw-x), y+1+rng.IntN(rh-y))
		part := r.window(m, rw, rh, f, false, win)
		for py := range win.Dy() {
			row := whole[3*((y+py)*rw+x):][:3*win.Dx()]
			if string(row) != string(part[3*py*win.Dx():][:len(row)]) {
				t.Fatalf("%v of %d×%d to %d×%d: row %d of window %v differs", f, w, h, rw, rh, py, win)
			}
		}
	}
}

// TestResizeKeeps: a constant picture stays constant, and a picture of the
// right size is left as it is.
func TestResizeKeeps(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	var r resampler
	for range 200 {
		w, h := 1+rng.IntN(50), 1+rng.IntN(50)
		rw, rh := 1+rng.IntN(50), 1+rng.IntN(50)
		f := filters[rng.IntN(len(filters))]
		flat := make([]byte, 3*w*h)
		colour := [3]byte{byte(rng.IntN(256)), 255, 0}
		for i := range flat {
			flat[i] = colour[i%3]
		}
		for i, v := range r.window(rgb(flat, w, h), rw, rh, f, false, image.Rect(0, 0, rw, rh)) {
			if v != colour[i%3] {
				t.Fatalf("%v of %d×%d to %d×%d: colour %d became %d", f, w, h, rw, rh, colour[i%3], v)
			}
		}
		pix := noise(rng, w, h)
		if got := r.window(rgb(pix, w, h), w, h, f, false, image.Rect(0, 0, w, h)); string(got) != string(pix) {
			t.Fatalf("%v changed a picture that has its size", f)
		}
	}
}

// TestKernel: weights sum to one, lie inside the row, and are symmetric.
func TestKernel(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for range 500 {
		in, out := 1+rng.IntN(300), 1+rng.IntN(300)
		f := filters[1+rng.IntN(len(filters)-1)]
		var k kernel
		k.fill(f, in, out, 0, out)
		for i, p := range k.taps {
			sum := 0
			for _, c := range k.weights(i) {
				sum += int(c)
			}
			if d := sum - 1<<pixel.CoefBits; d > p.N || -d > p.N {
				t.Fatalf("%v %d to %d: weights of %d sum to %d, want %d", f, in, out, i, sum, 1<<pixel.CoefBits)
			}
			if p.N < 1 || p.First < 0 || p.First+p.N > in {
				t.Fatalf("%v %d to %d: sample %d reads %+v", f, in, out, i, p)
			}
			if f == Box { // its support is half open, to the right
				continue
			}
			for j, c := range k.weights(i) {
				if d := c - k.weightOf(out-1-i, in-1-p.First-j); d > 1 || d < -1 {
					t.Fatalf("%v %d to %d: sample %d is not its mirror's mirror", f, in, out, i)
				}
			}
		}
	}
}

// weightOf is the weight of a source sample in an output sample.
func (k *kernel) weightOf(out, in int) int32 {
	if i := in - k.taps[out].First; i >= 0 && i < k.taps[out].N {
		return k.weights(out)[i]
	}
	return 0
}

// TestResizeNearSlow compares the fixed-point passes with a plain floating
// point convolution of both axes at once.
func TestResizeNearSlow(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	const w, h, rw, rh = 23, 17, 9, 25
	pix := noise(rng, w, h)
	for _, f := range filters[1:] {
		var r resampler
		got := r.window(rgb(pix, w, h), rw, rh, f, false, image.Rect(0, 0, rw, rh))
		for y := range rh {
			for x := range rw {
				for c := range 3 {
					want := slowSample(f, pix, w, h, rw, rh, x, y, c)
					if d := math.Abs(float64(got[3*(y*rw+x)+c]) - want); d > slack(f) {
						t.Fatalf("%v at %d,%d: %d, want %.2f", f, x, y, got[3*(y*rw+x)+c], want)
					}
				}
			}
		}
	}
}

// slack allows for rounding twice, and for clipping between the passes where a
// filter overshoots.
func slack(f Filter) float64 {
	if f == Bicubic || f == Lanczos {
		return 25
	}
	return 1.01
}

// slowSample is output pixel x, y by the definition of a resampling filter.
func slowSample(f Filter, pix []byte, w, h, rw, rh, x, y, c int) float64 {
	weight := func(at, in, out, i int) float64 {
		scale := float64(in) / float64(out)
		return f.weight((float64(i) + 0.5 - (float64(at)+0.5)*scale) / max(scale, 1))
	}
	var sum, total float64
	for j := range h {
		for i := range w {
			k := weight(x, w, rw, i) * weight(y, h, rh, j)
			sum += k * float64(pix[3*(j*w+i)+c])
			total += k
		}
	}
	return min(max(sum/total, 0), 255)
}

func BenchmarkResize(b *testing.B) {
	rng := rand.New(rand.NewPCG(5, 5))
	for _, f := range []Filter{Bilinear, Bicubic, Lanczos} {
		b.Run(fmt.Sprintf("%v/500x375to341x256", f), func(b *testing.B) {
			m := rgb(noise(rng, 500, 375), 500, 375)
			var r resampler
			b.ReportAllocs()
			for b.Loop() {
				r.window(m, 341, 256, f, false, image.Rect(58, 16, 282, 240))
			}
		})
	}
}
