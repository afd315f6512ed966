package features

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/quick"

	"github.com/oodflow/oodflow/internal/safetensors"
)

// holds fails the test unless the folder holds exactly the given names.
func holds(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("the folder holds %q, want %q", got, names)
	}
}

func TestGoldenFile(t *testing.T) {
	golden := filepath.Join("testdata", "set.safetensors")
	if *update {
		if err := Save(golden, goldenSet()); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "set")
	if err := Save(path, goldenSet()); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("the bytes differ from the golden's: a change of the format needs a new version; otherwise -update, " +
			"then python3 testdata/gen/features.py")
	}
	s, err := Open(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(s, goldenSet()) {
		t.Errorf("reads as\n%+v, want\n%+v", s, goldenSet())
	}
}

// What is written comes back, however the rows are cut into batches, and the cut leaves no trace.
func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	f := func(seed uint64, logits, labels, ids, head bool) bool {
		r := rand.New(rand.NewPCG(seed, 2))
		n, d, c := 1+r.IntN(40), 1+r.IntN(9), 1+r.IntN(5)
		s := inMemory(random(seed, n, d, false), d)
		s.DType = "F32"
		h := Header{D: d, Provenance: Provenance{Tensor: "t" + strconv.Itoa(d)}}
		if logits {
			s.C, s.Logits = c, random(seed+1, n, c, false)
			h.C = c
		}
		if labels {
			for range n {
				s.Labels = append(s.Labels, int64(r.IntN(3))-1)
			}
		}
		if ids {
			for i := range s.IDs {
				s.IDs[i] = strings.Repeat("é", r.IntN(3)) + strconv.Itoa(i%7)
			}
		}
		if head {
			s.Head = &Head{C: c, D: d, W: random(seed+2, c, d, false), B: random(seed+3, c, 1, false)}
			h.Head = s.Head
		}
		s.Provenance = h.Provenance
		whole, cut := filepath.Join(dir, "whole"), filepath.Join(dir, "cut")
		if err := Save(whole, s); err != nil {
			t.Fatal(err)
		}
		w, err := Create(cut, h)
		if err != nil {
			t.Fatal(err)
		}
		for lo := 0; lo < n; {
			hi := min(n, lo+r.IntN(8))
			b := Batch{Features: s.Features[lo*d : hi*d], IDs: s.IDs[lo:hi]}
			if logits {
				b.Logits = s.Logits[lo*c : hi*c]
			}
			if labels {
				b.Labels = s.Labels[lo:hi]
			}
			if err := w.Append(b); err != nil {
				t.Fatal(err)
			}
			lo = hi
		}
		if w.Len() != n {
			t.Errorf("Len is %d after %d rows", w.Len(), n)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if w.log.f != nil {
			t.Error("the scratch files are still open")
		}
		a, _ := os.ReadFile(whole)
		b, _ := os.ReadFile(cut)
		if !bytes.Equal(a, b) {
			t.Error("batches change the bytes")
		}
		got, err := Open(cut)
		if err != nil {
			t.Fatal(err)
		}
		return reflect.DeepEqual(got, s)
	}
	if err := quick.Check(f, &quick.Config{MaxCount: 60}); err != nil {
		t.Error(err)
	}
	holds(t, dir, "cut", "whole")
}

// Rows of batches without labels or ids are filled up when another batch has some.
func TestMixedBatches(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	w, err := Create(path, Header{D: 1})
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(
		w.Append(Batch{Features: []float32{1}}),
		w.Append(Batch{Features: []float32{2}, Labels: []int64{5}, IDs: []string{"bad\xffname"}}),
		w.Append(Batch{}),
		w.Append(Batch{Features: []float32{3}}),
		w.Close())
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(s.Labels, []int64{-1, 5, -1}) || !reflect.DeepEqual(s.IDs, []string{"0", "bad\uFFFDname", "2"}) {
		t.Errorf("labels %v, ids %q", s.Labels, s.IDs)
	}
	if err := Save(path, inMemory([]float32{1, 2}, 1)); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, ok := f.Info("labels"); ok {
		t.Error("labels that nobody gave are in the file")
	}
}

