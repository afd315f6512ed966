package jpeg

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	stdjpeg "image/jpeg"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// samples are the files that internal/imageset is tested with, pixel by pixel against
// PIL: every kind of sampling and colour space, and a progressive one.
func samples(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("../imageset/testdata/decode/*.jpg")
	if err != nil || len(files) < 15 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	found := map[string][]byte{}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		found[filepath.Base(f)] = data
	}
	return found
}

// encoded is a picture of noise and shapes by the standard library's encoder.
func encoded(t testing.TB, w, h, quality int) []byte {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(w), uint64(h)))
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			v := uint8(rng.IntN(40))
			img.Set(x, y, color.RGBA{uint8(x*3) + v, uint8(y*5) ^ v, uint8((x/9+y/7)%2*200) + v, 255})
		}
	}
	var b bytes.Buffer
	if err := stdjpeg.Encode(&b, img, &stdjpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestNearOther compares with the standard library, whose cosine transform rounds
// otherwise, on pictures of odd sizes.
func TestNearOther(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {7, 9}, {16, 16}, {17, 33}, {64, 50}} {
		for _, quality := range []int{1, 30, 90, 100} {
			data := encoded(t, size[0], size[1], quality)
			img, err := stdjpeg.Decode(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			want := img.(*image.YCbCr)
			p, err := new(Decoder).Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			if p.W != size[0] || p.H != size[1] || p.Space != YCbCr || len(p.Planes) != 3 || p.Planes[0].Hor != 1 || p.Planes[1].Ver != 2 {
				t.Fatalf("%v: %d×%d pixels of space %v", size, p.W, p.H, p.Space)
			}
			near(t, p.Planes[0], want.Y, want.YStride)
			near(t, p.Planes[1], want.Cb, want.CStride)
			near(t, p.Planes[2], want.Cr, want.CStride)
		}
	}
}

func near(t *testing.T, p Plane, want []byte, stride int) {
	t.Helper()
	for y := range p.H {
		for x := range p.W {
			if d := int(p.Pix[y*p.Stride+x]) - int(want[y*stride+x]); d > 2 || d < -2 {
				t.Fatalf("sample %d,%d is %d, the standard library has %d", x, y, p.Pix[y*p.Stride+x], want[y*stride+x])
			}
		}
	}
}

// TestInverse compares the transform with its definition in floating point.
func TestInverse(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	q := new([64]uint16)
	for i := range q {
		q[i] = uint16(1 + rng.IntN(20))
	}
	for trial := range 500 {
		var coefs [64]int16
		for range trial % 20 {
			coefs[rng.IntN(64)] = int16(rng.IntN(41) - 20)
		}
		coefs[0] = int16(rng.IntN(80) - 40)
		c := component{stride: 1, rows: 1, side: 8, quant: *q, pix: make([]byte, 64)}
		c.inverse(&coefs, 0, 0, 63)
		for i, v := range c.pix {
			want := min(max(slowInverse(&coefs, q, i%8, i/8), 0), 255)
			if d := math.Abs(float64(v) - want); d > 0.6 {
				t.Fatalf("sample %d is %d, want %.3f", i, v, want)
			}
		}
		half := component{stride: 1, rows: 1, side: 4, quant: *q, pix: make([]byte, 16)}
		half.inverse(&coefs, 0, 0, 63)
		for i, v := range half.pix { // the mean of four
			x, y := 2*(i%4), 2*(i/4)
			want := (slowInverse(&coefs, q, x, y) + slowInverse(&coefs, q, x+1, y) + slowInverse(&coefs, q, x, y+1) + slowInverse(&coefs, q, x+1, y+1)) / 4
			if d := math.Abs(float64(v) - min(max(want, 0), 255)); d > 0.6 {
				t.Fatalf("sample %d at half the size is %d, want %.3f", i, v, want)
			}
		}
		coefs = [64]int16{coefs[0]} // a flat block, the long way and the short
		c.inverse(&coefs, 0, 0, 63)
		long := bytes.Clone(c.pix)
		c.inverse(&coefs, 0, 0, 0)
		if !bytes.Equal(long, c.pix) {
			t.Fatalf("a flat block of %d is %d, not %d", coefs[0], c.pix[0], long[0])
		}
	}
}

// slowInverse is one sample by T.81 A.3.3.
func slowInverse(coefs *[64]int16, q *[64]uint16, x, y int) float64 {
	norm := func(k int) float64 {
		if k == 0 {
			return math.Sqrt2 / 2
		}
		return 1
	}
	var sum float64
	for v := range 8 {
		for u := range 8 {
			sum += norm(u) * norm(v) * float64(coefs[8*v+u]) * float64(q[8*v+u]) *
				math.Cos(float64(2*x+1)*float64(u)*math.Pi/16) * math.Cos(float64(2*y+1)*float64(v)*math.Pi/16)
		}
	}
	return sum/4 + 128
}

// TestCut: whatever is missing at the end is noticed, except the end marker alone of
// a picture that is not progressive.
func TestCut(t *testing.T) {
	for name, data := range samples(t) {
		if _, err := new(Decoder).Decode(data); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for n := range len(data) - 3 {
			if _, err := new(Decoder).Decode(data[:n]); err == nil {
				t.Fatalf("%s: the first %d of %d bytes are read as a picture", name, n, len(data))
			} else if n > 2 && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("%s: the first %d of %d bytes: %v, want a truncated file", name, n, len(data), err)
			}
		}
		_, err := new(Decoder).Decode(data[:len(data)-2])
		if name == "progressive.jpg" == (err == nil) {
			t.Errorf("%s without its end marker: %v", name, err)
		}
	}
}

