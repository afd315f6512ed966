package imageset

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// preset returns a preset that is ready for use.
func preset(t testing.TB, name string) *Preprocess {
	t.Helper()
	p, err := ParsePreprocess(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// pngOf is a picture of one colour.
func pngOf(t testing.TB, w, h int, c color.Color) string {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		img.Set(i%w, i/w, c)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// folder is a folder of n pictures, picture i of gray i, and of the files bad.
func folder(t testing.TB, n int, bad ...string) Source {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{}
	for i := range n {
		files[fmt.Sprintf("%03d.png", i)] = pngOf(t, 40, 32, color.Gray{Y: uint8(i)})
	}
	for i, name := range bad {
		files[name] = []string{"", "text", pngOf(t, 40, 32, color.White)[:60]}[i%3]
	}
	write(t, dir, files)
	src, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// loaded is what a run of Load handed over.
type loaded struct {
	ids     []string
	labels  []int64
	first   []float32 // the first value of each tensor
	batches []int
}

func (l *loaded) take(b *Batch) error {
	if len(b.IDs) != b.N || len(b.Labels) != b.N || len(b.Input) != b.N*b.C*b.H*b.W {
		return fmt.Errorf("batch of %d has %d ids, %d labels, %d values of %d×%d×%d", b.N, len(b.IDs), len(b.Labels), len(b.Input), b.C, b.H, b.W)
	}
	l.ids, l.labels = append(l.ids, b.IDs...), append(l.labels, b.Labels...)
	for i := range b.N {
		l.first = append(l.first, b.Input[i*b.C*b.H*b.W])
	}
	l.batches = append(l.batches, b.N)
	// The batch is ours until we return: nothing may depend on it afterwards.
	clear(b.Input)
	clear(b.IDs)
	return nil
}

// TestLoadOrder: the images come in the source's order with their own pixels,
// whatever the number of workers, and those that cannot be read are reported.
func TestLoadOrder(t *testing.T) {
	src := folder(t, 100, "010-empty.png", "050-text.jpg", "099-cut.png")
	pre := preset(t, "cifar10")
	for _, workers := range []int{1, 2, 7} {
		for _, batch := range []int{1, 16, 200} {
			var got loaded
			var last Progress
			opt := Options{Workers: workers, Batch: batch, MaxBad: 0.03, Progress: func(p Progress) { last = p }}
			report, err := Load(t.Context(), src, pre, opt, got.take)
			if err != nil {
				t.Fatal(err)
			}
			for i, id := range got.ids {
				if want := fmt.Sprintf("%03d.png", i); id != want || got.first[i] != pre.values[0][i] {
					t.Fatalf("image %d is %s with value %v, want %s with %v", i, id, got.first[i], want, pre.values[0][i])
				}
			}
			var skipped []string
			for _, s := range report.Skipped {
				skipped = append(skipped, s.ID)
			}
			if want := []string{"010-empty.png", "050-text.jpg", "099-cut.png"}; !reflect.DeepEqual(skipped, want) || report.Images != 100 || len(got.ids) != 100 {
				t.Errorf("%d images, skipped %q", report.Images, skipped)
			}
			if want := (Progress{Done: 103, Total: 103, Skipped: 3}); last != want {
				t.Errorf("last progress %+v, want %+v", last, want)
			}
			if n := (100 + batch - 1) / batch; len(got.batches) != n {
				t.Errorf("%d batches of %d, want %d", len(got.batches), batch, n)
			}
		}
	}
}

// TestLoadTooManyBad: one bad image more than the fraction allows is an error
// that names the images and the flag.
func TestLoadTooManyBad(t *testing.T) {
	bad := []string{"000a.png", "000b.png", "000c.png", "000d.png", "000e.png", "000f.png", "000g.png"}
	src := folder(t, 93, bad...)
	for _, c := range []struct {
		limit float64
		want  string
	}{
		{0.07, ""},
		{0.0699, "7 of 100 images could not be read, more than the fraction of 0.0699 that --max-bad allows:\n  000a.png: the file is empty\n"},
		{0.05, "\n  000e.png: not an image: expected PNG, JPEG, GIF, WebP or BMP\n  and "}, // 1 or 2 more, as many as were met before the images were counted
		{0, " of 100 images could not be read"},
		{-1, "expected a fraction"},
		{1.5, "expected a fraction"},
		{math.NaN(), "expected a fraction"},
	} {
		var got loaded
		report, err := Load(t.Context(), src, preset(t, "cifar10"), Options{MaxBad: c.limit}, got.take)
		if c.want == "" {
			if err != nil {
				t.Errorf("limit %v: %v", c.limit, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("limit %v: error %v, want one with %q", c.limit, err, c.want)
		}
		var many *TooManyBadError
		if errors.As(err, &many) && len(many.Skipped) != len(report.Skipped) {
			t.Errorf("limit %v: %d skipped in the error, %d in the report", c.limit, len(many.Skipped), len(report.Skipped))
		}
	}
	none := folder(t, 0, bad...)
	if _, err := Load(t.Context(), none, preset(t, "cifar10"), Options{MaxBad: 1}, new(loaded).take); err == nil ||
		!strings.Contains(err.Error(), "none of 7 images could be read:\n  000a.png") {
		t.Errorf("only bad images: %v", err)
	}
	if _, err := Load(t.Context(), src, preset(t, "cifar10"), Options{MaxBad: 0.1, Limit: 5}, new(loaded).take); err == nil {
		t.Error("the fraction is not one of the limited number")
	}
}

// TestAllowed: a fraction that binary numbers miss by a hair is meant exactly,
// and never are all images allowed to be bad.
func TestAllowed(t *testing.T) {
	for _, c := range []struct {
		total    int
		fraction float64
		want     int
	}{{100, 0.29, 29}, {100, 0.07, 7}, {20, 0.01, 0}, {99, 0.01, 0}, {100, 0.01, 1}, {5, 1, 4}, {1, 1, 0}} {
		if got := allowed(c.total, c.fraction); got != c.want {
			t.Errorf("%v of %d allows %d, want %d", c.fraction, c.total, got, c.want)
		}
	}
}

// TestLoadLimit loads the first images only.
func TestLoadLimit(t *testing.T) {
	for limit, want := range map[int]int{0: 30, 1: 1, 7: 7, 30: 30, 99: 30} {
		var got loaded
		report, err := Load(t.Context(), folder(t, 30), preset(t, "cifar10"), Options{Limit: limit, Batch: 4}, got.take)
		if err != nil || report.Images != want || len(got.ids) != want || got.ids[want-1] != fmt.Sprintf("%03d.png", want-1) {
			t.Errorf("limit %d: %d images, %v", limit, report.Images, err)
		}
	}
}

// TestLoadSizes: without a crop, a batch ends where the size changes.
func TestLoadSizes(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.png": pngOf(t, 40, 20, color.White), "b.png": pngOf(t, 40, 20, color.Black), "c.png": pngOf(t, 20, 40, color.White)})
	src, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	pre, err := parseConfig([]byte(`{"size": {"shortest_edge": 10}, "resample": 2, ` + stats + `}`))
	if err != nil {
		t.Fatal(err)
	}
	var shapes [][3]int
	_, err = Load(t.Context(), src, pre, Options{}, func(b *Batch) error {
		shapes = append(shapes, [3]int{b.N, b.H, b.W})
		return nil
	})
	if want := [][3]int{{2, 10, 20}, {1, 20, 10}}; err != nil || !reflect.DeepEqual(shapes, want) {
		t.Errorf("batches %v, want %v, %v", shapes, want, err)
	}
}

// TestLoadStops: an error of yield and a cancelled context end Load at once,
// and no goroutine is left.
func TestLoadStops(t *testing.T) {
	before := runtime.NumGoroutine()
	full := errors.New("disk full")
	report, err := Load(t.Context(), folder(t, 60), preset(t, "cifar10"), Options{Batch: 4}, func(b *Batch) error { return full })
	if err != full || report.Images != 0 {
		t.Errorf("after a failing yield: %d images, %v", report.Images, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	_, err = Load(ctx, folder(t, 60), preset(t, "cifar10"), Options{Batch: 4}, func(b *Batch) error {
		calls++
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) || calls > 1 {
		t.Errorf("after cancelling: %d more batches, %v", calls-1, err)
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d goroutines before, %d after", before, runtime.NumGoroutine())
}

// brokenSource ends, or fails, before its time.
type brokenSource struct {
	cifarSource
	err error
}

func (s *brokenSource) read(from int) (reader, error) { return s, nil }
func (s *brokenSource) next(*item) error              { return s.err }
func (s *brokenSource) Close() error                  { return nil }
func (s *brokenSource) Len() int                      { return 3 }

func TestLoadBrokenSource(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{{io.EOF, "ended after 0 of 3 images"}, {errors.New("bad sector"), "bad sector"}} {
		_, err := Load(t.Context(), &brokenSource{err: c.err}, preset(t, "cifar10"), Options{}, new(loaded).take)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one with %q", err, c.want)
		}
	}
}

// TestLoadReasons: whatever is wrong with a file is its own reason, and other
// images are not harmed.
func TestLoadReasons(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"good.png": pngOf(t, 8, 8, color.White), "folder.png/": "", "bomb.png": string(bigPNG(50000, 50000)), "actually-a-gif.png": string(read(t, "testdata/decode/plain.gif")),
		"list": "good.png 0\nmissing.png 1\nfolder.png 2\nbomb.png\nactually-a-gif.png\n",
	})
	src, err := Open(filepath.Join(dir, "list"))
	if err != nil {
		t.Fatal(err)
	}
	var got loaded
	report, err := Load(t.Context(), src, preset(t, "imagenet"), Options{MaxBad: 0.8}, got.take)
	if err != nil || !reflect.DeepEqual(got.ids, []string{"good.png", "actually-a-gif.png"}) || !reflect.DeepEqual(got.labels, []int64{0, -1}) {
		t.Errorf("loaded %q with labels %v, %v", got.ids, got.labels, err)
	}
	for i, want := range []string{"missing.png: no such file", "not a regular file", "50000×50000 pixels, more than the limit"} {
		if i >= len(report.Skipped) || !strings.Contains(report.Skipped[i].Reason, want) {
			t.Errorf("skipped %+v, want reason %d with %q", report.Skipped, i, want)
		}
	}
	broken := &endless{n: 3, raw: func(*Image, []byte) { panic("index out of range") }}
	if _, err := Load(t.Context(), broken, preset(t, "cifar10"), Options{}, new(loaded).take); err == nil || !strings.Contains(err.Error(), "damaged file: index out of range") {
		t.Errorf("a decoder that panics: %v", err)
	}
}

// endless is a source of n raw pictures that cost nothing to read, and counts
// how many were asked for.
type endless struct {
	cifarSource
	n, asked int
	raw      func(*Image, []byte) // cifarImage when nil
}

func (s *endless) read(from int) (reader, error) { return s, nil }
func (s *endless) Close() error                  { return nil }
func (s *endless) Len() int                      { return s.n }

func (s *endless) next(it *item) error {
	s.asked++
	it.buf = resize(it.buf, cifarPixels)
	it.id, it.raw = "x", cifarImage
	if s.raw != nil {
		it.raw = s.raw
	}
	return nil
}

// unsized is a source that does not know how long it is, whose last images are
// bad. With counted it can count.
type unsized struct {
	endless
	bad int
}

func (s *unsized) Len() int                      { return -1 }
func (s *unsized) read(from int) (reader, error) { s.asked = 0; return s, nil }
func (s *unsized) next(it *item) error {
	if s.asked == s.n {
		return io.EOF
	}
	if s.asked >= s.n-s.bad {
		it.bad = errors.New("bad sector")
	}
	return s.endless.next(it)
}

type counted struct{ unsized }

func (s *counted) count(context.Context, int) int { return s.n }

// TestLoadUnsized: a share of bad images is one of all images, also where their
// number is known late or at the end.
func TestLoadUnsized(t *testing.T) {
	pre := preset(t, "cifar10")
	for _, c := range []struct {
		bad    int
		maxBad float64
		limit  int
		want   string
	}{
		{0, 0, 0, ""}, {10, 0.1, 0, ""}, {11, 0.1, 0, "of 100 images could not be read"}, {100, 1, 0, "none of 100 images"},
		{11, 0, 89, ""}, {11, 0, 90, "1 of 90 images could not be read"},
	} {
		for _, src := range []Source{&unsized{endless{n: 100}, c.bad}, &counted{unsized{endless{n: 100}, c.bad}}} {
			var last Progress
			report, err := Load(t.Context(), src, pre, Options{MaxBad: c.maxBad, Limit: c.limit, Progress: func(p Progress) { last = p }}, new(loaded).take)
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%d bad, %v allowed: error %v, want one with %q", c.bad, c.maxBad, err, c.want)
				}
				continue
			}
			n := 100
			if c.limit > 0 {
				n = c.limit
			}
			if err != nil || report.Images+len(report.Skipped) != n || last.Total != n || last.Done != n {
				t.Errorf("%d bad, %v allowed: %d images, %d skipped, last progress %+v, %v", c.bad, c.maxBad, report.Images, len(report.Skipped), last, err)
			}
		}
	}
	if _, err := Load(t.Context(), &unsized{}, pre, Options{MaxBad: 1}, new(loaded).take); err == nil || !strings.Contains(err.Error(), "there are none") {
		t.Errorf("no images: %v", err)
	}
}

// TestLoadIsBounded: while the caller is busy with the first batch, only so
// many images are read ahead, and then the pipeline waits.
func TestLoadIsBounded(t *testing.T) {
	pre := preset(t, "cifar10")
	synctest.Test(t, func(t *testing.T) {
		src := &endless{n: 100000}
		opt := Options{Workers: 4, Batch: 8}
		enough := errors.New("enough")
		_, err := Load(context.Background(), src, pre, opt, func(b *Batch) error {
			synctest.Wait() // until every goroutine is blocked
			return enough
		})
		ahead := spare*opt.Batch + 2*opt.Workers + 2
		if err != enough || src.asked > ahead || src.asked < 2*opt.Batch {
			t.Errorf("%d images read during the first batch, want at least %d and at most %d (%v)", src.asked, 2*opt.Batch, ahead, err)
		}
	})
}

// TestLoadRecycles: the memory of a run does not grow with the number of images.
func TestLoadRecycles(t *testing.T) {
	pre := preset(t, "cifar10")
	bytesFor := func(n int) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := Load(t.Context(), &endless{n: n}, pre, Options{Workers: 2}, func(b *Batch) error { return nil }); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	bytesFor(500)
	few, many := bytesFor(500), bytesFor(3500)
	if perImage := (int64(many) - int64(few)) / 3000; perImage > 300 {
		t.Errorf("%d bytes are allocated per image, whose tensor has %d", perImage, 4*3*32*32)
	}
}

func TestLoadRealCIFAR(t *testing.T) {
	src, err := Open("cifar10:" + data(t, "cifar10", "cifar-10-batches-bin") + "#test")
	if err != nil {
		t.Fatal(err)
	}
	pre, err := ParsePreprocess(data(t, "models", "cifar10_wrn16_2.preprocessor_config.json"))
	if err != nil {
		t.Fatal(err)
	}
	want := readNPY(t, data(t, "goldens", "cifar10_wrn16_2_input4.npy"))
	var counts [10]int
	n := 0
	_, err = Load(t.Context(), src, pre, Options{Batch: 250}, func(b *Batch) error {
		if n == 0 {
			if d := farthest(b.Input[:len(want)], want); d > 0 {
				t.Errorf("the first four inputs differ from the goldens by up to %v", d)
			}
		}
		for _, l := range b.Labels {
			counts[l]++
		}
		n += b.N
		return nil
	})
	if err != nil || n != 10000 || counts != [10]int{1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000} {
		t.Errorf("%d images, classes %v, %v", n, counts, err)
	}
}

// TestLoadRealMixture: gray and colour photographs in one folder.
func TestLoadRealMixture(t *testing.T) {
	src, err := Open(data(t, "imagenette", "val"))
	if err != nil {
		t.Fatal(err)
	}
	gray := 0
	report, err := Load(t.Context(), src, preset(t, "imagenet"), Options{Limit: 60}, func(b *Batch) error {
		for i := range b.N {
			if isGray(b.Input[i*3*224*224:][:3*224*224]) {
				gray++
			}
		}
		return nil
	})
	if err != nil || report.Images != 60 || len(src.Classes()) != 10 || gray != 1 {
		t.Errorf("%+v, %d classes, %d gray, %v", report, len(src.Classes()), gray, err)
	}
}

// isGray undoes the normalisation and compares the channels.
func isGray(tensor []float32) bool {
	p, n := presets["imagenet"], len(tensor)/3
	level := func(c, i int) float64 { return float64(tensor[c*n+i])*p.Std[c] + p.Mean[c] }
	for i := range n {
		if math.Abs(level(0, i)-level(1, i)) > 1e-3 || math.Abs(level(0, i)-level(2, i)) > 1e-3 {
			return false
		}
	}
	return true
}

func BenchmarkLoadCIFAR(b *testing.B) {
	pre := preset(b, "cifar10")
	for b.Loop() {
		if _, err := Load(b.Context(), &endless{n: 10000}, pre, Options{Batch: 128}, func(*Batch) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(10000*float64(b.N)/b.Elapsed().Seconds(), "images/s")
}

// BenchmarkDecode decodes and preprocesses one photograph of 256×283 (4:2:0).
func BenchmarkDecode(b *testing.B) {
	file, err := os.ReadFile(data(b, "dtd", "images", "braided", "braided_0180.jpg"))
	if err != nil {
		b.Fatal(err)
	}
	t := transformer{pre: preset(b, "imagenet")}
	var tensor []float32
	b.ReportAllocs()
	for b.Loop() {
		m, err := Decode(file)
		if err != nil {
			b.Fatal(err)
		}
		tensor, _, _, _ = t.apply(tensor, m)
	}
}

func BenchmarkLoadPhotographs(b *testing.B) {
	src, err := Open(data(b, "imagenette", "val"))
	if err != nil {
		b.Fatal(err)
	}
	pre := preset(b, "imagenet")
	images := 0
	for b.Loop() {
		report, err := Load(b.Context(), src, pre, Options{}, func(*Batch) error { return nil })
		if err != nil {
			b.Fatal(err)
		}
		images += report.Images
	}
	b.ReportMetric(float64(images)/b.Elapsed().Seconds(), "images/s")
}

// TestLargeOneAtATime: pictures in containers are decoded side by side, whatever is in them, and one at a time where
// they are large.
func TestLargeOneAtATime(t *testing.T) {
	l := loader{pre: preset(t, "cifar10")}
	w := worker{transformer: transformer{pre: l.pre}}
	for i := range 20 {
		size := cifarPixels
		if i == 0 {
			size = largeFile
		}
		alone := true
		s := &slot{item: item{buf: make([]byte, size), raw: func(m *Image, buf []byte) {
			if alone = !l.large.TryLock(); !alone {
				l.large.Unlock()
			}
			cifarImage(m, buf)
		}}}
		s.buf[0] = byte(i) // for another checksum
		if err := l.prepare(s, &w); err != nil {
			t.Fatal(err)
		}
		if alone != (size >= largeFile) {
			t.Errorf("picture %d of %d bytes: decoded alone is %v", i, size, alone)
		}
	}
}
