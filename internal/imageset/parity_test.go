package imageset

import (
	"image"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
)

// TestParity compares with what PIL and torchvision make of drawn photographs
// (testdata/gen/preprocess.py): every filter, short side, stretched and enlarged;
// torch without antialias; timm's crop modes; channels the other way round. All
// of PIL is exact. Torch adds in another order, which may turn a half the other
// way: at most one level, in one value of a thousand.
func TestParity(t *testing.T) {
	files, err := filepath.Glob("testdata/preprocess/*.*.png")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range files {
		config, source, _ := strings.Cut(strings.TrimSuffix(filepath.Base(f), ".png"), ".")
		if strings.HasPrefix(config, "exif_") {
			continue
		}
		n++
		p, err := ParsePreprocess("testdata/preprocess/" + config + ".json")
		if err != nil {
			t.Fatal(err)
		}
		p = p.Bytes()
		got, h, w := apply(t, p, "testdata/preprocess/"+source+".png")
		want, ww, wh := wantPixels(t, f)
		if h != wh || w != ww {
			t.Errorf("%s: %d×%d pixels, want %d×%d", f, w, h, ww, wh)
			continue
		}
		mean, most := difference(interleaved(got, h, w), want)
		if limit := 1e-3; strings.HasPrefix(config, "aliased_") && mean <= limit && most <= 1 {
			continue
		}
		if most > 0 {
			t.Errorf("%s differs by %.4f on average and %d at most", f, mean, most)
		}
	}
	if n != 62 {
		t.Errorf("%d goldens, want 62", n)
	}
}

// interleaved is a tensor of bytes as pixels.
func interleaved(tensor []float32, h, w int) []byte {
	pix := make([]byte, len(tensor))
	for i, v := range tensor {
		c, at := i/(h*w), i%(h*w)
		pix[3*at+c] = byte(v)
	}
	return pix
}

// TestUpright compares with PIL's exif_transpose, and wants the picture as it is
// stored where nobody asked for that.
func TestUpright(t *testing.T) {
	files, err := filepath.Glob("testdata/preprocess/exif_*.want.png")
	if err != nil || len(files) != 12 {
		t.Fatalf("%d goldens, %v", len(files), err)
	}
	for _, f := range files {
		m, err := Decode(read(t, strings.TrimSuffix(f, ".want.png")))
		if err != nil {
			t.Fatal(err)
		}
		if n := filepath.Base(f)[len("exif_")] - '0'; m.Orientation != int(n) {
			t.Errorf("%s: orientation %d", f, m.Orientation)
		}
		p := &Preprocess{Scale: 1, Std: [3]float64{1, 1, 1}}
		_, h, w, _ := p.Apply(m)
		if h != 16 || w != 23 {
			t.Errorf("%s: turned to %d×%d, which nobody asked for", f, w, h)
		}
		p.Upright = true
		got, h, w, err := p.Apply(m)
		want, ww, wh := wantPixels(t, f)
		if err != nil || h != wh || w != ww {
			t.Fatalf("%s: %d×%d pixels, want %d×%d, %v", f, w, h, ww, wh, err)
		}
		mean, most := difference(interleaved(got, h, w), want)
		if most > 0 {
			t.Errorf("%s differs from PIL by %.4f on average and %d at most", f, mean, most)
		}
	}
}

// TestInterpolateNearSlow compares interpolation without antialias with its
// definition in float64, for odd sizes and windows.
func TestInterpolateNearSlow(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	var r resampler
	for range 200 {
		w, h, rw, rh := 1+rng.IntN(30), 1+rng.IntN(30), 1+rng.IntN(40), 1+rng.IntN(40)
		f := []Filter{Bilinear, Bicubic}[rng.IntN(2)]
		pix := noise(rng, w, h)
		x, y := rng.IntN(rw), rng.IntN(rh)
		win := image.Rect(x, y, x+1+rng.IntN(rw-x), y+1+rng.IntN(rh-y))
		got := r.window(rgb(pix, w, h), rw, rh, f, true, win)
		for i := range got {
			px, py, c := i/3%win.Dx()+win.Min.X, i/3/win.Dx()+win.Min.Y, i%3
			want := slowInterpolated(f, pix, w, h, rw, rh, px, py, c)
			if d := math.Abs(float64(got[i]) - want); d > 0.501 {
				t.Fatalf("%v of %d×%d to %d×%d at %d,%d: %d, want %.3f", f, w, h, rw, rh, px, py, got[i], want)
			}
		}
	}
}

// slowInterpolated is one value by the definition: the sum over all source samples,
// those beyond the ends repeating the end, weighted by their distance.
func slowInterpolated(f Filter, pix []byte, w, h, rw, rh, x, y, c int) float64 {
	weight := func(d float64) float64 {
		d = math.Abs(d)
		switch {
		case f == Bilinear:
			return max(0, 1-d)
		case d <= 1:
			return (1.25*d-2.25)*d*d + 1
		case d < 2:
			return ((-0.75*d+3.75)*d-6)*d + 3
		}
		return 0
	}
	atX, atY := (float64(x)+0.5)*float64(w)/float64(rw)-0.5, (float64(y)+0.5)*float64(h)/float64(rh)-0.5
	var sum float64
	for j := -3; j < h+3; j++ {
		for i := -3; i < w+3; i++ {
			v := pix[3*(min(max(j, 0), h-1)*w+min(max(i, 0), w-1))+c]
			sum += weight(float64(i)-atX) * weight(float64(j)-atY) * float64(v)
		}
	}
	return min(max(sum, 0), 255)
}

// TestNoAllocations: in the steady state an image takes no memory, also when sizes
// vary from image to image.
func TestNoAllocations(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	var pictures []*Image
	for _, size := range [][2]int{{131, 97}, {97, 131}, {120, 80}, {64, 64}, {200, 101}, {77, 78}, {40, 40}} {
		pictures = append(pictures, rgb(noise(rng, size[0], size[1]), size[0], size[1]))
	}
	for _, f := range filters {
		for _, aliased := range []bool{false, f == Bilinear || f == Bicubic} {
			p := Preprocess{ShortSide: 48, CropH: 44, CropW: 60, Resample: f, Aliased: aliased, Scale: 1, Std: [3]float64{1, 1, 1}}
			if err := p.finish(); err != nil {
				t.Fatal(err)
			}
			tr := transformer{pre: &p}
			var tensor []float32
			all := func() {
				for _, m := range pictures {
					tensor, _, _, _ = tr.apply(tensor, m)
				}
			}
			for range 5 { // until each kept kernel has met the largest size
				all()
			}
			if n := testing.AllocsPerRun(10, all); n > 0 {
				t.Errorf("%v (aliased %v): %v allocations for %d images", f, aliased, n, len(pictures))
			}
		}
	}
}

// FuzzOrientation: whatever a file says, it is 1 to 8.
func FuzzOrientation(f *testing.F) {
	files, _ := filepath.Glob("testdata/preprocess/exif_6.*")
	for _, file := range files {
		if !strings.HasSuffix(file, ".want.png") {
			f.Add(read(f, file))
		}
	}
	f.Add([]byte("MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, format := range []string{"jpeg", "png", "webp", "gif"} {
			if n := orientation(format, b); n < 1 || n > 8 {
				t.Errorf("%s: %d", format, n)
			}
		}
		if n := exifOrientation(b); n < 1 || n > 8 {
			t.Errorf("%d", n)
		}
	})
}
