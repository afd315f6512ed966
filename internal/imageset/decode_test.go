package imageset

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// read returns a file's bytes.
func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// pixels decodes a whole picture.
func pixels(t testing.TB, m *Image) []byte {
	t.Helper()
	out := make([]byte, 3*m.W*m.H)
	for y := range m.H {
		m.Row(out[3*m.W*y:], y)
	}
	return out
}

// wantPixels reads an 8-bit RGB PNG through the standard library alone.
func wantPixels(t testing.TB, path string) (pix []byte, w, h int) {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(read(t, path)))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	b := img.Bounds()
	for y := range b.Dy() {
		for x := range b.Dx() {
			r, g, b, _ := img.At(x, y).RGBA()
			pix = append(pix, byte(r>>8), byte(g>>8), byte(b>>8))
		}
	}
	return pix, b.Dx(), b.Dy()
}

// difference is the mean and largest absolute difference.
func difference(a, b []byte) (mean float64, most int) {
	sum := 0
	for i := range a {
		d := int(a[i]) - int(b[i])
		sum += max(d, -d)
		most = max(most, d, -d)
	}
	return float64(sum) / float64(len(a)), most
}

// TestDecodeGoldens compares every format with PIL (testdata/gen/images.py).
// All are exact.
func TestDecodeGoldens(t *testing.T) {
	files, err := filepath.Glob("testdata/decode/*.want.png")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d goldens, %v", len(files), err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(f, ".want.png")
		t.Run(filepath.Base(name), func(t *testing.T) {
			m, err := Decode(read(t, name))
			if err != nil {
				t.Fatal(err)
			}
			want, w, h := wantPixels(t, f)
			if m.W != w || m.H != h {
				t.Fatalf("%d×%d pixels, want %d×%d", m.W, m.H, w, h)
			}
			mean, most := difference(pixels(t, m), want)
			if most > 0 {
				t.Errorf("differs from PIL by %.4f on average and %d at most", mean, most)
			}
		})
	}
}

// bigPNG is a valid PNG header that claims w×h pixels.
func bigPNG(w, h uint32) []byte {
	ihdr := binary.BigEndian.AppendUint32([]byte("IHDR"), w)
	ihdr = append(binary.BigEndian.AppendUint32(ihdr, h), 8, 2, 0, 0, 0)
	b := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), ihdr...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(ihdr))
}

func TestDecodeRefuses(t *testing.T) {
	jpeg := read(t, "testdata/decode/420_34x18.jpg")
	wide := bytes.Clone(jpeg)
	at := bytes.Index(wide, []byte{0xff, 0xc0})
	copy(wide[at+5:], []byte{0x20, 0, 0x20, 0}) // 8192×8192 in a file of a kilobyte
	animation := read(t, "testdata/decode/animated_lossy.webp")
	first := bytes.Index(animation, []byte("ANMF"))
	beyond, bomb := bytes.Clone(animation), bytes.Clone(animation)
	beyond[first+8] = 1 // two pixels to the right, of a frame as large as the canvas
	copy(bomb[24:], []byte{0xff, 0x7f, 0, 0xff, 0x7f, 0})
	for _, c := range []struct {
		name, want string
		data       []byte
	}{
		{"empty", "empty", nil},
		{"text", "not an image", []byte("hello, world")},
		{"html", "HTML", []byte("<html>")},
		{"tiff", "TIFF", []byte("II*\x00abcdefgh")},
		{"heic", "HEIC", []byte("\x00\x00\x00\x18ftypheic")},
		{"bomb", "50000×50000 pixels, more than the limit", bigPNG(50000, 50000)},
		{"long", "a side longer", bigPNG(1<<21, 1)},
		{"lying", "more than a file of", wide},
		{"half a header", "truncated", jpeg[:20]},
		{"half a jpeg", "jpeg", jpeg[:len(jpeg)/2]},
		{"half a png", "decode png", read(t, "testdata/decode/rgb.png")[:200]},
		{"half a gif", "gif", read(t, "testdata/decode/plain.gif")[:400]},
		{"half a webp", "webp", read(t, "testdata/decode/lossy_31x19.webp")[:60]},
		{"half an animation", "webp", animation[:first+60]},
		{"no frame", "no frame", animation[:first]},
		{"a frame beyond the canvas", "beyond the canvas", beyond},
		{"an animated bomb", "32768×32768 pixels, more than the limit", bomb},
		{"half a bmp", "truncated", read(t, "testdata/decode/rgb.bmp")[:1000]},
	} {
		m, err := Decode(c.data)
		if err == nil || m != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

// TestDecodeRealJPEG compares a photograph of the data pack with what libjpeg made
// of it.
func TestDecodeRealJPEG(t *testing.T) {
	m, err := Decode(read(t, data(t, "dtd", "images", "braided", "braided_0180.jpg")))
	if err != nil {
		t.Fatal(err)
	}
	want, _, _ := wantPixels(t, data(t, "goldens", "images", "1_braid_256x283.png"))
	if mean, most := difference(pixels(t, m), want); most > 0 {
		t.Errorf("differs from libjpeg by %.4f on average and %d at most", mean, most)
	}
}

// after decodes a picture in memory that another was decoded in before, and that
// one again. err is what the picture gave alone.
func after(t *testing.T, neighbour, b []byte, err error) {
	w := new(workshop)
	for i, data := range [][]byte{neighbour, b, neighbour} {
		var m *Image
		h, err2 := w.readHeader(data)
		if err2 == nil {
			m, err2 = w.decode(h, data)
		}
		if i == 1 && (err == nil) != (err2 == nil) || i != 1 && err2 != nil {
			t.Fatalf("alone %v, among others %v", err, err2)
		}
		if err2 != nil {
			continue
		}
		alone, err := Decode(data)
		if err != nil || !bytes.Equal(pixels(t, alone), pixels(t, m)) {
			t.Fatalf("other pixels after another picture, %v", err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	neighbour := read(f, "testdata/decode/420_34x18.jpg")
	files, _ := filepath.Glob("testdata/decode/*")
	for _, file := range files {
		if !strings.HasSuffix(file, ".want.png") {
			f.Add(read(f, file))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := new(workshop).readHeader(b); err == nil && h.w*h.h > 1<<20 {
			return // legal, and slow
		}
		m, err := Decode(b)
		after(t, neighbour, b, err)
		if err != nil {
			return
		}
		pixels(t, m)
		if m.Format == "jpeg" {
			pixels(t, atHalf(t, new(workshop), b))
		}
		p := presets["cifar10"]
		tensor, h, w, err := p.Apply(m)
		if 32*max(m.W, m.H)/min(m.W, m.H) > maxSide {
			if err == nil {
				t.Errorf("%d×%d picture was resized", m.W, m.H)
			}
			return // too long and narrow
		}
		if err != nil || h != 32 || w != 32 || math.IsNaN(float64(tensor[0])) {
			t.Errorf("%d×%d picture became %d×%d, %v", m.W, m.H, w, h, err)
		}
	})
}
