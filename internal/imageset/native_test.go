package imageset

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// nativeShop is a workshop with the native library, where the machine has one.
func nativeShop(t testing.TB) *workshop {
	w := new(workshop)
	w.goNative()
	t.Cleanup(w.close)
	if w.native == nil {
		_, err := JPEGLibrary()
		t.Skipf("no libjpeg-turbo: %v", err)
	}
	return w
}

// compare decodes a file both ways and reports whether the native library did. Of a damaged file the errors are the same:
// coefficients that no writer stores may give other pixels.
func compare(t *testing.T, w *workshop, name string, file []byte, damaged bool) bool {
	t.Helper()
	want, err := Decode(file)
	h, headerErr := w.readHeader(file)
	if headerErr != nil {
		return false
	}
	got, nativeErr := w.decode(h, file)
	if (err == nil) != (nativeErr == nil) || err != nil && err.Error() != nativeErr.Error() {
		t.Errorf("%s: %v, and in Go %v", name, nativeErr, err)
	}
	if err != nil || nativeErr != nil || damaged {
		return false
	}
	a, b := make([]byte, 3*want.W), make([]byte, 3*want.W)
	for y := range want.H {
		want.Row(a, y)
		got.Row(b, y)
		if !bytes.Equal(a, b) {
			t.Errorf("%s: row %d differs", name, y)
			break
		}
	}
	return got.planes == nil
}

// TestNative: the native library makes the same pixels of the same files, and where it does not take a file, Go does.
func TestNative(t *testing.T) {
	w := nativeShop(t)
	taken := 0
	for _, file := range [][]byte{photograph(t, 224, 224, false), photograph(t, 37, 91, false), photograph(t, 300, 400, true), photograph(t, 1, 1, false)} {
		if compare(t, w, "drawn", file, false) {
			taken++
		}
		for n := 0; n < len(file); n += 1 + len(file)/40 {
			compare(t, w, "cut", file[:n], true)
			damaged := bytes.Clone(file)
			damaged[n] ^= 0x41
			compare(t, w, "damaged", damaged, true)
		}
	}
	if taken != 4 {
		t.Errorf("the library took %d of 4 pictures", taken)
	}
}

// TestNativeForgets: a picture without tables of its own is not decoded with those of the picture before.
func TestNativeForgets(t *testing.T) {
	w := nativeShop(t)
	whole := photograph(t, 64, 48, false)
	for _, marker := range []byte{0xdb, 0xc4} {
		compare(t, w, "whole", whole, false)
		b := bytes.Clone(whole)
		b[bytes.Index(b, []byte{0xff, marker})+1] = 0xfe // a comment
		compare(t, w, "without tables", b, true)
	}
}

// TestNativePhotographs does so on the photographs and kinds of JPEG that there are.
func TestNativePhotographs(t *testing.T) {
	w := nativeShop(t)
	taken, all := 0, 0
	for _, root := range []string{"testdata", data(t, "imagenette", "val"), data(t, "dtd")} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if ext := filepath.Ext(path); err != nil || ext != ".jpg" && ext != ".JPEG" && ext != ".jpeg" {
				return err
			}
			file, err := os.ReadFile(path)
			if all++; compare(t, w, path, file, false) {
				taken++
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d of %d files were decoded natively", taken, all)
	if taken < all/2 {
		t.Errorf("the library took %d of %d files", taken, all)
	}
}
