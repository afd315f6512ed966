package imageset

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image/color"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// fragile is a source with one file that is going to be damaged.
type fragile struct {
	source string // below a folder of its own; DIR stands for that
	file   string // the one to damage
	whole  []byte
	images int     // that the whole file has, or 1 where it is an image beside a good one
	loud   float64 // a cut before this part of the file has to be noticed
}

// fragiles are all kinds of sources, whose files besides the fragile ones are
// written below dir.
func fragiles(t testing.TB, dir string) map[string]fragile {
	png := pngOf(t, 40, 32, color.Gray{Y: 200})
	kinds := map[string]fragile{}
	for name, loud := range map[string]float64{
		"420_31x19.jpg": 0.99, "progressive.jpg": 1, "cmyk.jpg": 0.99, "rgb.png": 1, "palette_4bit.png": 1, "rgba_16bit.png": 1, "plain.gif": 0.98,
		"transparent_offset.gif": 0.98, "lossy_31x19.webp": 0.99, "lossy_alpha.webp": 0.99, "lossless.webp": 0.99, "animated_offset.webp": 0.2, "rgb.bmp": 0.99, "palette.bmp": 0.99,
	} {
		write(t, dir, map[string]string{"in " + name + "/0.png": png})
		kinds[name] = fragile{"DIR/in " + name, "in " + name + "/" + name, read(t, "testdata/decode/"+name), 1, loud}
	}
	packed := tarOf(t, member{"1.png", png, 0}, member{"1.cls", "3", 0}, member{"2.json", `{"label": 7}`, 0}, member{"2.png", png, 0})
	write(t, dir, map[string]string{"shards/0.tar": packed, "dtd/images/a/1.png": png, "pictures/1.png": png})
	for _, kit := range []string{"devkit", "kaggle"} {
		write(t, dir, map[string]string{kit + "/val/ILSVRC2012_val_00000001.JPEG": png, kit + "/val/ILSVRC2012_val_00000002.JPEG": png})
	}
	write(t, dir, map[string]string{"devkit/ILSVRC2012_validation_ground_truth.txt": "2\n1\n"})
	const kaggle = "ImageId,PredictionString\nILSVRC2012_val_00000001,n02012849 1 2 3 4 n02012849 5 6 7 8\nILSVRC2012_val_00000002,n02119789 0 0 1 1\n"
	for name, f := range map[string]fragile{
		"tar":               {"DIR/x.tar", "x.tar", []byte(packed), 2, 0.5},
		"tar.gz":            {"DIR/x.tgz", "x.tgz", []byte(gzipOf(t, packed)), 2, 1},
		"shards":            {"DIR/shards", "shards/1.tar", []byte(packed), 4, 0.5},
		"list":              {"DIR/list", "list", []byte("pictures/1.png 3\npictures/1.png\n# or none\npictures/1.png -1\n"), 3, 0},
		"dtd list":          {"dtd:DIR/dtd#test1", "dtd/labels/test1.txt", []byte("a/1.png\na/1.png\n"), 2, 0},
		"cifar10 binary":    {"cifar10:DIR/binary#test", "binary/test_batch.bin", read(t, "testdata/cifar/cifar-10-batches-bin/test_batch.bin"), 3, 1},
		"cifar10 python":    {"cifar10:DIR/python#test", "python/test_batch", read(t, "testdata/cifar/cifar-10-batches-py/test_batch"), 3, 1},
		"cifar100 binary":   {"cifar100:DIR/binary#test-coarse", "binary/test.bin", read(t, "testdata/cifar/cifar-100-binary/test.bin"), 2, 1},
		"cifar100 python":   {"cifar100:DIR/python#test", "python/test", read(t, "testdata/cifar/cifar-100-python/test"), 2, 1},
		"cifar10 binary gz": {"cifar10:DIR/b.tar.gz#train", "b.tar.gz", read(t, "testdata/cifar/cifar-10-binary.tar.gz"), 9, 1},
		"cifar10 python gz": {"cifar10:DIR/p.tar.gz#train", "p.tar.gz", read(t, "testdata/cifar/cifar-10-python.tar.gz"), 9, 1},
		"svhn":              {"svhn:DIR/c.mat", "c.mat", read(t, "testdata/svhn/compressed.mat"), 3, 1},
		"svhn plain":        {"svhn:DIR/p.mat", "p.mat", read(t, "testdata/svhn/double.mat"), 2, 1},
		"ImageNet devkit":   {"imagenet:DIR/devkit", "devkit/meta.mat", read(t, "testdata/imagenet/meta.mat"), 2, 1},
		"ImageNet csv list": {"imagenet:DIR/kaggle", "kaggle/LOC_val_solution.csv", []byte(kaggle), 2, 0},
		"parquet":           {"DIR/x.parquet", "x.parquet", read(t, parquetFile("groups")), 26, 1},
		"parquet zstd":      {"parquet:DIR/z.parquet", "z.parquet", read(t, parquetFile("zstd")), 12, 1},
	} {
		kinds[name] = f
	}
	for name, f := range kinds {
		f.source = strings.Replace(f.source, "DIR", dir, 1)
		f.file = filepath.Join(dir, f.file)
		kinds[name] = f
		write(t, filepath.Dir(f.file), map[string]string{filepath.Base(f.file): string(f.whole)})
	}
	return kinds
}

