package imageset

import (
	"bytes"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
)

// photograph is a JPEG of the given size, in full colour or gray.
func photograph(t testing.TB, w, h int, gray bool) []byte {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(w), uint64(h)))
	colour := image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420)
	for i := range colour.Y {
		colour.Y[i] = byte(i/w + rng.IntN(60))
	}
	for i := range colour.Cb {
		colour.Cb[i], colour.Cr[i] = byte(i), byte(200-i)
	}
	var img image.Image = colour
	if gray {
		img = &image.Gray{Pix: colour.Y, Stride: colour.YStride, Rect: colour.Rect}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 85}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// steady makes the tensors of pictures again and again, as a worker does.
type steady struct {
	l     loader
	w     worker
	slots []*slot
}

func newSteady(t testing.TB) *steady {
	pre := preset(t, "imagenet")
	s := &steady{l: loader{pre: pre}, w: worker{transformer: transformer{pre: pre}}}
	for _, file := range [][]byte{photograph(t, 224, 224, false), photograph(t, 500, 375, false), photograph(t, 300, 400, true)} {
		s.slots = append(s.slots, &slot{item: item{buf: file}})
	}
	record := make([]byte, cifarPixels)
	s.slots = append(s.slots, &slot{item: item{buf: record, raw: cifarImage}})
	return s
}

// forms are the ways to decode JPEG that this machine has.
func (s *steady) forms(t testing.TB, run func(name string)) {
	run("go")
	if s.w.goNative(); s.w.native != nil {
		run("native")
		s.w.close()
	}
}

func (s *steady) round(t testing.TB) {
	for _, slot := range s.slots {
		if err := s.l.prepare(slot, &s.w); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSteadyState: once a worker has seen pictures of these sizes it allocates nothing for more of them.
func TestSteadyState(t *testing.T) {
	s := newSteady(t)
	s.forms(t, func(name string) {
		s.round(t)
		if n := testing.AllocsPerRun(20, func() { s.round(t) }); n > 0 {
			t.Errorf("%s: %v allocations for %d pictures", name, n, len(s.slots))
		}
	})
}

func BenchmarkPrepare(b *testing.B) {
	s := newSteady(b)
	s.forms(b, func(name string) {
		b.Run(name, func(b *testing.B) {
			s.round(b)
			b.ReportAllocs()
			for b.Loop() {
				s.round(b)
			}
		})
	})
}

// TestLoadAllocates bounds what a picture costs beside its pixels: names, and what the system wants for an open file.
func TestLoadAllocates(t *testing.T) {
	dir := t.TempDir()
	files, file := map[string]string{}, string(photograph(t, 64, 64, false))
	for i := range 400 {
		files[strconv.Itoa(i)+".jpg"] = file
	}
	write(t, dir, files)
	src, err := Open(filepath.Clean(dir))
	if err != nil {
		t.Fatal(err)
	}
	pre := preset(t, "cifar10")
	load := func(limit int) (allocs, size uint64) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := Load(t.Context(), src, pre, Options{Limit: limit, Batch: 8, Workers: 2}, func(*Batch) error { return nil }); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.Mallocs - before.Mallocs, after.TotalAlloc - before.TotalAlloc
	}
	few, fewBytes := load(100)
	all, allBytes := load(400)
	if n, size := (all-few)/300, (allBytes-fewBytes)/300; n > 30 || size > 3<<10 {
		t.Errorf("%d allocations, %d bytes for each picture", n, size)
	}
}
