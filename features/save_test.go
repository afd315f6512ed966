package features

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// vectorFiles are Parquet files of other tools; see testdata/gen/vectors.mjs.
const vectorFiles = "../../internal/parquet/testdata/vectors/[adhw]*.parquet"

// savedFiles are what testdata/gen/features.py reads with NumPy.
var savedFiles = map[string]SaveOptions{
	"saved.npz":              {},
	"saved_f16.npz":          {DType: "F16"},
	"saved.npy":              {},
	"saved_f16.npy":          {DType: "F16"},
	"saved_f16.safetensors":  {DType: "F16"},
	"saved_bf16.safetensors": {DType: "BF16"},
	"saved.parquet":          {},
	"saved_f16.parquet":      {DType: "F16"},
}

// TestSavedGoldens: every form comes back as it was, but for what it has no place for, and its bytes stay what other tools
// have read.
func TestSavedGoldens(t *testing.T) {
	for name, o := range savedFiles {
		golden, path := filepath.Join("testdata", name), filepath.Join(t.TempDir(), name)
		saved, err := NewReader(goldenSet()).SaveAs(t.Context(), path, o)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err == nil && *update {
			err = os.WriteFile(golden, got, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
		if want, err := os.ReadFile(golden); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s differs from the golden (%v): go test -update, then python3 testdata/gen/features.py", name, err)
		}
		s, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		want := goldenSet()
		want.DType = o.DType
		if o.DType == "" {
			want.DType = "F32"
		}
		var lost []string
		switch filepath.Ext(name) {
		case ".npy":
			lost = []string{"logits", "labels", "ids", "class names", "where the features come from", "the classifier's head W, b"}
			want = &Set{N: want.N, D: want.D, Features: want.Features, IDs: rowIDs(want.N), DType: want.DType}
		}
		if !reflect.DeepEqual(s, want) || !slices.Equal(saved.Lost, lost) {
			t.Errorf("%s without %q reads as\n%+v, want\n%+v", name, saved.Lost, s, want)
		}
		for _, r := range saved.Rounded {
			if r.DType != o.DType || r.Relative != 0 || r.Absolute != 0 || r.Row != 0 {
				t.Errorf("%s: values that are exact were rounded: %+v", name, r)
			}
		}
	}
}

// TestSaveLarge: more rows than one page and one group hold, in every form, with and without what is optional.
func TestSaveLarge(t *testing.T) {
	defer func(size int) { groupBytes = size }(groupBytes)
	groupBytes = 1 << 20
	s := &Set{N: 160_000, D: 2, DType: "F32", Features: random(1, 160_000, 2, true)}
	s.IDs = rowIDs(s.N)
	small := &Set{N: 300, D: 3000, DType: "F32", Features: random(2, 300, 3000, false), C: 1, Logits: random(3, 300, 1, false)}
	small.IDs = rowIDs(small.N)
	for _, set := range []*Set{s, small} {
		for _, format := range Formats() {
			path, told := filepath.Join(t.TempDir(), "f"), 0
			_, err := NewReader(set).SaveAs(t.Context(), path, SaveOptions{Format: format, Progress: func(n int) { told += n }})
			if err != nil || told != set.N {
				t.Fatalf("%s: told of %d images, %v", format, told, err)
			}
			got, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.Features, set.Features) || format != NPY && !slices.Equal(got.Logits, set.Logits) || !slices.Equal(got.IDs, set.IDs) {
				t.Errorf("%s: not what was written", format)
			}
		}
	}
}

// TestRounding holds the errors stated against those of the file, found value by value.
func TestRounding(t *testing.T) {
	set := inMemory(random(4, 100, 7, false), 7)
	for i := range set.Features {
		set.Features[i] *= float32(math.Exp2(float64(i%30 - 20))) // some below the range of F16
	}
	set.Features[5], set.Features[13] = float32(math.NaN()), float32(math.Inf(-1))
	for _, dtype := range []string{"F16", "BF16"} {
		path := filepath.Join(t.TempDir(), "f.safetensors")
		saved, err := NewReader(set).SaveAs(t.Context(), path, SaveOptions{DType: dtype})
		if err != nil || len(saved.Rounded) != 1 {
			t.Fatal(saved, err)
		}
		r := saved.Rounded[0]
		got, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		want := Rounding{What: "features", DType: dtype, Normal: r.Normal}
		for i := range set.N {
			var off, length float64
			for j, v := range set.Row(i) {
				x, y := float64(v), float64(got.Row(i)[j])
				if !finite(x) {
					if math.Float64bits(x)>>48 != math.Float64bits(y)>>48 {
						t.Errorf("%v became %v", x, y)
					}
					continue
				}
				off, length = off+(x-y)*(x-y), length+x*x
				if math.Abs(x) >= r.Normal {
					want.Relative = max(want.Relative, math.Abs(x-y)/math.Abs(x))
				} else {
					want.Absolute = max(want.Absolute, math.Abs(x-y))
				}
			}
			want.Row = max(want.Row, math.Sqrt(off/length))
		}
		if r != want {
			t.Errorf("%s: stated %+v, found %+v", dtype, r, want)
		}
		bound, least := math.Exp2(-11), math.Exp2(-25)
		if dtype == "BF16" {
			bound, least = math.Exp2(-8), 0
		}
		if r.Relative > bound || r.Relative < bound/2 || r.Absolute > least || r.Row > 0.005 {
			t.Errorf("%s: %+v, want at most %g", dtype, r, bound)
		}
	}
}