// damages are things that happen to a file: to be empty, of zeros, cut, to have
// bits flipped, most of them where the sizes are, and lengths that are huge.
func damages(f fragile, rng *rand.Rand) map[string][]byte {
	n := len(f.whole)
	all := map[string][]byte{
		"empty": {}, "zeros": make([]byte, n), "ones": bytes.Repeat([]byte{0xff}, n), "twice": slices.Concat(f.whole, f.whole),
	}
	for i := range 23 { // which cuts no CIFAR file between two records: its binary form does not say how long it is
		cut := 1 + (n-1)*i/23
		all[fmt.Sprintf("cut to %d", cut)] = f.whole[:cut]
	}
	for i := range 50 {
		b := bytes.Clone(f.whole)
		at := rng.IntN(n)
		if i%2 == 0 {
			at = rng.IntN(min(n, 100))
		}
		bit := byte(1) << rng.IntN(8)
		b[at] ^= bit
		all[fmt.Sprintf("bit %d of byte %d flipped", bit, at)] = b
	}
	for range 30 {
		b := bytes.Clone(f.whole)
		at := rng.IntN(min(n, 200))
		length := copy(b[at:], "\xff\xff\xff\x7f"[rng.IntN(3):])
		all[fmt.Sprintf("%d huge bytes at %d", length, at)] = b
	}
	return all
}

// TestDamage damages a file of every kind in every way. Either an error names
// the file, or what could not be read is listed with its reason; a file that is
// cut is never taken for a whole one, other images are not harmed, and no memory
// is taken for what a file only claims.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(1, 2))
	for name, f := range fragiles(t, dir) {
		t.Run(name, func(t *testing.T) {
			got, report, err := f.load(t)
			if all := len(got.ids) + len(report.Skipped); err != nil || all < f.images {
				t.Fatalf("whole: %d of %d images, %v", all, f.images, err)
			}
			for how, b := range damages(f, rng) {
				if err := os.WriteFile(f.file, b, 0o600); err != nil {
					t.Fatal(err)
				}
				if wrong := f.wrong(t, b); wrong != "" {
					t.Errorf("%s: %s", how, wrong)
				}
			}
		})
	}
}

// load reads the source as it is.
func (f fragile) load(t testing.TB) (got loaded, report Report, err error) {
	t.Helper()
	src, err := Open(f.source)
	if err != nil {
		return got, report, err
	}
	report, err = Load(t.Context(), src, preset(t, "cifar10"), Options{MaxBad: 1, Workers: 2}, got.take)
	return got, report, err
}

// wrong loads a damaged source and says what is wrong about what comes of it.
func (f fragile) wrong(t *testing.T, b []byte) string {
	var got loaded
	var report Report
	var err error
	const most = 64 << 20
	if taken := allocated(func() { got, report, err = f.load(t) }); taken > most {
		return fmt.Sprintf("took %d MiB for a file of %d bytes", taken>>20, len(b))
	}
	for _, s := range report.Skipped {
		if s.ID == "" || s.Reason == "" {
			return fmt.Sprintf("skipped %+v", s)
		}
	}
	base := filepath.Base(f.file)
	none := (*TooManyBadError)(nil)
	switch {
	case errors.As(err, &none) && len(got.ids) == 0:
	case err != nil && !strings.Contains(err.Error(), base):
		return fmt.Sprintf("an error that does not name %s: %v", base, err)
	case err == nil && len(b) < int(f.loud*float64(len(f.whole))) && len(report.Skipped) == 0:
		return fmt.Sprintf("taken for whole: %d of %d images", len(got.ids), f.images)
	case err == nil && f.images == 1 && (len(got.ids) == 0 || got.ids[0] != "0.png" || len(got.ids)+len(report.Skipped) != 2):
		return fmt.Sprintf("loaded %q, skipped %+v", got.ids, report.Skipped)
	}
	return ""
}

