package imageset

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"image/color"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// member is one entry of an archive; kind is its type flag, an ordinary file when 0.
type member struct {
	name, text string
	kind       byte
}

// tarOf packs members.
func tarOf(t testing.TB, members ...member) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Size: int64(len(m.text)), Mode: 0o600, Typeflag: m.kind}
		if m.kind == tar.TypeLink || m.kind == tar.TypeSymlink {
			h.Size, h.Linkname, m.text = 0, m.text, ""
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, m.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func gzipOf(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// listing is "id=label" of every image of a source, or "id!reason" of a bad one.
func listing(t testing.TB, source string) (out []string, passed int) {
	t.Helper()
	src, err := Open(source)
	if err != nil {
		t.Fatal(err)
	}
	r, err := src.read(0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	err = rest(r, func(it *item) {
		if it.bad != nil {
			out = append(out, it.id+"!"+it.bad.Error())
		} else {
			out = append(out, fmt.Sprintf("%s=%d:%s", it.id, it.label, it.buf))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return out, r.(ignorer).ignored()
}

// TestTar: the images of an archive come in its order with WebDataset's labels,
// before or behind them, and nothing else of it is followed.
func TestTar(t *testing.T) {
	dir := t.TempDir()
	text := tarOf(t, member{"./", "", tar.TypeDir}, member{"a/", "", tar.TypeDir}, member{"./a/b.0001.cls", "7\n", 0}, member{"./a/b.0001.jpg", "A", 0},
		member{"a/b.0002.JPG", "B", 0}, member{"a/._b.0002.cls", "junk", 0}, member{"a/b.0002.json", `{"label": 3, "text": "x"}`, 0},
		member{"a/b.0003.png", "C", 0}, member{"a/b.0003.txt", "words", 0}, member{"a/b.0003.cls", "12", 0}, member{"a/b.0003.webp", "D", 0},
		member{"c.json", `{"label": "dog"}`, 0}, member{"c.png", "E", 0}, member{"d.png", "F", 0}, member{"d.json", `[1, 2]`, 0},
		member{"e.png", "G", 0}, member{"f.cls", "1", 0}, member{"g.png", "H", 0}, member{"readme", "text", 0},
		member{"../../h.png", "I", 0}, member{"/etc/i.png", "J", 0}, member{"j.png", "/etc/passwd", tar.TypeSymlink}, member{"k.png", "a/b.0001.jpg", tar.TypeLink},
		member{"l.txt", "/", tar.TypeSymlink}, member{"m.png", "", tar.TypeFifo}, member{"n\xff\n.png", "K", 0},
		member{"o.png", "L", 0}, member{"o.cls", "dog", 0}, member{"p.png", "M", 0}, member{"p.json", "{", 0}, member{"q.cls", "-1", 0}, member{"q.png", "", 0})
	want := []string{"x.tar/a/b.0001.jpg=7:A", "x.tar/a/b.0002.JPG=3:B", "x.tar/a/b.0003.png=12:C", "x.tar/a/b.0003.webp=12:D", "x.tar/c.png=-1:E", "x.tar/d.png=-1:F",
		"x.tar/e.png=-1:G", "x.tar/g.png=-1:H", "x.tar/../../h.png=-1:I", "x.tar//etc/i.png=-1:J",
		"x.tar/j.png!a link or a device, which is not followed", "x.tar/k.png!a link or a device, which is not followed",
		"x.tar/m.png!a link or a device, which is not followed", `x.tar/n\xff\x0a.png=-1:K`,
		`x.tar/o.png!its label file o.cls: "dog" is not a label: expected a whole number from 0`,
		"x.tar/p.png!its label file p.json: unexpected end of JSON input", "x.tar/q.png=-1:"}
	write(t, dir, map[string]string{"x.tar": text, "y/x.tar": gzipOf(t, text)})
	for _, path := range []string{"x.tar", "y/x.tar"} {
		got, passed := listing(t, filepath.Join(dir, path))
		if !reflect.DeepEqual(got, want) || passed != 3 {
			t.Errorf("%s: %d passed over, images\n%q, want\n%q", path, passed, got, want)
		}
	}
	src, err := Open(filepath.Join(dir, "x.tar"))
	if err != nil {
		t.Fatal(err)
	}
	all := pass(t, src)
	for from := range all { // a pass from anywhere has the labels of the whole
		r, err := src.read(from)
		if err != nil {
			t.Fatal(err)
		}
		for i := from; i < len(all); i++ {
			var it item
			if err := r.next(&it); err != nil || fmt.Sprintf("%s=%d", it.id, it.label) != all[i] {
				t.Errorf("from %d: image %d is %s=%d, want %s (%v)", from, i, it.id, it.label, all[i], err)
			}
		}
		r.Close()
	}
	if n := src.(counter).count(t.Context(), 1000); n != len(all) {
		t.Errorf("counted %d of %d", n, len(all))
	}
	if n := src.(counter).count(t.Context(), 5); n != 5 {
		t.Errorf("counted %d, want at most 5", n)
	}
	if zipped, _ := Open(filepath.Join(dir, "y/x.tar")); zipped == nil {
		t.Error("no source")
	} else if _, ok := zipped.(counter); ok {
		t.Error("a compressed archive would be inflated to be counted")
	}
}

// TestShards: patterns and folders of archives are read one after the other, and
// no sample reaches from one into the next.
func TestShards(t *testing.T) {
	dir := t.TempDir()
	first, second := tarOf(t, member{"1.cls", "4", 0}, member{"1.png", "A", 0}, member{"2.cls", "5", 0}), tarOf(t, member{"2.png", "B", 0})
	write(t, dir, map[string]string{"s-08.tar": first, "s-09.tar": second, "s-10.tgz": gzipOf(t, tarOf(t, member{"3.png", "C", 0})), "notes.txt": "", ".s-11.tar": "x"})
	got, _ := listing(t, dir+"/s-{08..09}.tar")
	if want := []string{"s-08.tar/1.png=4:A", "s-09.tar/2.png=-1:B"}; !reflect.DeepEqual(got, want) {
		t.Errorf("pattern: %q, want %q", got, want)
	}
	got, _ = listing(t, dir)
	if want := []string{"s-08.tar/1.png=4:A", "s-09.tar/2.png=-1:B", "s-10.tgz/3.png=-1:C"}; !reflect.DeepEqual(got, want) {
		t.Errorf("folder: %q, want %q", got, want)
	}
	for pattern, want := range map[string]string{
		"{08..11}.tar": "[08.tar 09.tar 10.tar 11.tar] true <nil>", "a{1..2}b{8..9}.tgz": "[a1b8.tgz a1b9.tgz a2b8.tgz a2b9.tgz] true <nil>",
		"{0..0}.tar": "[0.tar] true <nil>", "{2..1}.tar": "[] true {2..1} ends before it begins", "{a..b}.tar": "[] true {a..b} is no range",
		"{0..999999}.tar": "[] true {0..999999} stands for 1000000 files", "{0..999}{0..999}.tar": "[] true it stands for more files",
		"{1,2}.tar": "[] false <nil>", "{1..2}.png": "[] false <nil>", "x.tar": "[] false <nil>", "}{..tar": "[] false <nil>",
	} {
		names, ok, err := expandShards(pattern)
		if got := fmt.Sprint(names, ok, err); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", pattern, got, want)
		}
	}
}

// TestTarRefuses: what is no archive, or is cut or damaged, is an error that
// names the file and the place.
func TestTarRefuses(t *testing.T) {
	dir := t.TempDir()
	whole := tarOf(t, member{"1.png", strings.Repeat("A", 2000), 0}, member{"2.png", strings.Repeat("B", 2000), 0})
	noise := make([]byte, 60000)
	for i, x := 0, uint32(1); i < len(noise); i++ {
		x = x*1664525 + 1013904223
		noise[i] = byte(x >> 24)
	}
	zipped := gzipOf(t, tarOf(t, member{"1.png", string(noise), 0}, member{"2.png", string(noise), 0}))
	huge := []byte(whole)
	copy(huge[124:], "77777777777\x00")
	copy(huge[148:], checksum(huge[:512]))
	write(t, dir, map[string]string{
		"empty.tar": "", "text.tar": strings.Repeat("text ", 200), "short.tar": whole[:300], "cut.tar": whole[:3500], "head.tar": whole[:2600+100], "between.tar": whole[:2560], "gap.tar": whole[:2530],
		"flip.tar": whole[:2560+20] + "\xff" + whole[2560+21:], "cut.tar.gz": zipped[:30000], "flip.tar.gz": zipped[:len(zipped)-6] + "\x00\x01" + zipped[len(zipped)-4:],
		"huge.tar": string(huge), "no.tar": tarOf(t), "a.tar.zst": "\x28\xb5\x2f\xfdxxx", "a.zip": "PK\x03\x04xxx", "a.tar.bz2": "BZh9xxx", "folder.tar/": "",
	})
	for _, c := range []struct{ source, want string }{
		{"empty.tar", "read " + dir + "/empty.tar: the file is empty"}, {"text.tar", "text.tar: not a tar archive"}, {"short.tar", "the file is truncated at byte 300"},
		{"cut.tar", `cut.tar: after the header of "2.png": the file is truncated at byte 3500`},
		{"head.tar", `after the header of "1.png": the file is truncated at byte 2700`},
		{"between.tar", `after the header of "1.png": the file is truncated at byte 2560`},
		{"gap.tar", `after the header of "1.png": the file is truncated at byte 2530`},
		{"flip.tar", `flip.tar: after the header of "1.png": damaged near byte 3072`},
		{"cut.tar.gz", `cut.tar.gz: after the header of "1.png": the file is truncated at byte 30000`},
		{"flip.tar.gz", "damaged near byte"}, {"huge.tar", "truncated at byte"},
		{"a.tar.zst", "a zstandard archive"}, {"a.zip", "a zip archive"}, {"a.tar.bz2", "a bzip2 archive"}, {"folder.tar", "no images in"},
		{"s-{0..3}.tar", "s-0.tar: no such file"}, {"s-{3..0}.tar", "ends before it begins"}, {"gone.tar", "no such file or folder"},
	} {
		err := readAll(filepath.Join(dir, c.source))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.source, err, c.want)
		}
	}
	src, err := Open(filepath.Join(dir, "no.tar"))
	if err == nil {
		_, err = Load(t.Context(), src, preset(t, "cifar10"), Options{}, new(loaded).take)
	}
	if err == nil || !strings.Contains(err.Error(), "there are none") {
		t.Errorf("an archive without images: %v", err)
	}
}

// checksum is that of a tar header, as it stands in it.
func checksum(h []byte) string {
	sum := 8 * int(' ')
	for i, c := range h {
		if i < 148 || i >= 156 {
			sum += int(c)
		}
	}
	return fmt.Sprintf("%06o\x00 ", sum)
}

// TestTarLoad: images out of an archive give the tensors that the files give,
// and bad ones are skipped and counted.
func TestTarLoad(t *testing.T) {
	dir := t.TempDir()
	members, files := []member{{"note.txt", "x", 0}}, map[string]string{}
	for i := range 50 {
		name, text := fmt.Sprintf("%03d.png", i), pngOf(t, 40, 32, color.Gray{Y: uint8(5 * i)})
		members, files["files/"+name] = append(members, member{name, text, 0}), text
	}
	members = append(members, member{"bomb.png", string(bigPNG(50000, 50000)), 0}, member{"link.png", "000.png", tar.TypeSymlink})
	files["x.tar"] = tarOf(t, members...)
	write(t, dir, files)
	run := func(path string, maxBad float64) (loaded, Report, error) {
		src, err := Open(filepath.Join(dir, path))
		if err != nil {
			t.Fatal(err)
		}
		var got loaded
		report, err := Load(t.Context(), src, preset(t, "cifar10"), Options{MaxBad: maxBad, Batch: 8}, got.take)
		return got, report, err
	}
	want, _, err := run("files", 0)
	if err != nil {
		t.Fatal(err)
	}
	got, report, err := run("x.tar", 0.1)
	if err != nil || !reflect.DeepEqual(got.first, want.first) || report.Ignored != 1 || len(report.Skipped) != 2 {
		t.Errorf("%d of %d images, %+v, %v", len(got.ids), len(want.ids), report, err)
	}
	if _, _, err := run("x.tar", 0); err == nil || !strings.Contains(err.Error(), "x.tar/bomb.png: png header says 50000×50000 pixels") {
		t.Errorf("%v", err)
	}
}

func FuzzTar(f *testing.F) {
	f.Add([]byte(tarOf(f, member{"a/1.cls", "7", 0}, member{"a/1.jpg", "A", 0}, member{"2.png", "B", 0}, member{"2.json", `{"label": 3}`, 0})))
	f.Add([]byte(gzipOf(f, tarOf(f, member{"1.png", "A", 0}, member{"x/", "", tar.TypeDir}, member{"2.png", "y", tar.TypeSymlink}))))
	f.Add(read(f, "testdata/cifar/cifar-10-binary.tar.gz"))
	path := filepath.Join(f.TempDir(), "x.tar")
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		src, err := Open(path)
		if err != nil {
			return
		}
		all, err := ids(src, 0)
		for _, from := range []int{1, len(all) / 2, len(all)} {
			rest, err2 := ids(src, from)
			if from > len(all) {
				continue
			}
			if (err == nil) != (err2 == nil) || err == nil && strings.Join(rest, "\n") != strings.Join(all[from:], "\n") {
				t.Fatalf("from %d: %q and %v, whole %q and %v", from, rest, err2, all, err)
			}
		}
		if c, ok := src.(counter); ok && err == nil && c.count(t.Context(), 1<<30) != len(all) {
			t.Fatalf("%d images, counted %d", len(all), c.count(t.Context(), 1<<30))
		}
	})
}

// ids lists a pass.
func ids(src Source, from int) (out []string, err error) {
	err = each(src, from, func(it *item) { out = append(out, fmt.Sprintf("%s=%d %v %d", it.id, it.label, it.bad, len(it.buf))) })
	return out, err
}
