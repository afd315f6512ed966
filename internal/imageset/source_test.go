package imageset

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"image/color"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// data returns the path of a file of the data pack, or skips the test.
func data(t testing.TB, elem ...string) string {
	t.Helper()
	root := os.Getenv("OODFLOW_DATA")
	if root == "" {
		t.Skip("OODFLOW_DATA is not set")
	}
	return filepath.Join(append([]string{root}, elem...)...)
}

// write puts files below dir; a path that ends in / is an empty folder.
func write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := dir + "/" + name
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "/") {
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// each calls f with every image of a source from one on. The image is f's until it returns.
func each(src Source, from int, f func(it *item)) error {
	r, err := src.read(from)
	if err != nil {
		return err
	}
	defer r.Close()
	return rest(r, f)
}

// rest calls f with every image that is left, likewise.
func rest(r reader, f func(it *item)) error {
	var it item
	for {
		it = item{buf: it.buf}
		switch err := r.next(&it); err {
		case nil:
			f(&it)
		case io.EOF:
			return nil
		default:
			return err
		}
	}
}

// pass reads a whole source and returns "id=label" of every image.
func pass(t testing.TB, src Source) (out []string) {
	t.Helper()
	if err := each(src, 0, func(it *item) { out = append(out, fmt.Sprintf("%s=%d", it.id, it.label)) }); err != nil {
		t.Fatal(err)
	}
	for _, from := range []int{1, len(out) / 2, len(out), len(out) + 1} {
		r, err := src.read(from)
		if err != nil {
			t.Fatal(err)
		}
		it := item{}
		err = r.next(&it)
		if from >= len(out) && err != io.EOF || from < len(out) && (err != nil || it.id != idOf(out[from])) {
			t.Errorf("from image %d: %s, %v", from, it.id, err)
		}
		r.Close()
	}
	if n := src.Len(); n >= 0 && n != len(out) {
		t.Errorf("%d images, Len says %d", len(out), n)
	}
	return out
}

// idOf takes the label off what pass returned.
func idOf(s string) string { return s[:strings.LastIndexByte(s, '=')] }

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"dog/b.PNG": "", "dog/a.jpg": "", "cat/deep/er/x.webp": "", "cat/y.bmp": "", "loose.gif": "", "empty/": "", "notes/readme.txt": "",
		".hidden/z.png": "", "dog/.z.png": "", "dog/z.png.txt": "", "scan.tiff": "",
	})
	outside := t.TempDir()
	write(t, outside, map[string]string{"target.png": "", "folder/in.png": ""})
	for from, to := range map[string]string{
		"cat/link.png": filepath.Join(outside, "target.png"), "linked": filepath.Join(outside, "folder"), "dog/loop": dir, "cat/gone.png": "/nowhere",
	} {
		if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
			t.Fatal(err)
		}
	}
	src, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"loose.gif=-1", "scan.tiff=-1", "cat/gone.png=0", "cat/link.png=0", "cat/y.bmp=0", "cat/deep/er/x.webp=0",
		"dog/a.jpg=1", "dog/b.PNG=1", "linked/in.png=2"}
	if got := pass(t, src); !reflect.DeepEqual(got, want) {
		t.Errorf("images\n%q, want\n%q", got, want)
	}
	if got := src.Classes(); !reflect.DeepEqual(got, []string{"cat", "dog", "linked"}) || src.Name() != dir {
		t.Errorf("classes %q, name %s", got, src.Name())
	}
	if n := src.(counter).count(t.Context(), 100); n != len(want) {
		t.Errorf("count says %d, want %d", n, len(want))
	}
	if n := src.(counter).count(t.Context(), 4); n != 4 {
		t.Errorf("count says %d, want no more than 4", n)
	}
	report, _ := Load(t.Context(), src, preset(t, "cifar10"), Options{MaxBad: 1}, new(loaded).take)
	if report.Ignored != 2 {
		t.Errorf("%d files ignored, want 2", report.Ignored)
	}

	flat, err := Open(filepath.Join(dir, "dog"))
	if err != nil {
		t.Fatal(err)
	}
	if flat.Classes() == nil { // through the loop there are folders with images
		t.Error("a folder linked from a folder of images is not followed")
	}
	flat, err = Open(outside + "/folder")
	if err != nil || flat.Classes() != nil {
		t.Errorf("a folder of images without folders has classes %q, %v", flat.Classes(), err)
	}
}