// TestRefuses names what is not read.
func TestRefuses(t *testing.T) {
	good := samples(t)["444.jpg"]
	edit := func(marker byte, change func(segment []byte)) []byte {
		data := bytes.Clone(good)
		at := bytes.Index(data, []byte{0xff, marker})
		change(data[at:])
		return data
	}
	for _, c := range []struct {
		want string
		data []byte
	}{
		{"no JPEG", []byte("\x89PNG")},
		{"no picture in it", []byte{0xff, soi, 0xff, eoi}},
		{"lossless, hierarchical or arithmetic", edit(sof0, func(s []byte) { s[1] = 0xc3 })},
		{"arithmetic", edit(sof0, func(s []byte) { s[1] = 0xc9 })},
		{"samples of 12 bits", edit(sof0, func(s []byte) { s[4] = 12 })},
		{"a picture of 31×0", edit(sof0, func(s []byte) { s[5], s[6] = 0, 0 })},
		{"damaged frame header", edit(sof0, func(s []byte) { s[9] = 4 })},
		{"2 components", edit(sof0, func(s []byte) { s[9] = 2 })},
		{"damaged frame header", edit(sof0, func(s []byte) { s[11] = 0x50 })},
		{"more finely than the first", edit(sof0, func(s []byte) { s[14] = 0x22 })},
		{"quantisation table", edit(dqt, func(s []byte) { s[4] = 0x29 })},
		{"without its quantisation table", edit(sof0, func(s []byte) { s[12] = 3 })},
		{"more codes than there are", edit(dht, func(s []byte) { s[5], s[7] = s[7], 0 })},
		{"damaged Huffman table", edit(dht, func(s []byte) { s[4] = 0x25 })},
		{"without its Huffman table", edit(sos, func(s []byte) { s[6] = 0x33 })},
		{"damaged scan header", edit(sos, func(s []byte) { s[7] = s[5] })},
		{"damaged scan header", edit(sos, func(s []byte) { s[5] = 99 })},
		{"impossible length", edit(dqt, func(s []byte) { s[2], s[3] = 0, 1 })},
	} {
		if _, err := new(Decoder).Decode(c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// TestConfig reads sizes without the rest of the file.
func TestConfig(t *testing.T) {
	for name, data := range samples(t) {
		p, err := new(Decoder).Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		at := bytes.IndexByte(data, 0xda)
		if w, h, err := new(Decoder).Config(data[:at]); err != nil || w != p.W || h != p.H {
			t.Errorf("%s: %d×%d, %v, want %d×%d", name, w, h, err, p.W, p.H)
		}
	}
}

// TestCommon: a picture is only common with all of its tables in it.
func TestCommon(t *testing.T) {
	var r Decoder
	whole := encoded(t, 40, 30, 90)
	if _, _, err := r.Config(whole); err != nil || !r.Common() {
		t.Errorf("the whole picture: %v", err)
	}
	for name, marker := range map[string]byte{"quantisation": 0xdb, "Huffman": 0xc4, "scan": 0xda} {
		b := bytes.Clone(whole)
		b[bytes.Index(b, []byte{0xff, marker})+1] = 0xfe // a comment
		if _, _, err := r.Config(b); err != nil || r.Common() {
			t.Errorf("without its %s: common, %v", name, err)
		}
	}
	data := samples(t)["progressive.jpg"]
	if _, _, err := r.Config(data); err != nil || r.Common() {
		t.Errorf("a progressive picture is common, %v", err)
	}
}

// FuzzDecode: no file makes it panic, read beyond a plane, or take more memory than
// its header says. A Decoder that has read others before makes the same of it, and
// the same of what follows.
func FuzzDecode(f *testing.F) {
	neighbour := encoded(f, 40, 30, 90)
	for _, data := range samples(f) {
		f.Add(data)
	}
	f.Add(encoded(f, 33, 17, 40))
	f.Fuzz(func(t *testing.T, data []byte) {
		w, h, err := new(Decoder).Config(data)
		if err != nil || w*h > 1<<16 {
			return
		}
		p, err := new(Decoder).Decode(data)
		used := new(Decoder)
		for _, data := range [][]byte{neighbour, data, neighbour, data} {
			want, err := new(Decoder).Decode(data)
			if got, err2 := used.Decode(data); fmt.Sprint(err) != fmt.Sprint(err2) || err == nil && !reflect.DeepEqual(got, want) {
				t.Fatalf("%v and %v: among others %+v, alone %+v", err2, err, got, want)
			}
		}
		half, halfErr := used.DecodeHalf(data)
		if fmt.Sprint(err) != fmt.Sprint(halfErr) {
			t.Fatalf("%v, at half the size %v", err, halfErr)
		}
		if err != nil {
			return
		}
		whole(t, p, w, h)
		whole(t, half, (w+1)/2, (h+1)/2)
	})
}

// whole wants a picture of w×h with a sample for every pixel.
func whole(t *testing.T, p *Picture, w, h int) {
	t.Helper()
	if p.W != w || p.H != h {
		t.Fatalf("%d×%d, and its header says %d×%d", p.W, p.H, w, h)
	}
	for _, c := range p.Planes {
		if c.W*c.Hor < w || c.H*c.Ver < h || len(c.Pix) < c.Stride*(c.H-1)+c.W {
			t.Fatalf("a plane of %d×%d samples of %d×%d pixels, %d bytes", c.W, c.H, c.Hor, c.Ver, len(c.Pix))
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	data := encoded(b, 512, 384, 90)
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := new(Decoder).Decode(data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("standard library", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := stdjpeg.Decode(bytes.NewReader(data)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// TestLookup: what is looked up at once is what a code and then its value give.
func TestLookup(t *testing.T) {
	for _, c := range []struct {
		counts  [16]byte
		symbols []byte
	}{
		{[16]byte{1, 1, 1}, []byte{0x08, 0x01, 0xf1}}, // one bit for values that take eight
		{[16]byte{0, 2, 1, 3, 3, 2, 4, 3, 5}, []byte{0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xa1}},
	} {
		var h huffman
		if err := h.set(c.counts[:], c.symbols); err != nil {
			t.Fatal(err)
		}
		found := 0
		for i, e := range h.whole {
			b := bits{acc: uint64(i) << 32, n: lookBits + 32}
			rs, err := b.symbol(&h)
			size := int(rs & 15)
			used := lookBits + 32 - b.n + size
			v := b.value(size)
			fits := err == nil && size > 0 && used <= lookBits && v >= -128 && v <= 127
			if fits != (e != 0) || fits && (int(e>>8) != v || int(e>>4&15) != int(rs>>4) || int(e&15) != used) {
				t.Errorf("next bits %09b: value %d after %d zeros in %d bits, looked up %#x", i, v, rs>>4, used, e)
			}
			if fits {
				found++
			}
		}
		if found == 0 {
			t.Error("nothing is looked up")
		}
	}
}

// TestShrink: a decoder gives back what is too large, and decodes on.
func TestShrink(t *testing.T) {
	var d Decoder
	d.Shrink(0) // of nothing yet
	large, small := encoded(t, 200, 200, 90), encoded(t, 16, 16, 90)
	for _, data := range [][]byte{large, small, large} {
		if _, err := d.Decode(data); err != nil {
			t.Fatal(err)
		}
	}
	d.Shrink(200 * 200)
	for i := range d.d.room {
		if n := cap(d.d.room[i].pix); n > 200*200 {
			t.Errorf("component %d keeps %d bytes", i, n)
		}
	}
	p, err := d.Decode(small)
	want, _ := new(Decoder).Decode(small)
	if err != nil || !bytes.Equal(p.Planes[0].Pix, want.Planes[0].Pix) {
		t.Errorf("after that: %v", err)
	}
}
