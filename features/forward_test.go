package features

import (
	"archive/zip"
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
)

// compressed writes the members of a .npz file anew, compressed.
func compressed(t *testing.T, from, to string) {
	t.Helper()
	z, err := zip.OpenReader(from)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range z.File {
		r, err1 := f.Open()
		out, err2 := w.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Deflate})
		var whole bytes.Buffer
		_, err3 := whole.ReadFrom(r)
		_, err4 := out.Write(whole.Bytes())
		if err := errors.Join(err1, err2, err3, err4); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), os.WriteFile(to, b.Bytes(), 0o666)); err != nil {
		t.Fatal(err)
	}
}

// TestForward reads rows of files that are read from front to back, in any order and often, by several goroutines, and with
// a scratch file.
func TestForward(t *testing.T) {
	path, whole := dump(t, 3000)
	dir := t.TempDir()
	stored, packed, table := filepath.Join(dir, "stored.npz"), filepath.Join(dir, "packed.npz"), filepath.Join(dir, "table.parquet")
	for _, out := range []string{stored, table} {
		if _, err := open(t, path).SaveAs(t.Context(), out, SaveOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	compressed(t, stored, packed)
	t.Setenv("TMPDIR", dir)
	defer func(bound int64) { memoryBound = bound }(memoryBound)
	for _, bound := range []int64{1 << 30, 0} {
		memoryBound = bound
		for _, file := range []string{stored, packed, table} {
			rng := rand.New(rand.NewPCG(1, 2))
			r := open(t, file)
			for range 60 { // the first reads go forward, and enough of the others for a settled matrix
				index := Span(rng.IntN(2900), 2900+rng.IntN(100))
				if rng.IntN(2) == 0 {
					rng.Shuffle(len(index), func(i, j int) { index[i], index[j] = index[j], index[i] })
				}
				want, _ := NewReader(whole).Read(index)
				if got, err := r.Read(index); err != nil || !reflect.DeepEqual(got, want) {
					t.Fatalf("%s: %d images from %d on (%v), other than those in memory", file, len(index), index[0], err)
				}
			}
			if r.features.(*forwardMatrix).settled == nil {
				t.Errorf("%s was never settled", file)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	holds(t, dir, "packed.npz", "stored.npz", "table.parquet")
	r := open(t, packed)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(g), 2))
			x := make([]float32, whole.D)
			for range 100 {
				i := rng.IntN(whole.N)
				if err := r.Features(x, []int{i}); err != nil || !slices.Equal(x, whole.Row(i)) {
					t.Errorf("image %d is %v, %v", i, x, err)
				}
			}
		})
	}
	wg.Wait()
}

// TestForwardInOrder: reading from front to back twice, after a look at the first image, needs no settling.
func TestForwardInOrder(t *testing.T) {
	path, whole := dump(t, 500)
	out := filepath.Join(t.TempDir(), "f.parquet")
	if _, err := open(t, path).SaveAs(t.Context(), out, SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	r := open(t, out)
	for _, index := range [][]int{{0}, Span(0, 200), Span(200, 500), {0}} {
		got, err := r.Read(index)
		if err != nil || got.IDs[0] != whole.IDs[index[0]] || r.features.(*forwardMatrix).settled != nil {
			t.Fatal(index[0], err)
		}
	}
}

// TestNoRoomToUnpack says where the room is wanted.
func TestNoRoomToUnpack(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "none"))
	defer func(bound int64) { memoryBound = bound }(memoryBound)
	memoryBound = 0
	r := open(t, "testdata/saved.parquet")
	x := make([]float32, 3)
	var err error
	for range 10 {
		err = errors.Join(err, r.Features(x, []int{4}), r.Features(x, []int{1}))
	}
	if err == nil || !strings.Contains(err.Error(), "saved.parquet: it is unpacked into a scratch file in ") || !strings.Contains(err.Error(), "TMPDIR") {
		t.Errorf("error %v", err)
	}
}

// breaking is a stream that gives some rows of zeros before it fails.
type breaking struct{ left int }

func (b *breaking) next(dst []float32) error {
	if b.left -= len(dst); b.left < 0 {
		return errors.New("damaged")
	}
	clear(dst)
	return nil
}

func (b *breaking) Close() error { return nil }

// TestUnpackingThatFails leaves no scratch file behind, named or open, however often it is tried.
func TestUnpackingThatFails(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	defer func(bound int64) { memoryBound = bound }(memoryBound)
	memoryBound = 0
	m := &forwardMatrix{path: "x", rowsN: 10_000, cols: 100, start: func() (stream, error) { return &breaking{left: 900_000}, nil }}
	before := openFiles()
	for range 3 {
		if err := m.settle(); err == nil || m.settled != nil || m.scratch != nil {
			t.Fatalf("error %v, settled %v", err, m.settled)
		}
	}
	if after := openFiles(); after != before {
		t.Errorf("%d files are open, %d before", after, before)
	}
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
}

// openFiles is how many files this process has open, 0 where the system does not tell.
func openFiles() int {
	open, _ := os.ReadDir("/proc/self/fd")
	return len(open)
}