func TestWriterFailures(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	for _, c := range []struct {
		want string
		b    Batch
	}{
		{"no whole rows of 2", Batch{Features: make([]float32, 3), Logits: make([]float32, 3)}},
		{"not 3", Batch{Features: make([]float32, 2), Logits: make([]float32, 2)}},
		{"not 3", Batch{Features: make([]float32, 2)}},
		{"2 labels", Batch{Features: make([]float32, 2), Logits: make([]float32, 3), Labels: make([]int64, 2)}},
		{"0 ids", Batch{Features: make([]float32, 2), Logits: make([]float32, 3), IDs: []string{}}},
	} {
		w, err := Create(path, Header{D: 2, C: 3})
		if err != nil {
			t.Fatal(err)
		}
		good := Batch{Features: make([]float32, 2), Logits: make([]float32, 3)}
		if err := w.Append(good); err != nil {
			t.Fatal(err)
		}
		err = w.Append(c.b)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("error %v, want %q", err, c.want)
		}
		if again := w.Append(good); again == nil {
			t.Error("Append after a failed one")
		}
		if closed := w.Close(); closed == nil || closed.Error() != err.Error() {
			t.Errorf("Close after a failed Append: %v", closed)
		}
		holds(t, dir)
	}

	w, err := Create(path, Header{D: 2})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), "no image") {
		t.Errorf("Close of nothing: %v", err)
	}
	w, _ = Create(path, Header{D: 2})
	w.Append(Batch{Features: []float32{1, 2}})
	if err := errors.Join(w.Abort(), w.Abort()); err != nil {
		t.Error(err)
	}
	if w.Close() == nil || w.Append(Batch{Features: []float32{1, 2}}) == nil {
		t.Error("an aborted writer goes on")
	}
	holds(t, dir)

	if err := os.WriteFile(path, []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	w, _ = Create(path, Header{D: 2})
	w.Append(Batch{Features: []float32{1, 2}})
	w.Abort()
	if b, _ := os.ReadFile(path); string(b) != "old" {
		t.Errorf("an aborted writer left %q", b)
	}

	for name, h := range map[string]Header{
		"dimension": {},
		"classes":   {D: 1, C: -1},
		"takes":     {D: 1, Head: &Head{C: 1, D: 2, W: make([]float32, 2), B: make([]float32, 1)}},
		"matrix":    {D: 1, Head: &Head{C: 2, D: 1, W: make([]float32, 1), B: make([]float32, 2)}},
	} {
		if _, err := Create(path, h); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, path := range []string{dir, filepath.Join(dir, "none", "f")} {
		if _, err := Create(path, Header{D: 1}); err == nil || !strings.Contains(err.Error(), "write "+path+": ") {
			t.Errorf("Create(%q): %v", path, err)
		}
	}
	holds(t, dir, "f")
}

// The kernel's always-full device stands for a full disk.
func TestFullDisk(t *testing.T) {
	const full = "/dev/full"
	if _, err := os.Stat(full); err != nil {
		t.Skip(err)
	}
	err := Save(full, goldenSet())
	if !errors.Is(err, syscall.ENOSPC) || err.Error() != "write /dev/full: no space left on device" {
		t.Errorf("error %v", err)
	}
}

// A scratch file that cannot be written fails Append or Close, naming the target.
func TestScratchFileFails(t *testing.T) {
	for _, rows := range []int{1, 70_000} { // in the buffer until Close, and past it
		dir := t.TempDir()
		path := filepath.Join(dir, "f")
		w, err := Create(path, Header{D: 1})
		if err != nil {
			t.Fatal(err)
		}
		w.log.f.Close()
		err = errors.Join(w.Append(Batch{Features: make([]float32, rows)}), w.Close())
		if err == nil || !strings.HasPrefix(err.Error(), "write "+path+": ") {
			t.Errorf("%d rows: %v", rows, err)
		}
		holds(t, dir)
	}
}

func TestOpenOthers(t *testing.T) {
	ref := goldenSet()
	for _, c := range []struct {
		file, dtype string
		logits      bool
		labels      []int64
		ids, names  []string
		head        bool
	}{
		{file: "named.npz", dtype: "F32", logits: true, labels: ref.Labels, ids: ref.IDs, names: []string{"cat", "dog"}, head: true},
		{file: "compressed.npz", dtype: "F16", labels: ref.Labels},
		{file: "positional.npz", dtype: "F32"},
		{file: "lone.npz", dtype: "F64", logits: true, labels: ref.Labels},
		{file: "plain.npy", dtype: "F32"},
		{file: "pytorch.safetensors", dtype: "F16", logits: true, labels: ref.Labels},
		{file: "bfloat.safetensors", dtype: "BF16"},
	} {
		s, err := Open(filepath.Join("testdata", c.file))
		if err != nil {
			t.Errorf("%s: %v", c.file, err)
			continue
		}
		want := &Set{N: 5, D: 3, Features: ref.Features, DType: c.dtype, Labels: c.labels, IDs: c.ids, Classes: c.names}
		if c.logits {
			want.C, want.Logits = 2, ref.Logits
		}
		if c.ids == nil {
			want.IDs = []string{"0", "1", "2", "3", "4"}
		}
		if c.head {
			want.Head = &Head{C: 2, D: 3, W: []float32{1, 1, 1, 1, 1, 1}, B: []float32{0, 0}}
		}
		if !reflect.DeepEqual(s, want) {
			t.Errorf("%s reads as\n%+v, want\n%+v", c.file, s, want)
		}
		if err := s.Check(); err != nil {
			t.Errorf("%s: %v", c.file, err)
		}
	}
}

func TestOpenRefusals(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	own, err := os.ReadFile("testdata/set.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	swap := func(old, new string) string {
		if strings.Count(string(own), old) != 1 || len(old) != len(new) {
			t.Fatalf("cannot swap %q", old)
		}
		return strings.Replace(string(own), old, new, 1)
	}
	for path, want := range map[string]string{
		"testdata/none.npz":                  "no array looks like features: found a [10], b [3,4,5]; name",
		"testdata/two.npz":                   "more than one array could be the features: found train [5,3], test [5,3]; name the right one with --features-key, or rename",
		"testdata/spatial.npz":               `"features" has the shape [2,3,4,4], a spatial map`,
		"testdata/object.npz":                `array "ids": the .npy header is damaged or unusual: it holds Python objects`,
		"testdata/torch.pt":                  "is a PyTorch file",
		"testdata/vector.npy":                "the array has the shape [3], one vector",
		dir:                                  "is a folder",
		dir + "/missing":                     "no such file",
		put("empty", ""):                     "the file is empty",
		put("text", "a,b\n1,2"):              "neither safetensors nor .npy, .npz or Parquet",
		put("pickle", "\x80\x02}q\x00."):     "pickle",
		put("cut", string(own[:len(own)-1])): "truncated",
		put("detector", swap("oodflow-features", "oodflow-detector")):      `kind "oodflow-detector", not a feature set`,
		put("newer", swap(`"format_version":"1"`, `"format_version":"9"`)): `version "9"`,
		put("names", swap(`[\"cat\"`, `{\"cat\"`)):                         "class names",
		put("no bias", swap(`"b":{`, `"c":{`)):                             "head W, b",
	} {
		s, err := Open(path)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), path) != 1 {
			t.Errorf("%s: %v, error %v, want %q", path, s, err, want)
		}
	}
}

