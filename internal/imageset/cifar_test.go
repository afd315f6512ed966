package imageset

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// cifarPart reads the whole of a source: labels and pixels.
func cifarPart(t testing.TB, source string) (ids []string, labels []int64, pix [][]byte, classes []string) {
	t.Helper()
	src, err := Open(source)
	if err != nil {
		t.Fatal(err)
	}
	err = each(src, 0, func(it *item) {
		ids, labels, pix = append(ids, it.id), append(labels, it.label), append(pix, pixels(t, rawImage(it)))
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids, labels, pix, src.Classes()
}

// TestCIFARForms: the binary and the Python form, unpacked and as archives, have
// the same images in the same order, whatever the order in the archive.
func TestCIFARForms(t *testing.T) {
	const dir = "testdata/cifar/"
	for _, c := range []struct {
		part   string
		paths  []string
		n      int
		labels []int64
		class3 string
		file   string // that the last image is in
		last   int    // and its number there
	}{
		{"cifar10:%s#train", []string{"cifar-10-batches-bin", "cifar-10-binary.tar.gz", "cifar-10-batches-py", "cifar-10-python.tar.gz", ""}, 9,
			[]int64{0, 3, 4, 6, 7, 8, 9, 2, 3}, "cat", "data_batch_5", 1},
		{"cifar10:%s#test", []string{"cifar-10-batches-bin", "cifar-10-binary.tar.gz", "cifar-10-batches-py", "cifar-10-python.tar.gz", ""}, 3,
			[]int64{5, 6, 7}, "cat", "test_batch", 2},
		{"cifar100:%s#train", []string{"cifar-100-binary", "cifar-100-binary.tar.gz", "cifar-100-python", "cifar-100-python.tar.gz", ""}, 4,
			[]int64{0, 33, 66, 99}, "thing 3", "train", 3},
		{"cifar100:%s#test-coarse", []string{"cifar-100-binary", "cifar-100-binary.tar.gz", "cifar-100-python", "cifar-100-python.tar.gz", ""}, 2,
			[]int64{1, 8}, "group 3", "test", 1},
	} {
		var first [][]byte
		for _, path := range c.paths {
			source := fmt.Sprintf(c.part, dir+path)
			ids, labels, pix, classes := cifarPart(t, source)
			if first == nil {
				first = pix
			}
			if !reflect.DeepEqual(labels, c.labels) || len(classes) < 20 && len(classes) != 10 || classes[3] != c.class3 {
				t.Errorf("%s: labels %v, classes %q", source, labels, classes)
			}
			if !reflect.DeepEqual(pix, first) {
				t.Errorf("%s has other pixels", source)
			}
			if last := ids[len(ids)-1]; strings.Replace(last, ".bin#", "#", 1) != fmt.Sprintf("%s#%d", c.file, c.last) {
				t.Errorf("%s: the last image is %s", source, last)
			}
			src, err := Open(source)
			if err != nil {
				t.Fatal(err)
			}
			if got := pass(t, src); len(got) != c.n || src.Len() != c.n {
				t.Errorf("%s: %d images, Len %d, want %d", source, len(got), src.Len(), c.n)
			}
		}
	}
	// The generator's drawing: value of row y, column x, plane c of image 1 of data_batch_2.
	_, _, pix, _ := cifarPart(t, "cifar10:"+dir+"cifar-10-python.tar.gz#train")
	for _, p := range [][3]int{{0, 0, 0}, {9, 30, 1}, {31, 5, 2}} {
		y, x, ch := p[0], p[1], p[2]
		if got, want := pix[2][3*(32*y+x)+ch], byte(x/4*(1+20)+y/8*(ch+1)*9); got != want {
			t.Errorf("row %d, column %d, plane %d is %d, want %d", y, x, ch, got, want)
		}
	}
}

// TestCIFARRefuses: what is not the data set has an error that says so.
func TestCIFARRefuses(t *testing.T) {
	dir := t.TempDir()
	binary, python := string(read(t, "testdata/cifar/cifar-10-binary.tar.gz")), string(read(t, "testdata/cifar/cifar-10-python.tar.gz"))
	batch := string(read(t, "testdata/cifar/cifar-10-batches-py/test_batch"))
	write(t, dir, map[string]string{
		"cut.tar.gz": python[:len(python)-400], "flip.tar.gz": binary[:1000] + "\xff\x00\xff" + binary[1003:], "empty.tar.gz": "", "text.tar.gz": strings.Repeat("text ", 300),
		"evil/test_batch": "cos\nsystem\n(S'echo'\ntR.", "cut/test_batch": batch[:len(batch)/2],
		"labels/test_batch": strings.Replace(batch, "K\x05", "K\x0a", 1), "list/test_batch": "].", "python/data_batch_1": "abc",
		"short/train.bin": "abc", "label/test.bin": "\x00\x64" + strings.Repeat("x", 3072), "zst.tar.gz": "\x28\xb5\x2f\xfdxxxx", "none/": "",
	})
	in := func(name string) string { return filepath.Join(dir, name) }
	for _, c := range []struct{ source, want string }{
		{"cifar10:" + in("cut.tar.gz") + "#train", "cut.tar.gz: after the header of \"cifar-10-batches-py/data_batch_5\": the file is truncated at byte"},
		{"cifar10:" + in("flip.tar.gz") + "#train", "flip.tar.gz: "},
		{"cifar10:" + in("empty.tar.gz") + "#train", "the file is empty"},
		{"cifar10:" + in("text.tar.gz") + "#train", "not a tar archive"},
		{"cifar10:" + in("zst.tar.gz") + "#train", "a zstandard archive: unpack it"},
		{"cifar10:testdata/cifar/cifar-100-binary.tar.gz#train", "holds none of the files of CIFAR-10: expected cifar-10-binary.tar.gz"},
		{"cifar10:" + in("none") + "#train", "holds none of the files"},
		{"cifar10:" + in("missing") + "#train", "no such file"},
		{"cifar10:" + in("none"), "#train or cifar10:"},
		{"cifar10:" + in("none") + "#train-coarse", "say which part"},
		{"cifar100:" + in("none") + "#coarse", "say which part, cifar100:" + in("none") + "#train, "},
		{"cifar10:" + in("evil") + "#test", `"os.system": refused`},
		{"cifar10:" + in("cut") + "#test", "read pickle test_batch: "},
		{"cifar10:" + in("python") + "#train", "read pickle data_batch_1: "},
		{"cifar10:" + in("labels") + "#test", "label 0 of pickle test_batch is 10: expected 0 to 9"},
		{"cifar10:" + in("list") + "#test", "is not a dict with data and labels"},
		{"cifar100:" + in("short") + "#train", "3 bytes, not a multiple of the record's 3074"},
		{"cifar100:" + in("label") + "#test", "label 100: not CIFAR-100's binary version"},
	} {
		err := readAll(c.source)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.source, err, c.want)
		}
	}
}

