package npy

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// The goldens' values; see testdata/gen/features.py.
var (
	wantX   = []float64{-0.5, -0.375, -0.25, -0.125, 0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1, 1.125, 1.25}
	wantY   = []int64{0, 1, 1, -1, 0}
	wantU   = []int64{0, 1, 2, 200, 255}
	wantIDs = []string{"a/1.png", "a/2.png", "b/grün.png", "b/猫.png", "b/😀.png"}
)

// golden opens a file that NumPy wrote.
func golden(t testing.TB, name string) (*Array, error) {
	a, closer, err := Open(filepath.Join("testdata", name+".npy"))
	if err == nil {
		t.Cleanup(func() { closer.Close() })
	}
	return a, err
}

func mustGolden(t testing.TB, name string) *Array {
	t.Helper()
	a, err := golden(t, name)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestFloats(t *testing.T) {
	for _, name := range []string{"le_f2", "le_f4", "le_f8", "be_f2", "be_f4", "be_f8", "version2", "version3"} {
		for _, file := range []string{name, name + "_fortran"} {
			if strings.HasPrefix(file, "version") && strings.HasSuffix(file, "fortran") {
				continue
			}
			a := mustGolden(t, file)
			if !reflect.DeepEqual(a.Shape, []int{5, 3}) || !a.IsFloat() || a.IsInt() || a.IsString() {
				t.Errorf("%s: shape %v of %s", file, a.Shape, a.DType())
			}
			if x, err := a.Float64(); err != nil || !slices.Equal(x, wantX) {
				t.Errorf("%s: %v, %v", file, x, err)
			}
			x, err := mustGolden(t, file).Float32()
			if err != nil || len(x) != len(wantX) {
				t.Fatalf("%s: %v, %v", file, x, err)
			}
			for i, v := range x {
				if float64(v) != wantX[i] {
					t.Errorf("%s: element %d is %v, want %v", file, i, v, wantX[i])
				}
			}
		}
	}
}

func TestInts(t *testing.T) {
	want := map[string][]int64{"bool": {0, 1, 1, 0, 0}}
	for _, name := range []string{"i1", "le_i2", "le_i4", "le_i8", "be_i2", "be_i4", "be_i8"} {
		want[name] = wantY
	}
	for _, name := range []string{"u1", "le_u2", "le_u4", "le_u8", "be_u8"} {
		want[name] = wantU
	}
	for name, y := range want {
		a := mustGolden(t, name)
		if !a.IsInt() || a.IsFloat() {
			t.Errorf("%s: is %s", name, a.DType())
		}
		if got, err := a.Int64(); err != nil || !slices.Equal(got, y) {
			t.Errorf("%s: %v, %v, want %v", name, got, err, y)
		}
		got, err := mustGolden(t, name).Float32()
		for i := range got {
			if err != nil || got[i] != float32(y[i]) {
				t.Errorf("%s as float32: %v, %v", name, got, err)
			}
		}
	}
	if b, err := mustGolden(t, "u1").Bytes(); err != nil || !bytes.Equal(b, []byte{0, 1, 2, 200, 255}) {
		t.Errorf("u1 as bytes: %v, %v", b, err)
	}
}

func TestStrings(t *testing.T) {
	for name, want := range map[string][]string{"strings": wantIDs, "strings_big": wantIDs, "bytes": {"x", "yz", ""}} {
		if got, err := mustGolden(t, name).Strings(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestOtherShapes(t *testing.T) {
	if x, err := mustGolden(t, "scalar").Float32(); err != nil || !slices.Equal(x, []float32{1.5}) {
		t.Errorf("scalar: %v, %v", x, err)
	}
	cube := mustGolden(t, "cube")
	if x, err := cube.Float32(); err != nil || len(x) != 24 || x[23] != 23 || len(cube.Shape) != 3 {
		t.Errorf("cube: %v, %v", x, err)
	}
	if _, err := cube.Float32(); err == nil {
		t.Error("an array was read twice")
	}
}

func TestRefused(t *testing.T) {
	for name, want := range map[string]string{
		"object":       "Python objects",
		"record":       "structured array",
		"complex":      "not read; use float32",
		"cube_fortran": "Fortran order",
		"none":         "no such file",
	} {
		if _, err := golden(t, name); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name+".npy") {
			t.Errorf("%s: error %v, want %q", name, err, want)
		}
	}
	for name, read := range map[string]func(a *Array) error{
		"strings": func(a *Array) error { _, err := a.Float32(); return err },
		"le_f4":   func(a *Array) error { _, err := a.Int64(); return err },
		"le_i4":   func(a *Array) error { _, err := a.Strings(); return err },
		"i1":      func(a *Array) error { _, err := a.Bytes(); return err },
	} {
		if err := read(mustGolden(t, name)); err == nil || !strings.Contains(err.Error(), "cannot be read as") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// file is a .npy file of version 1 with the given header text.
func file(head, data string) []byte {
	return []byte(fmt.Sprintf("%s\x01\x00%c%c%s%s", Magic, byte(len(head)), byte(len(head)>>8), head, data))
}

func load(b []byte) error {
	a, err := NewArray(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return err
	}
	if a.IsString() {
		_, err = a.Strings()
		return err
	}
	_, err = a.Float64()
	return err
}

func TestHostileHeaders(t *testing.T) {
	ok := "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1L,), }\n"
	if err := load(file(ok, "12345678")); err != nil {
		t.Fatalf("the base of the table does not load: %v", err)
	}
	swap := func(old, new string) []byte {
		if !strings.Contains(ok, old) {
			t.Fatalf("%q is not in the base", old)
		}
		return file(strings.Replace(ok, old, new, 1), "12345678")
	}
	for _, c := range []struct {
		name, want string
		file       []byte
	}{
		{"empty", "too short", nil},
		{"other magic", "not a .npy", []byte("\x93NUMPX\x01\x00\x00\x00\x00\x00")},
		{"version 9", "unknown version 9.0", []byte(Magic + "\x09\x00\x00\x00\x00\x00")},
		{"cut header", "truncated within", file(ok, "")[:30]},
		{"long header", "claims a header", []byte(Magic + "\x02\x00\xff\xff\xff\xff")},
		{"cut data", "is truncated", file(ok, "1234567")},
		{"data behind", "1 bytes after", file(ok, "123456789")},
		{"larger than the file", "is truncated", swap("2, 1L", "2, 10")},
		{"overflow", "larger than any file", swap("2, 1L", "4294967296, 4294967296, 2")},
		{"overflow behind a zero", "larger than any file", swap("2, 1L", "0, 4611686018427387904, 4")},
		{"past int", "no number in range", swap("2, 1L", "99999999999999999999")},
		{"negative", "no number in range", swap("2, 1L", "-1")},
		{"empty axis", "no number in range", swap("2, 1L", ",")},
		{"shape a number", "expected (", swap("(2, 1L,)", "2")},
		{"shape without commas", "expected , or )", swap("2, 1L", "2 1")},
		{"key twice", "twice", swap("'shape'", "'descr': '<f4', 'shape'")},
		{"key missing", "lacks", swap("'fortran_order': False,", "")},
		{"key unknown", "unknown key", swap("'shape'", "'x': 1, 'shape'")},
		{"keys without comma", "expected , or }", swap("False,", "False")},
		{"not a literal", "expected {", file("hello", "")},
		{"unterminated", "expected a string", file("{'descr: 1", "")},
		{"text behind", "text after", swap("}\n", "} x\n")},
		{"boolean", "expected True or False", swap("False", "0")},
		{"objects", "Python objects", swap("<f4", "|O")},
		{"long double", "use float32", swap("<f4", "<f16")},
		{"no order", "unknown element type", swap("<f4", "f4")},
		{"no size", "unknown element type", swap("<f4", "<f")},
		{"odd integer", "unknown element type", swap("<f4", "<i3")},
		{"wide boolean", "unknown element type", swap("<f4", "|b2")},
		{"huge strings", "unknown element type", swap("<f4", "|S99999999999")},
		{"endless empty strings", "elements of no bytes", file("{'descr': '|S0', 'fortran_order': False, 'shape': (1000000000000,)}", "")},
	} {
		if err := load(c.file); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

// archive is a zip file of the given members.
func archive(t testing.TB, method uint16, members ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(members); i += 2 {
		w, err := z.CreateHeader(&zip.FileHeader{Name: members[i], Method: method})
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, members[i+1])
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestArchive(t *testing.T) {
	x, err := os.ReadFile("testdata/le_f4.npy")
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		b := archive(t, method, "x.npy", string(x), "cut.npy", string(x[:len(x)-1]))
		z, err := NewArchive("f.npz", bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(z.Names(), []string{"x", "cut"}) {
			t.Errorf("names %v", z.Names())
		}
		err = z.Array("x", func(a *Array) error {
			v, err := a.Float64()
			if !slices.Equal(v, wantX) || a.Name != "x" {
				t.Errorf("%s holds %v", a.Name, v)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		if err := z.Array("cut", func(*Array) error { return nil }); err == nil ||
			!strings.HasPrefix(err.Error(), `read f.npz: array "cut": is truncated`) {
			t.Errorf("cut: %v", err)
		}
		if err := z.Array("none", nil); err == nil {
			t.Error("a missing array was found")
		}
		// A flipped bit in the data is seen by the checksum.
		if method == zip.Store {
			at := bytes.Index(b, x[len(x)-12:])
			b[at] ^= 1
			err := z.Array("x", func(a *Array) error { _, err := a.Float64(); return err })
			if err == nil || !strings.Contains(err.Error(), "checksum") {
				t.Errorf("flipped bit: %v", err)
			}
		}
	}
}

// An array that unpacks to more than the first allocation arrives whole.
func TestCompressedArrayGrows(t *testing.T) {
	n := 3<<20 + 5
	b := archive(t, zip.Deflate, "x.npy", string(file(fmt.Sprintf("{'descr': '|u1', 'fortran_order': False, 'shape': (%d,)}", n),
		strings.Repeat("\x01", n))))
	z, err := NewArchive("f.npz", bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	err = z.Array("x", func(a *Array) error {
		v, err := a.Float32()
		if len(v) != n || slices.Min(v) != 1 || slices.Max(v) != 1 {
			t.Errorf("%d values", len(v))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestHostileArchives(t *testing.T) {
	x, _ := os.ReadFile("testdata/le_f4.npy")
	good := archive(t, zip.Deflate, "x.npy", string(x))
	central := bytes.LastIndex(good, []byte("PK\x01\x02"))
	lie := bytes.Clone(good) // the central directory's uncompressed size, at offset 24
	copy(lie[central+24:], "\xff\xff\xff\x7f")
	far := bytes.Clone(good) // and its compressed size, at offset 20
	copy(far[central+20:], "\xff\xff\xff\x7f")
	method := bytes.Clone(good) // an unknown compression, at offset 10
	method[central+10] = 99
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"truncated":          {good[:len(good)-3], "not a whole zip"},
		"other members":      {archive(t, zip.Store, "hello.txt", "x"), "not a .npz"},
		"pytorch":            {archive(t, zip.Store, "archive/data.pkl", "x"), "PyTorch"},
		"twice":              {archive(t, zip.Store, "x.npy", string(x), "x.npy", string(x)), "two arrays"},
		"expands too much":   {lie, "claims to unpack"},
		"larger than file":   {far, "claims to unpack"},
		"unknown compressor": {method, "compressed in a way"},
		"bomb with a small array": {archive(t, zip.Deflate, "x.npy", string(x)+strings.Repeat("\x00", 1<<20)),
			"bytes after its array"},
	} {
		z, err := NewArchive("f.npz", bytes.NewReader(c.file), int64(len(c.file)))
		if err == nil {
			err = z.Array("x", func(a *Array) error { _, err := a.Float64(); return err })
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "read f.npz: ") {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

func FuzzArray(f *testing.F) {
	paths, _ := filepath.Glob("testdata/*.npy")
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := NewArray(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		n := 1
		for _, d := range a.Shape {
			n *= d
		}
		var got int
		switch {
		case a.IsString():
			v, e := a.Strings()
			got, err = len(v), e
		case a.IsInt() && len(b)%2 == 0:
			v, e := a.Int64()
			if got, err = len(v), e; err != nil { // an unsigned number may be too large
				return
			}
		default:
			v, e := a.Float32()
			got, err = len(v), e
		}
		if err != nil || got != n || n > len(b) {
			t.Fatalf("%s %v: %d elements from %d bytes, %v", a.DType(), a.Shape, got, len(b), err)
		}
	})
}

func FuzzArchive(f *testing.F) {
	x, err := os.ReadFile("testdata/le_f4.npy")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(archive(f, zip.Store, "x.npy", string(x)))
	f.Add(archive(f, zip.Deflate, "x.npy", string(x), "y.npy", string(x)))
	f.Fuzz(func(t *testing.T, b []byte) {
		z, err := NewArchive("f.npz", bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		for _, name := range z.Names() {
			var whole []float32
			if z.Array(name, func(a *Array) (err error) {
				whole, err = a.Float32()
				if len(whole) > maxExpansion*len(b) {
					t.Fatalf("%d values from %d bytes", len(whole), len(b))
				}
				return err
			}) != nil {
				continue
			}
			sameInPieces(t, z, name, whole)
		}
	})
}

// sameInPieces holds an array read piece by piece and in place against the whole.
func sameInPieces(t *testing.T, z *Archive, name string, whole []float32) {
	bits := func(v float32) uint32 { return math.Float32bits(v) }
	same := func(how string, got []float32, err error) {
		if err != nil || !slices.EqualFunc(got, whole, func(a, b float32) bool { return bits(a) == bits(b) }) {
			t.Fatalf("%s: %v, %v; the whole is %v", how, got, err, whole)
		}
	}
	a, closer, err := z.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	got := make([]float32, len(whole))
	if a.Sequential() && len(got) > 0 {
		cut := len(got) / 2
		same("in order", got, errors.Join(a.Next(got[:cut]), a.Next(got[cut:])))
	}
	p, err := z.InPlace(name)
	if err != nil {
		t.Fatal(err)
	}
	if p != nil {
		same("in place", got, p.Float32At(got, 0))
	}
}