// TestDecodeLies: pictures that claim to be larger than they are, by a little, by
// a lot, and by more than anything that is decoded.
func TestDecodeLies(t *testing.T) {
	be, le := binary.BigEndian, binary.LittleEndian
	for _, c := range []struct {
		file string
		lie  func(b []byte, w, h int)
	}{
		{"420_31x19.jpg", func(b []byte, w, h int) {
			at := bytes.Index(b, []byte{0xff, 0xc0})
			be.PutUint16(b[at+5:], uint16(h))
			be.PutUint16(b[at+7:], uint16(w))
		}},
		{"progressive.jpg", func(b []byte, w, h int) {
			at := bytes.Index(b, []byte{0xff, 0xc2})
			be.PutUint16(b[at+5:], uint16(h))
			be.PutUint16(b[at+7:], uint16(w))
		}},
		{"rgb.png", func(b []byte, w, h int) {
			be.PutUint32(b[16:], uint32(w))
			be.PutUint32(b[20:], uint32(h))
			be.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
		}},
		{"plain.gif", func(b []byte, w, h int) {
			at := bytes.Index(b, []byte{',', 0, 0, 0, 0, 31, 0, 19, 0})
			for _, at := range []int{6, at + 5} { // the screen and the frame
				le.PutUint16(b[at:], uint16(w))
				le.PutUint16(b[at+2:], uint16(h))
			}
		}},
		{"lossy_31x19.webp", func(b []byte, w, h int) {
			le.PutUint16(b[26:], uint16(min(w, 1<<14-1)))
			le.PutUint16(b[28:], uint16(min(h, 1<<14-1)))
		}},
		{"lossless.webp", func(b []byte, w, h int) {
			le.PutUint32(b[21:], uint32(min(w, 1<<14)-1|(min(h, 1<<14)-1)<<14))
		}},
		{"rgb.bmp", func(b []byte, w, h int) {
			le.PutUint32(b[18:], uint32(w))
			le.PutUint32(b[22:], uint32(h))
		}},
	} {
		for _, size := range [][2]int{{31, 40}, {60, 40}, {5000, 5000}, {65535, 65535}} {
			b := read(t, "testdata/decode/"+c.file)
			c.lie(b, size[0], size[1])
			var m *Image
			var err error
			taken := allocated(func() { m, err = Decode(b) })
			if err == nil || strings.Contains(err.Error(), "runtime error") {
				t.Errorf("%s of %d bytes: claims %d×%d pixels: %v, %v", c.file, len(b), size[0], size[1], m, err)
			}
			// A picture of one colour hardly takes a byte as WebP: there the limit is MaxPixels alone.
			if taken > 32<<20 && !strings.HasSuffix(c.file, ".webp") {
				t.Errorf("%s of %d bytes: claims %d×%d pixels: took %d MiB", c.file, len(b), size[0], size[1], taken>>20)
			}
		}
	}
}

// allocated is the number of bytes that f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestChangedSinceOpened: a file that vanishes or becomes another one between
// being opened and being read is an error or a skipped image that names it. Of a
// folder what is gone before it is listed is not missed.
func TestChangedSinceOpened(t *testing.T) {
	if _, err := exec.LookPath("mkfifo"); err != nil {
		t.Skip("no mkfifo")
	}
	for name, f := range fragiles(t, t.TempDir()) {
		if strings.HasPrefix(name, "ImageNet") { // whose labels are read at once
			continue
		}
		for how, change := range map[string]func() error{
			"removed":  func() error { return os.Remove(f.file) },
			"emptied":  func() error { return os.Truncate(f.file, 0) },
			"cut":      func() error { return os.Truncate(f.file, int64(f.loud*float64(len(f.whole))/2)) },
			"text":     func() error { return os.WriteFile(f.file, []byte(strings.Repeat("text\n", 1000)), 0o600) },
			"a folder": func() error { return errors.Join(os.Remove(f.file), os.Mkdir(f.file, 0o700)) },
			"a pipe":   func() error { return errors.Join(os.Remove(f.file), exec.Command("mkfifo", f.file).Run()) },
			"a loop":   func() error { return errors.Join(os.Remove(f.file), os.Symlink(f.file, f.file)) },
		} {
			os.RemoveAll(f.file)
			write(t, filepath.Dir(f.file), map[string]string{filepath.Base(f.file): string(f.whole)})
			src, err := Open(f.source)
			if err != nil {
				t.Fatal(err)
			}
			if err := change(); err != nil {
				t.Fatal(err)
			}
			var got loaded
			report, err := Load(t.Context(), src, preset(t, "cifar10"), Options{MaxBad: 1, Workers: 2}, got.take)
			base, said := filepath.Base(f.file), fmt.Sprint(err, report.Skipped)
			isList := strings.HasSuffix(name, "list") // whose name is told, or images that it now names are not there
			listed := f.images > 1 || how != "removed" && how != "a folder"
			if listed && err == nil && len(report.Skipped) == 0 || listed && !isList && !strings.Contains(said, base) {
				t.Errorf("%s: %s becomes %s: %d images, %s", name, base, how, len(got.ids), said)
			}
		}
	}
}