// readAll reads a source to its end.
func readAll(source string) error {
	src, err := Open(source)
	if err != nil {
		return err
	}
	return each(src, 0, func(*item) {})
}

// TestCIFARChanges: files that change after they were opened are an error and
// never other images.
func TestCIFARChanges(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ path, by string }{
		{"cifar-10-batches-bin/test_batch.bin", "cifar-10-batches-bin/data_batch_1.bin"},
		{"cifar-10-batches-py/test_batch", "cifar-10-batches-py/data_batch_1"},
		{"cifar-10-binary.tar.gz", "cifar-10-python.tar.gz"},
	} {
		path := filepath.Join(dir, filepath.Base(c.path))
		whole := string(read(t, "testdata/cifar/"+c.path))
		write(t, dir, map[string]string{filepath.Base(c.path): whole})
		at := dir
		if strings.HasSuffix(path, ".gz") {
			at = path
		}
		src, err := Open("cifar10:" + at + "#test")
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, map[string]string{filepath.Base(c.path): string(read(t, "testdata/cifar/"+c.by))})
		r, err := src.read(0)
		if err == nil {
			err = r.next(new(item))
		}
		if err == nil || !strings.Contains(err.Error(), "has changed") {
			t.Errorf("%s: %v", c.path, err)
		}
		os.Remove(path)
	}
}

// TestTarBomb: an archive that unpacks to absurdly much is not unpacked.
func TestTarBomb(t *testing.T) {
	p := packed{outside: bombBytes, in: measured{n: bombBytes / bombRatio}}
	z, err := unpack(bytes.NewReader(read(t, "testdata/cifar/cifar-10-binary.tar.gz")))
	if err != nil {
		t.Fatal(err)
	}
	p.gzip = z.gzip
	if _, err := p.Read(make([]byte, 512)); err == nil || !strings.Contains(err.Error(), "decompression bomb") {
		t.Errorf("%v", err)
	}
}

// FuzzCIFAR reads a file of either form, of either data set: what is accepted
// has images with labels of the set, the same in every pass and from every image on.
func FuzzCIFAR(f *testing.F) {
	forms := []struct{ name, source string }{
		{"test_batch.bin", "cifar10:DIR#test"}, {"test_batch", "cifar10:DIR#test"}, {"test.bin", "cifar100:DIR#test-coarse"}, {"test", "cifar100:DIR#test"},
		{"batches.meta.txt", "cifar10:DIR#test"}, {"batches.meta", "cifar10:DIR#test"},
	}
	for i, name := range []string{"cifar-10-batches-bin/test_batch.bin", "cifar-10-batches-py/test_batch", "cifar-100-binary/test.bin", "cifar-100-python/test",
		"cifar-10-batches-bin/batches.meta.txt", "cifar-10-batches-py/batches.meta"} {
		f.Add(uint8(i), read(f, "testdata/cifar/"+name))
	}
	batch := read(f, "testdata/cifar/cifar-10-batches-bin/test_batch.bin")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		form := forms[int(which)%len(forms)]
		path := filepath.Join(dir, form.name)
		defer os.Remove(path)
		if strings.Contains(form.name, "meta") { // class names, beside a good file
			write(t, dir, map[string]string{"test_batch.bin": string(batch)})
			defer os.Remove(filepath.Join(dir, "test_batch.bin"))
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		src, err := Open(strings.Replace(form.source, "DIR", dir, 1))
		if err != nil {
			return
		}
		for _, class := range src.Classes() {
			if !utf8.ValidString(class) || strings.ContainsAny(class, "\n\x00") {
				t.Errorf("class %q", class)
			}
		}
		all, err := ids(src, 0)
		if err == nil && len(all) != src.Len() {
			t.Errorf("%d images, and %d came", src.Len(), len(all))
		}
		last := max(src.Len()-1, 0)
		if rest, err2 := ids(src, last); err == nil && (err2 != nil || strings.Join(rest, "\n") != strings.Join(all[last:], "\n")) {
			t.Errorf("from %d: %q and %v, of %q", last, rest, err2, all)
		}
	})
}