// TestSetWithoutIDs: the row numbers stand in wherever an image has to be named.
func TestSetWithoutIDs(t *testing.T) {
	s := &Set{N: 4, D: 2, Features: []float32{1, 2, 3, 4, 5, 6, 7, 8}}
	r := NewReader(s)
	if got, err := r.Read([]int{2}); err != nil || got.IDs[0] != "2" || r.named() {
		t.Errorf("image %v, %v", got, err)
	}
	s.Features[4] = 1e9
	if _, err := r.SaveAs(t.Context(), filepath.Join(t.TempDir(), "x.npy"), SaveOptions{DType: "F16"}); err == nil || !strings.Contains(err.Error(), "2") {
		t.Errorf("error %v", err)
	}
}

// TestHeadNoteOfNothing: an empty note is no head.
func TestHeadNoteOfNothing(t *testing.T) {
	if _, err := parseFloatNote("", 0); err == nil {
		t.Error("taken for a list of numbers")
	}
}

// TestOpenTables reads the files that other tools wrote (testdata/gen/vectors.mjs).
func TestOpenTables(t *testing.T) {
	files, _ := filepath.Glob(strings.TrimPrefix(vectorFiles, "../"))
	if len(files) != 10 {
		t.Fatalf("%d files", len(files))
	}
	for _, file := range files {
		r := open(t, file)
		s, err := r.Read(Span(0, r.N))
		if err != nil {
			t.Fatal(err)
		}
		want := "F32"
		for name, dtype := range map[string]string{"f16": "F16", "f64": "F64"} {
			if strings.Contains(file, name) {
				want = dtype
			}
		}
		if s.N != 25 || s.D != 5 || s.DType != want || s.IDs[24] != "24/grün.png" || s.Labels[23] != 2 || s.Features[3] != 0.75 || s.Features[124] != -1.875 {
			t.Errorf("%s: %+v", file, s)
		}
		if found := r.Found(); !strings.HasPrefix(found, `features from "features" `+want+` [25,5], labels from "label" INT64 [25], ids from "id" BYTE_ARRAY [25]`) {
			t.Errorf("%s: found %s", file, found)
		}
	}
	for name, want := range map[string]string{
		"bad_sum": "column features.list.item holds 124 numbers in 25 rows", "bad_null": "row 9: is no list of 5 numbers",
	} {
		if _, err := Open("../internal/parquet/testdata/vectors/" + name + ".parquet"); err == nil || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), name+".parquet") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, err := Open("../internal/parquet/testdata/snappy.parquet"); err == nil || !strings.Contains(err.Error(),
		"no array looks like features: found image.bytes [12], image.path [12], label [12]; name") {
		t.Errorf("images: %v", err)
	}
}

func TestKey(t *testing.T) {
	s, err := OpenOptions{Key: "train"}.Open("testdata/two.npz")
	if err != nil || s.N != 5 || s.D != 3 {
		t.Fatal(s, err)
	}
	for _, c := range []struct{ file, key, found, want string }{
		{file: "two.npz", key: "Test", found: `features from "test" F32 [5,3]; not used: "train"`},
		{file: "named.npz", key: "logits", found: `features from "logits" F32 [5,2], labels from "labels" I64 [5], ids from "ids" strings [5], ` +
			`class names from "classes" strings [2]; not used: "features", "W", "b"`},
		{file: "compressed.npz", found: `features from "feats" F16 [5,3], labels from "y" F64 [5]`},
		{file: "lone.npz", found: `features from "penult" F64 [5,3], logits from "logits" F32 [5,2], labels from "targets" I64 [5,1]`},
		{file: "plain.npy"}, {file: "set.safetensors"}, {file: "saved.npz"}, {file: "saved.parquet"},
		{file: "pytorch.safetensors", found: `features from "embeddings" F16 [5,3], logits from "logits" F64 [5,2], labels from "labels" I32 [5]`},
		{file: "set.safetensors", key: "features", found: `features from "features" F32 [5,3], logits from "logits" F32 [5,2], labels from "labels" I64 [5], ` +
			`ids from "ids" U8 [44], their ends from "ids_offsets" I64 [6], W from "W" F32 [2,3], b from "b" F32 [2]`},
		{file: "two.npz", key: "valid", want: `two.npz: has no array called "valid": found train [5,3], test [5,3]; name one of them with --features-key`},
		{file: "plain.npy", key: "x", want: "plain.npy: is an .npy file, whose only array has no name: leave out --features-key x"},
		{file: "named.npz", key: "labels", want: "the shape [5]: features are [images, dimension]"},
	} {
		r, err := OpenOptions{Key: c.key}.OpenReader(filepath.Join("testdata", c.file))
		if c.want != "" {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s %s: error %v, want %q", c.file, c.key, err, c.want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s %s: %v", c.file, c.key, err)
			continue
		}
		if r.Found() != c.found {
			t.Errorf("%s %s: found\n%s, want\n%s", c.file, c.key, r.Found(), c.found)
		}
		r.Close()
	}
}
