package imageset

import (
	"bytes"
	"image"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// atHalf decodes a picture at half its size.
func atHalf(t testing.TB, w *workshop, file []byte) *Image {
	t.Helper()
	h, err := w.readHeader(file)
	if err != nil {
		t.Fatal(err)
	}
	h.half = true
	m, err := w.decode(h, file)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestHalfGoldens compares every kind of JPEG with what libjpeg makes of it at a scale of 1/2 (testdata/gen/images.py). All
// are exact, and the native library's too.
func TestHalfGoldens(t *testing.T) {
	files, err := filepath.Glob("testdata/half/*.want.png")
	if err != nil || len(files) < 18 {
		t.Fatalf("%d goldens, %v", len(files), err)
	}
	ways := map[string]*workshop{"go": new(workshop), "native": new(workshop)}
	ways["native"].goNative()
	defer ways["native"].close()
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".want.png")
		file := read(t, "testdata/decode/"+name)
		want, width, height := wantPixels(t, f)
		for way, w := range ways {
			if way == "native" && width < 3 {
				continue // of three pixels, two are five eighths to the library
			}
			m := atHalf(t, w, file)
			if m.W != width || m.H != height {
				t.Fatalf("%s: %d×%d pixels, want %d×%d", name, m.W, m.H, width, height)
			}
			if mean, most := difference(pixels(t, m), want); most > 0 {
				t.Errorf("%s, %s: differs from libjpeg by %.4f on average and %d at most", name, way, mean, most)
			}
		}
	}
}

// TestNativeHalf: larger pictures, of which the library does most in vectors.
func TestNativeHalf(t *testing.T) {
	w := nativeShop(t)
	for _, file := range [][]byte{photograph(t, 640, 482, false), photograph(t, 37, 91, false), photograph(t, 300, 400, true)} {
		m := atHalf(t, w, file)
		if m.planes != nil {
			t.Error("decoded in Go")
		}
		if !bytes.Equal(pixels(t, m), pixels(t, atHalf(t, new(workshop), file))) {
			t.Errorf("%d×%d: other pixels than in Go", m.W, m.H)
		}
	}
}

// TestHalves: which pictures are decoded at half their size.
func TestHalves(t *testing.T) {
	fast, other := &formats[0], &formats[1] // JPEG and PNG
	short := Preprocess{FastJPEG: true, ShortSide: 256, Resample: Bilinear, CropH: 224, CropW: 224}
	wide := Preprocess{FastJPEG: true, ResizeH: 100, ResizeW: 300, Resample: Bicubic}
	with := func(p Preprocess, change func(p *Preprocess)) Preprocess {
		change(&p)
		return p
	}
	for _, c := range []struct {
		why  string
		p    Preprocess
		h    header
		want bool
	}{
		{"eight times as large", short, header{format: fast, w: 2048, h: 4000}, true},
		{"on its side", short, header{format: fast, w: 4000, h: 2048}, true},
		{"a little smaller", short, header{format: fast, w: 4000, h: 2046}, false},
		{"odd", short, header{format: fast, w: 4001, h: 3000}, false},
		{"odd", short, header{format: fast, w: 4000, h: 3001}, false},
		{"a PNG", short, header{format: other, w: 4000, h: 3000}, false},
		{"not asked for", with(short, func(p *Preprocess) { p.FastJPEG = false }), header{format: fast, w: 4000, h: 3000}, false},
		{"without antialiasing", with(short, func(p *Preprocess) { p.Aliased = true }), header{format: fast, w: 4000, h: 3000}, false},
		{"nearest", with(short, func(p *Preprocess) { p.Resample = Nearest }), header{format: fast, w: 4000, h: 3000}, false},
		{"only cropped", Preprocess{FastJPEG: true, CropH: 224, CropW: 224}, header{format: fast, w: 4000, h: 3000}, false},
		{"stretched", wide, header{format: fast, w: 2400, h: 800}, true},
		{"stretched the other way", wide, header{format: fast, w: 800, h: 2400}, false},
		{"perhaps turned", with(wide, func(p *Preprocess) { p.Upright = true }), header{format: fast, w: 2400, h: 800}, false},
	} {
		if got := c.p.halves(c.h); got != c.want {
			t.Errorf("%s, %d×%d: %v", c.why, c.h.w, c.h.h, got)
		}
	}
}

// TestFastJPEG: large pictures are resized to the same size, with nearly the same pixels, and others to the same pixels.
func TestFastJPEG(t *testing.T) {
	p := preset(t, "cifar10").Bytes()
	fast := *p
	fast.FastJPEG = true
	for _, c := range []struct {
		w, h int
		same bool
	}{{400, 300, false}, {256, 500, false}, {254, 300, true}, {401, 300, true}} {
		file := smooth(t, c.w, c.h)
		var tensors [2][]float32
		for i, pre := range []*Preprocess{p, &fast} {
			ready, err := pre.ready()
			if err != nil {
				t.Fatal(err)
			}
			s := slot{item: item{buf: file}}
			if err := (&loader{}).prepare(&s, &worker{transformer: transformer{pre: ready}}); err != nil || s.h != 32 || s.w != 32 {
				t.Fatalf("%d×%d pixels, %v", s.w, s.h, err)
			}
			tensors[i] = s.tensor
		}
		mean, _ := difference(interleaved(tensors[0], 32, 32), interleaved(tensors[1], 32, 32))
		if same := slices.Equal(tensors[0], tensors[1]); same != c.same || mean > 0.5 {
			t.Errorf("%d×%d: the same pixels: %v, %.3f apart on average", c.w, c.h, same, mean)
		}
	}
}

// smooth is a JPEG of waves and a little noise: its neighbouring pixels are as like as a camera's.
func smooth(t testing.TB, w, h int) []byte {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(w), uint64(h)))
	img := image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420)
	for i := range img.Y {
		img.Y[i] = byte(118 + 90*math.Sin(float64(i%w)/9)*math.Cos(float64(i/w)/13) + 20*rng.Float64())
	}
	for i := range img.Cb {
		x, y := float64(i%img.CStride), float64(i/img.CStride)
		img.Cb[i], img.Cr[i] = byte(128+60*math.Sin(x/20+y/30)), byte(128+60*math.Cos(x/30-y/20))
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// BenchmarkFastJPEG is a photograph of 12 megapixels becoming a tensor of 224×224.
func BenchmarkFastJPEG(b *testing.B) {
	file := smooth(b, 4032, 3024)
	for name, fast := range map[string]bool{"whole": false, "half": true} {
		for _, native := range []bool{false, true} {
			pre := *preset(b, "imagenet")
			pre.FastJPEG = fast
			w := worker{transformer: transformer{pre: &pre}}
			if native {
				if w.goNative(); w.native == nil {
					continue
				}
				name += "/native"
			}
			b.Run(name, func(b *testing.B) {
				for b.Loop() {
					if err := (&loader{}).prepare(&slot{item: item{buf: file}}, &w); err != nil {
						b.Fatal(err)
					}
				}
			})
			w.close()
		}
	}
}