// TestFolderStreams: the first image is handed out before the folder after its
// own has been read. That one is changed then, and the change is seen.
func TestFolderStreams(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a/1.png": "", "b/1.png": "", "b/2.png": "", "c/d/1.png": ""})
	src, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	r, err := src.read(0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var it item
	if err := r.next(&it); err != nil || it.id != "a/1.png" {
		t.Fatalf("first image %q, %v", it.id, err)
	}
	if err := os.Remove(dir + "/b/1.png"); err != nil {
		t.Fatal(err)
	}
	write(t, dir, map[string]string{"c/d/2.png": ""})
	for _, want := range []string{"b/2.png=1", "c/d/1.png=2", "c/d/2.png=2"} {
		it = item{}
		if err := r.next(&it); err != nil || fmt.Sprintf("%s=%d", it.id, it.label) != want {
			t.Errorf("image %q=%d, %v, want %s", it.id, it.label, err, want)
		}
	}
	if err := r.next(&it); err != io.EOF {
		t.Errorf("after the last image: %v", err)
	}
}

// TestFolderUnreadable: a folder that cannot be read is one bad image with a
// reason, and does not change the labels of the others.
func TestFolderUnreadable(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root reads everything")
	}
	dir := t.TempDir()
	png := pngOf(t, 8, 8, color.White)
	write(t, dir, map[string]string{"a/1.png": png, "b/1.png": png, "c/1.png": png})
	if err := os.Chmod(dir+"/b", 0); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir+"/b", 0o700)
	src, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got loaded
	report, err := Load(t.Context(), src, preset(t, "cifar10"), Options{MaxBad: 0.5}, got.take)
	if err != nil || !reflect.DeepEqual(got.ids, []string{"a/1.png", "c/1.png"}) || !reflect.DeepEqual(got.labels, []int64{0, 2}) {
		t.Errorf("loaded %q with labels %v, %v", got.ids, got.labels, err)
	}
	if len(report.Skipped) != 1 || report.Skipped[0].ID != "b/" || !strings.Contains(report.Skipped[0].Reason, "list the folder: open ") {
		t.Errorf("skipped %+v", report.Skipped)
	}
	if n := src.(counter).count(t.Context(), 100); n != 3 {
		t.Errorf("count says %d, want 3", n)
	}
}

// TestFolderNames: a name that is not UTF-8 or would break a line makes an id
// of its own that is text, and its file is read; so is the reason why one cannot be.
func TestFolderNames(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a\xff.png", "a\xfe.png", "b\n.png", "ü.png"} {
		if err := os.WriteFile(dir+"/"+name, []byte(pngOf(t, 8, 8, color.White)), 0o600); err != nil {
			t.Skip("the file system takes no such names")
		}
	}
	if err := os.Symlink("gone\x1b\n", dir+"/c\n\xff.png"); err != nil {
		t.Fatal(err)
	}
	src, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got loaded
	report, err := Load(t.Context(), src, preset(t, "cifar10"), Options{MaxBad: 0.2}, got.take)
	if want := []Skip{{`c\x0a\xff.png`, "stat " + dir + `/c\x0a\xff.png: no such file or directory`}}; !reflect.DeepEqual(report.Skipped, want) {
		t.Errorf("skipped %q, want %q", report.Skipped, want)
	}
	if want := []string{`a\xfe.png`, `a\xff.png`, `b\x0a.png`, "ü.png"}; err != nil || !reflect.DeepEqual(got.ids, want) {
		t.Errorf("ids %q, want %q, %v, %+v", got.ids, want, err, report.Skipped)
	}
}