// tensor writes a safetensors file of the given tensors, each with its bytes.
func tensors(t testing.TB, infos []safetensors.Info, data ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	w, err := safetensors.NewWriter(out, infos, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, strings.Join(data, "")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOpenWrongColumns(t *testing.T) {
	info := func(name string, t safetensors.DType, shape ...int64) safetensors.Info {
		return safetensors.Info{Name: name, DType: t, Shape: shape}
	}
	zeros := func(n int) string { return strings.Repeat("\x00", n) }
	x := info("X", safetensors.F32, 2, 1) // upper case counts, too
	long := func(v ...byte) string {
		var s string
		for _, b := range v {
			s += string([]byte{b}) + zeros(7)
		}
		return s
	}
	for _, c := range []struct {
		want string
		col  []safetensors.Info
		data string
	}{
		{"", nil, ""},
		{`array "logits" holds F32 [1,2]`, []safetensors.Info{info("logits", safetensors.F32, 1, 2)}, zeros(8)},
		{`array "logits" holds I32 [2,1]`, []safetensors.Info{info("logits", safetensors.I32, 2, 1)}, zeros(8)},
		{`array "logits" holds F32 [2,0]`, []safetensors.Info{info("logits", safetensors.F32, 2, 0)}, ""},
		{`array "y" holds U8 [2,3]: labels`, []safetensors.Info{info("y", safetensors.U8, 2, 3)}, zeros(6)},
		{`array "y" holds U8 [3]: labels`, []safetensors.Info{info("y", safetensors.U8, 3)}, zeros(3)},
		{`label 0.5 of row 1 is no class number`, []safetensors.Info{info("y", safetensors.BF16, 2)}, "\x00\x00\x00\x3f"},
		{`label NaN of row 0 is no class number`, []safetensors.Info{info("y", safetensors.BF16, 2)}, "\xff\x7f\x00\x00"},
		{`array "ids" holds F32 [2]`, []safetensors.Info{info("ids", safetensors.F32, 2)}, zeros(8)},
		{`does not start at 0`, []safetensors.Info{info("ids", safetensors.U8, 2), info("ids_offsets", safetensors.I64, 3)}, "ab" + long(1, 1, 2)},
		{`and end at 2`, []safetensors.Info{info("ids", safetensors.U8, 2), info("ids_offsets", safetensors.I64, 3)}, "ab" + long(0, 1, 1)},
		{`id 0 lies at bytes 0 to 9 of 2`, []safetensors.Info{info("ids", safetensors.U8, 2), info("ids_offsets", safetensors.I64, 3)}, "ab" + long(0, 9, 2)},
		{`id 0 is not UTF-8`, []safetensors.Info{info("ids", safetensors.U8, 2), info("ids_offsets", safetensors.I64, 3)}, "\xc3\xa9" + long(0, 1, 2)},
		{`with I64 [3] offsets`, []safetensors.Info{info("ids", safetensors.U8, 2), info("ids_offsets", safetensors.I64, 2)}, "ab" + long(0, 2)},
	} {
		path := tensors(t, append([]safetensors.Info{x}, c.col...), zeros(8), c.data)
		s, err := Open(path)
		if c.want == "" {
			if err != nil || s.N != 2 {
				t.Errorf("the base of the table: %v", err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "read "+path) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
	for _, c := range []struct {
		want  string
		infos []safetensors.Info
	}{
		{"[0,3]: there are no features", []safetensors.Info{info("x", safetensors.F32, 0, 3)}},
		{"[144115188075855872,0]: there are no features", []safetensors.Info{info("x", safetensors.F16, 1<<57, 0)}},
		{"[2,3,4], a sequence", []safetensors.Info{info("x", safetensors.F32, 2, 3, 4)}},
		{"[]: features are", []safetensors.Info{info("x", safetensors.F32)}},
		{"holds I64: features are floating-point", []safetensors.Info{info("x", safetensors.I64, 2, 3)}},
		{"no array looks like features: found y [1,1]; name", []safetensors.Info{info("y", safetensors.F32, 1, 1)}},
		{"no array looks like features: found nothing; name", nil},
	} {
		size := 0
		for _, i := range c.infos {
			size += int(i.Size())
		}
		if _, err := Open(tensors(t, c.infos, zeros(size))); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
	// Whole numbers are ids, too, and labels of [n,1] of any floating type.
	s, err := Open(tensors(t, []safetensors.Info{x, info("ids", safetensors.I8, 2), info("y", safetensors.BF16, 2, 1)},
		zeros(8), "\x07\xff", "\x80\xbf\x40\x40"))
	if err != nil || s.IDs[0] != "7" || s.IDs[1] != "-1" || s.Labels[0] != -1 || s.Labels[1] != 3 {
		t.Errorf("%+v, %v", s, err)
	}
}

func FuzzOpen(f *testing.F) {
	for _, pattern := range []string{"*.safetensors", "*.np?", "*.pt", "*.parquet", vectorFiles} {
		paths, _ := filepath.Glob(filepath.Join("testdata", pattern))
		for _, path := range paths {
			b, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
	}
	path := filepath.Join(f.TempDir(), "f")
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
		s, err := Open(path)
		if err != nil {
			return
		}
		if err := s.checkShape(); err != nil {
			t.Fatalf("Open let through: %v", err)
		}
		if s.Check() != nil {
			return
		}
		copied := filepath.Join(t.TempDir(), "copy")
		if err := Save(copied, s); err != nil {
			t.Fatal(err)
		}
		again, err := Open(copied)
		if err != nil {
			t.Fatal(err)
		}
		s.DType = again.DType
		if !reflect.DeepEqual(s, again) {
			t.Fatalf("saved and read again:\n%+v, want\n%+v", again, s)
		}
		for _, format := range []string{NPZ, Parquet} {
			if _, err := NewReader(s).SaveAs(t.Context(), copied, SaveOptions{Format: format}); err != nil {
				t.Fatal(format, err)
			}
			if again, err = Open(copied); err != nil {
				t.Fatal(format, err)
			}
			if !reflect.DeepEqual(s, again) {
				t.Fatalf("saved as %s and read again:\n%+v, want\n%+v", format, again, s)
			}
		}
	})
}