func TestSaveRefusals(t *testing.T) {
	dir := t.TempDir()
	large := goldenSet()
	large.Logits[3] = 65520
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		file, want string
		set        *Set
		o          SaveOptions
		ctx        context.Context
	}{
		{file: "f.txt", want: "features are written as .safetensors, .npz, .parquet or .npy"},
		{file: "f", want: "features are written as"},
		{file: "f.npz", o: SaveOptions{DType: "BF16"}, want: ".npz files have no bfloat16: only .safetensors files do"},
		{file: "f.parquet", o: SaveOptions{DType: "BF16"}, want: ".parquet files have no bfloat16"},
		{file: "f.npy", o: SaveOptions{DType: "F64"}, want: `unknown type "F64"`},
		{file: "f.npy", o: SaveOptions{Format: "csv"}, want: `unknown format "csv"`},
		{file: "f.npz", set: large, o: SaveOptions{DType: "F16"}, want: `image "a/2.png" has 65520 in logit column 1, which is beyond the range of F16`},
		{file: "f.parquet", ctx: cancelled, want: "canceled"},
	} {
		if c.set == nil {
			c.set = goldenSet()
		}
		if c.ctx == nil {
			c.ctx = t.Context()
		}
		_, err := NewReader(c.set).SaveAs(c.ctx, filepath.Join(dir, c.file), c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.file) {
			t.Errorf("%s: error %v, want %q", c.file, err, c.want)
		}
	}
	holds(t, dir)
}

// TestAwkwardIDs: ids that NumPy's strings cannot hold, or only in a thousand times their size, are packed.
func TestAwkwardIDs(t *testing.T) {
	for name, ids := range map[string][]string{
		"zero": {"a\x00", "b", "c"}, "inner zero": {"a\x00b", "b", ""}, "long": slices.Repeat([]string{"x"}, 1000),
	} {
		set := inMemory(random(5, len(ids), 2, true), 2)
		set.IDs = slices.Clone(ids)
		if name == "long" {
			set.IDs[7] = strings.Repeat("grün", 1000)
		}
		path := filepath.Join(t.TempDir(), "f.npz")
		if _, err := NewReader(set).SaveAs(t.Context(), path, SaveOptions{}); err != nil {
			t.Fatal(err)
		}
		got, err := Open(path)
		if err != nil || !slices.Equal(got.IDs, set.IDs) {
			t.Errorf("%s: ids %.100q, %v", name, got.IDs, err)
		}
		st, err := os.Stat(path)
		if err != nil || st.Size() > 60_000 {
			t.Errorf("%s: %d bytes, %v", name, st.Size(), err)
		}
	}
}

// TestSaveFullDisk: no file is left where there is no room for it.
func TestSaveFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip(err)
	}
	for _, format := range Formats() {
		if _, err := NewReader(goldenSet()).SaveAs(t.Context(), "/dev/full", SaveOptions{Format: format}); err == nil {
			t.Errorf("%s: written to a full disk", format)
		}
	}
}

// TestSaveDamaged: what turns out damaged on the way is an error, and leaves no file.
func TestSaveDamaged(t *testing.T) {
	b, err := os.ReadFile("testdata/saved.npz")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.npz"), filepath.Join(dir, "out.parquet")
	b[bytes.Index(b, []byte("NUMPY"))+130] ^= 1 // in the features, which come first
	if err := os.WriteFile(in, b, 0o666); err != nil {
		t.Fatal(err)
	}
	r := open(t, in)
	if _, err := r.SaveAs(t.Context(), out, SaveOptions{}); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("error %v", err)
	}
	holds(t, dir, "in.npz")
	if !errors.Is(r.Close(), nil) {
		t.Error("close")
	}
}