func TestList(t *testing.T) {
	dir := t.TempDir()
	list := "\uFEFFa.png 3\r\n\n# a comment 5\n  sub/my photo 2.jpg\t0 \nnolabel.png\n/abs/x.png -1\nphoto 7\n2024\n" +
		"b.png 99999999999999999999\nc.png 3.5\n"
	write(t, dir, map[string]string{"list.txt": list})
	src, err := Open(filepath.Join(dir, "list.txt"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a.png=3", "sub/my photo 2.jpg=0", "nolabel.png=-1", "/abs/x.png=-1", "photo=7", "2024=-1",
		"b.png 99999999999999999999=-1", "c.png 3.5=-1"}
	if got := pass(t, src); !reflect.DeepEqual(got, want) {
		t.Errorf("images\n%q, want\n%q", got, want)
	}
	for root, want := range map[string][2]string{
		"": {filepath.Join(dir, "sub", "my photo 2.jpg"), "/abs/x.png"}, "/data": {"/data/sub/my photo 2.jpg", "/abs/x.png"},
	} {
		src, err := Opener{Root: root}.Open(filepath.Join(dir, "list.txt"))
		if err != nil {
			t.Fatal(err)
		}
		if got := paths(t, src); got[1] != want[0] || got[3] != want[1] {
			t.Errorf("root %q: paths %q and %q", root, got[1], got[3])
		}
	}
}

// paths reads a source's file names.
func paths(t testing.TB, src Source) (out []string) {
	t.Helper()
	if err := each(src, 0, func(it *item) { out = append(out, it.path) }); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestListStreams: a list that is still being written is read as far as it is.
func TestListStreams(t *testing.T) {
	in, w := io.Pipe()
	src, err := Opener{Stdin: in, Root: "/data"}.Open("-")
	if err != nil {
		t.Fatal(err)
	}
	r, err := src.read(0)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct{ line, id, path string }{
		{"a b.png 3\n", "a b.png", "/data/a b.png"}, {"# no image\n\xff.png\n", `\xff.png`, "/data/\xff.png"},
	} {
		go io.WriteString(w, c.line)
		var it item
		if err := r.next(&it); err != nil || it.id != c.id || it.path != c.path {
			t.Errorf("image %d: %q at %q, %v", i, it.id, it.path, err)
		}
	}
	w.Close()
	if err := r.next(new(item)); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	if _, err := src.read(0); err == nil {
		t.Error("standard input is read twice")
	}
	src, _ = Opener{Stdin: strings.NewReader("a.png\nb.png -7\n")}.Open("-")
	_, err = Load(t.Context(), src, preset(t, "cifar10"), Options{MaxBad: 1}, new(loaded).take)
	if err == nil || !strings.Contains(err.Error(), "read images -: line 2: label -7") {
		t.Errorf("a wrong line: %v", err)
	}
}

// TestOpenRefuses: every wrong source has an error that says what to do.
func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"empty/": "", "texts/a.txt": "", "blank.txt": "\n# nothing\n", "label.txt": "a.png -2\n", "picture.png": "\x89PNG\r\n\x1a\n\x00\x00\x00",
		"long.txt": strings.Repeat("x", maxLine+1), "short/data_batch_1.bin": "abc", "short/test_batch.bin": "", "python/data_batch_1": "abc",
		"text.mat": strings.Repeat("not MATLAB ", 20), "tiny.mat": "MATLAB", "hdf5.mat": matlabHeader("\x00\x02IM"), "v4.mat": matlabHeader("\x01\x00IM"),
		"novars.mat": matlabHeader("\x00\x01IM"),
	})
	in := func(name string) string { return filepath.Join(dir, name) }
	for _, c := range []struct{ source, want string }{
		{"", "no image source"},
		{in("missing"), "no such file or folder: use a folder of images"},
		{"mnist:" + dir, `unknown form "mnist:": use a folder of images, a .tar`},
		{in("empty"), "no images in"},
		{in("texts"), "(1 other file)"},
		{in("blank.txt"), "names no images"},
		{in("label.txt"), "line 1: label -2"},
		{in("picture.png"), "is not text"},
		{in("long.txt"), "line 1 is longer"},
		{"cifar10:" + in("short"), "#train or cifar10:"},
		{"cifar10:" + in("short") + "#val", "say which part"},
		{"cifar10:" + in("short") + "#train", "3 bytes, not a multiple"},
		{"cifar10:" + in("short") + "#test", "0 bytes, not a multiple"},
		{"svhn:" + in("missing.mat"), "no such file"},
		{"svhn:" + dir, "not a regular file"},
		{"svhn:" + in("text.mat"), "not a MATLAB 5 file"},
		{"svhn:" + in("tiny.mat"), "shorter than its header"},
		{"svhn:" + in("hdf5.mat"), "MATLAB 7.3 (HDF5) file: save it again with -v7"},
		{"svhn:" + in("v4.mat"), "MATLAB file version 0x1"},
		{"svhn:" + in("novars.mat"), "no variables X and y"},
	} {
		if _, err := Open(c.source); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want one with %q", c.source, err, c.want)
		}
	}
}

// matlabHeader is a file header that ends in version and byte order mark.
func matlabHeader(end string) string { return strings.Repeat(" ", 124) + end }

// cifarRecords is n records; pixel values differ between records, places and planes.
func cifarRecords(n int) []byte {
	var b []byte
	for i := range n {
		b = append(b, byte(i%10))
		for p := range 3 * 1024 {
			b = append(b, byte(i+p+p/1000))
		}
	}
	return b
}