// TestChangedWhileRead: what happens to files behind the first batch is noticed
// when they are come to, and harms no other image.
func TestChangedWhileRead(t *testing.T) {
	dir := t.TempDir()
	files, members := map[string]string{"photos/b/": ""}, []member(nil)
	for i := range 200 {
		name, text := fmt.Sprintf("%03d.png", i), pngOf(t, 8, 8, color.Gray{Y: uint8(i)})
		files["photos/"+name], members = text, append(members, member{name, text, 0})
	}
	files["x.tar"] = tarOf(t, members...)
	write(t, dir, files)
	for _, c := range []struct {
		source, wantErr, wantSkipped string
		change                       func() error
	}{
		{"x.tar", "x.tar: after the header of \"150.png\": the file is truncated at byte", "", func() error {
			return os.Truncate(dir+"/x.tar", int64(150*1024+600))
		}},
		{"photos", "", "180.png: the file is empty;181.png: stat ;182.png: open ;b/: list the folder: open ", func() error {
			return errors.Join(os.Truncate(dir+"/photos/180.png", 0), os.Remove(dir+"/photos/181.png"),
				os.Remove(dir+"/photos/182.png"), os.Mkdir(dir+"/photos/182.png", 0o700), os.Remove(dir+"/photos/b"))
		}},
	} {
		src, err := Open(filepath.Join(dir, c.source))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		report, err := Load(t.Context(), src, preset(t, "cifar10"), Options{MaxBad: 0.5, Workers: 2, Batch: 10}, func(b *Batch) error {
			if n++; n > 1 {
				return nil
			}
			return c.change()
		})
		var skipped []string
		for _, s := range report.Skipped {
			skipped = append(skipped, s.ID+": "+s.Reason)
		}
		if (err == nil) != (c.wantErr == "") || err != nil && !strings.Contains(err.Error(), c.wantErr) {
			t.Errorf("%s: error %v, want %q", c.source, err, c.wantErr)
		}
		for i, want := range strings.Split(c.wantSkipped, ";") {
			if want != "" && (i >= len(skipped) || !strings.HasPrefix(skipped[i], want)) {
				t.Errorf("%s: skipped %q, want %q", c.source, skipped, c.wantSkipped)
			}
		}
	}
}

// TestHoles: files of hundreds of megabytes that take no room on the disk, alone
// and in an archive, take no memory if they are no pictures, and not for long if
// they begin as one does.
func TestHoles(t *testing.T) {
	dir, png := t.TempDir(), pngOf(t, 8, 8, color.White)
	hole := func(name, begin string, size int64) {
		t.Helper()
		write(t, dir, map[string]string{name: begin})
		if err := os.Truncate(filepath.Join(dir, name), size); err != nil {
			t.Skip("no room for a file of holes")
		}
	}
	const most = maxFile - 512
	var header bytes.Buffer
	w := tar.NewWriter(&header)
	if err := w.WriteHeader(&tar.Header{Name: "hole.png", Size: most}); err != nil {
		t.Fatal(err)
	}
	hole("x.tar", header.String(), most+512+1024)
	write(t, dir, map[string]string{"photos/good.png": png})
	hole("photos/over.png", "", maxFile+1)
	for i := range 20 {
		hole(fmt.Sprintf("photos/%d.png", i), "", most)
	}
	hole("photos/png.png", png[:60], 2*largeFile)
	for source, bad := range map[string]int{"x.tar": 1, "photos": 22} {
		src, err := Open(filepath.Join(dir, source))
		if err != nil {
			t.Fatal(err)
		}
		var got loaded
		var report Report
		taken := allocated(func() {
			report, err = Load(t.Context(), src, preset(t, "cifar10"), Options{MaxBad: 1, Workers: 4}, got.take)
		})
		if taken > 8*largeFile || len(report.Skipped) != bad || source == "photos" && (err != nil || len(got.ids) != 1) {
			t.Errorf("%s: took %d MiB, %d images, %d skipped, %v", source, taken>>20, len(got.ids), len(report.Skipped), err)
		}
	}
}