func TestCIFAR(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"data_batch_1.bin": string(cifarRecords(2)), "data_batch_4.bin": string(cifarRecords(3)), "test_batch.bin": string(cifarRecords(1)),
		"batches.meta.txt": "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n",
	})
	src, err := Open("cifar10:" + dir + "#train")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"data_batch_1.bin#0=0", "data_batch_1.bin#1=1", "data_batch_4.bin#0=0", "data_batch_4.bin#1=1", "data_batch_4.bin#2=2"}
	if got := pass(t, src); !reflect.DeepEqual(got, want) {
		t.Errorf("records %q, want %q", got, want)
	}
	if c := src.Classes(); len(c) != 10 || c[3] != "cat" {
		t.Errorf("classes %q", c)
	}
	var it item
	r, _ := src.read(0)
	defer r.Close()
	r.next(&it)
	r.next(&it)
	row := make([]byte, 96)
	rawImage(&it).Row(row, 2)
	record := cifarRecords(2)[3073:]
	if at := 1 + 2*32 + 5; row[15] != record[at] || row[16] != record[at+1024] || row[17] != record[at+2048] {
		t.Errorf("pixel 5, 2 is %v", row[15:18])
	}
}

func TestSVHN(t *testing.T) {
	want := map[string][]string{
		"compressed.mat": {"compressed.mat#0=1", "compressed.mat#1=0", "compressed.mat#2=9"},
		"double.mat":     {"double.mat#0=1", "double.mat#1=0", "double.mat#2=9"},
		"plain.mat":      {"plain.mat#0=1", "plain.mat#1=0", "plain.mat#2=9"},
		"one.mat":        {"one.mat#0=3"},
	}
	for name, want := range want {
		src, err := Open("svhn:testdata/svhn/" + name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := pass(t, src); !reflect.DeepEqual(got, want) || len(src.Classes()) != 10 {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	// The first image of one.mat was stored from the drawing that plain.mat's
	// first image is the middle of.
	whole, part := firstSVHN(t, "one.mat"), firstSVHN(t, "plain.mat")
	if part.W != 16 || part.H != 8 || whole.W != 32 {
		t.Fatalf("%d×%d and %d×%d", part.W, part.H, whole.W, whole.H)
	}
	a, b := pixels(t, whole), pixels(t, part)
	for y := range 8 {
		if !bytes.Equal(a[3*(32*(8+y)+4):][:48], b[48*y:][:48]) {
			t.Errorf("row %d differs", y)
		}
	}
}

// firstSVHN is the first image of a file of testdata.
func firstSVHN(t testing.TB, name string) *Image {
	t.Helper()
	src, err := Open("svhn:testdata/svhn/" + name)
	if err != nil {
		t.Fatal(err)
	}
	r, err := src.read(0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var it item
	if err := r.next(&it); err != nil {
		t.Fatal(err)
	}
	return rawImage(&it)
}

// TestSVHNDamaged: a file cut anywhere, or with any byte changed in its
// compressed X, is an error and never wrong pixels.
func TestSVHNDamaged(t *testing.T) {
	whole := read(t, "testdata/svhn/compressed.mat")
	path := filepath.Join(t.TempDir(), "x.mat")
	try := func(b []byte) error {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return readAll("svhn:" + path)
	}
	if err := try(whole); err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(whole); n += 61 {
		if try(whole[:n]) == nil {
			t.Errorf("cut to %d of %d bytes: no error", n, len(whole))
		}
	}
	for at := 136; at < 4000; at += 97 {
		b := bytes.Clone(whole)
		b[at] ^= 0x10
		if try(b) == nil {
			t.Errorf("byte %d changed: no error", at)
		}
	}
}

// TestMATLies: a compressed variable cannot be longer than its bytes allow.
func TestMATLies(t *testing.T) {
	words := func(w ...uint32) (b []byte) {
		for _, v := range w {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
		return b
	}
	array := func(total, n uint32) string {
		matrix := words(miMATRIX, total, miUINT32, 8, 9, 0, miINT32, 16, 32, 32, 3, n, miINT8|1<<16, 'X', miUINT8, 3072*n)
		var z bytes.Buffer
		w := zlib.NewWriter(&z)
		w.Write(matrix)
		w.Close()
		return matlabHeader("\x00\x01IM") + string(words(miCOMPRESSED, uint32(z.Len()))) + z.String()
	}
	for _, c := range []struct{ file, want string }{
		{array(3072*1000000+56, 1000000), "more than"},
		{array(5000, 1000000), "claims dimensions beyond"},
		{array(3072+56, 1), "no variables X and y"},
		{array(3072+56, 1)[:150], "the file is truncated"},
	} {
		path := filepath.Join(t.TempDir(), "x.mat")
		write(t, filepath.Dir(path), map[string]string{"x.mat": c.file})
		if _, err := Open("svhn:" + path); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one with %q", err, c.want)
		}
	}
}

func TestRealSVHN(t *testing.T) {
	src, err := Open("svhn:" + data(t, "svhn", "sample_32x32.mat"))
	if err != nil {
		t.Fatal(err)
	}
	if src.Len() != 500 {
		t.Fatalf("%d images, want 500", src.Len())
	}
	r, err := src.read(0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var it item
	for i := range 500 {
		if err := r.next(&it); err != nil {
			t.Fatal(err)
		}
		want, _, _ := wantPixels(t, data(t, "svhn", "images", fmt.Sprintf("svhn_train_%05d.png", i)))
		if !bytes.Equal(pixels(t, rawImage(&it)), want) {
			t.Fatalf("image %d differs from its PNG", i)
		}
		if it.label != Unlabelled || it.id != fmt.Sprintf("sample_32x32.mat#%d", i) {
			t.Fatalf("image %d: id %s, label %d", i, it.id, it.label)
		}
	}
	if err := r.next(&it); err != io.EOF {
		t.Errorf("after the last image: %v", err)
	}
}

func TestRealCIFARAndFolders(t *testing.T) {
	for source, want := range map[string]int{
		"cifar10:" + data(t, "cifar10", "cifar-10-batches-bin") + "#test":  10000,
		"cifar10:" + data(t, "cifar10", "cifar-10-batches-bin") + "#train": 30000,
		data(t, "imagenette", "val"):                                       250,
		data(t, "dtd", "images"):                                           300,
		data(t, "svhn", "images"):                                          5000,
	} {
		src, err := Open(source)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(pass(t, src)); n != want {
			t.Errorf("%s has %d images, want %d", source, n, want)
		}
	}
}

func FuzzList(f *testing.F) {
	f.Add("a.png 3\n# x\nb c.png\n")
	f.Add("\uFEFF/x/y z.png -1\r\n")
	f.Add("cifar10/test/airplane/0001.png 0\ntin/val/images/val_0 1.JPEG -1\n\xff.png\n")
	f.Fuzz(func(t *testing.T, text string) {
		r := newListReader(io.NopCloser(strings.NewReader(text)), "/base")
		for n := 0; ; n++ {
			var it item
			if err := r.next(&it); err != nil {
				return
			}
			if it.id == "" || it.label < Unlabelled || !filepath.IsAbs(it.path) || strings.ContainsAny(it.id, "\n\x00") || !utf8.ValidString(it.id) || n > len(text) {
				t.Errorf("%+v", it)
			}
		}
	})
}

func FuzzMAT(f *testing.F) {
	files, _ := filepath.Glob("testdata/svhn/*.mat")
	for _, file := range files {
		f.Add(read(f, file))
	}
	f.Add([]byte(matlabHeader("\x00\x01IM") + "\x0e\x00\x00\x00\x08\x00\x00\x00abcdefgh"))
	f.Add([]byte(matlabHeader("\x01\x00MI") + "\x00\x00\x00\x0e\x00\x00\x00\x08abcdefgh"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		vars, err := listMAT(r, int64(len(b)))
		if err != nil {
			return
		}
		var s svhnSource
		if s.find(r, vars) != nil {
			return
		}
		if len(s.labels) != s.Len() || s.x.n > maxInflate*len(b) {
			t.Fatalf("%d labels for %v in %d bytes", len(s.labels), s.x.dims, len(b))
		}
		values, err := s.x.open(r)
		if err != nil {
			t.Fatalf("the second opening failed: %v", err)
		}
		sr := svhnReader{source: &s, values: values}
		var it item
		for i := range min(s.Len(), 100) {
			if err := sr.next(&it); err != nil {
				if errors.Is(err, io.EOF) {
					t.Fatalf("ended after %d of %d", i, s.Len())
				}
				return
			}
			pixels(t, rawImage(&it))
		}
	})
}

// rawImage is the image of an item with pixels.
func rawImage(it *item) *Image {
	m := new(Image)
	it.raw(m, it.buf)
	return m
}
