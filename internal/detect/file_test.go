package detect

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/safetensors"
)

func trained(t testing.TB, name string) *File {
	t.Helper()
	f, err := Train(name, randomSet(17, 120, 4, 3), TrainOptions{Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	f.Training.Report = json.RawMessage(`{"note":"ok"}`)
	return f
}

func saved(t testing.TB, f *File) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "detector")
	if err := Save(path, f); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEqualDetectorsGiveEqualFiles(t *testing.T) {
	for _, name := range Names() {
		if !bytes.Equal(saved(t, trained(t, name)), saved(t, trained(t, name))) {
			t.Errorf("%s: the files differ", name)
		}
	}
}

func TestFileHoldsWhatItSays(t *testing.T) {
	f := trained(t, "mahalanobis++")
	b := saved(t, f)
	st, err := safetensors.NewFile("x", bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"format": "oodflow-detector", "format_version": "1", "method": "mahalanobis++", "normalized": "true",
		"feature_dim": "4", "logit_dim": "3", "tensor": "/Flatten_output_0", "classifier": "net.onnx",
		"threshold": strconv.FormatFloat(f.Threshold, 'g', -1, 64),
	} {
		if st.Metadata[key] != want {
			t.Errorf("%s is %q, want %q", key, st.Metadata[key], want)
		}
	}
	if _, ok := st.Metadata["pool"]; ok {
		t.Error("an unknown field of the provenance was written")
	}
	got, err := decodeFile(st)
	if err != nil || string(got.Training.Report) != `{"note":"ok"}` || got.Training.Images != f.Training.Images {
		t.Errorf("training %+v, %v", got.Training, err)
	}
}

// TestLoadRefuses changes one thing at a time in a good file.
func TestLoadRefuses(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		method, want string
		change       func(e *encoder)
	}{
		{"knn", "not a detector file", func(e *encoder) { e.meta["format"] = "oodflow-features" }},
		{"knn", "version \"2\"", func(e *encoder) { e.meta["format_version"] = "2" }},
		{"knn", "unknown method \"kmm\"", func(e *encoder) { e.meta["method"] = "kmm" }},
		{"knn", "threshold \"NaN\"", func(e *encoder) { e.meta["threshold"] = "NaN" }},
		{"knn", "threshold \"\"", func(e *encoder) { delete(e.meta, "threshold") }},
		{"knn", "training:", func(e *encoder) { e.meta["training"] = "" }},
		{"knn", "feature_dim is 5", func(e *encoder) { e.meta["feature_dim"] = "5" }},
		{"knn", "feature_dim \"0\"", func(e *encoder) { e.meta["feature_dim"] = "0" }},
		{"knn", "logit_dim \"-1\"", func(e *encoder) { e.meta["logit_dim"] = "-1" }},
		{"knn", "warnings:", func(e *encoder) { e.meta["warnings"] = "{}" }},
		{"knn", "\"k\" is \"0\"", func(e *encoder) { e.setInt("k", 0) }},
		{"knn", "k is 900", func(e *encoder) { e.setInt("k", 900) }},
		{"knn", "has no setting \"k\"", func(e *encoder) { delete(e.meta, "detector.k") }},
		{"knn", "not ascending", func(e *encoder) { replace(e, "reference", []float64{2, 1}, 2) }},
		{"knn", "unexpected shape", func(e *encoder) { replace(e, "reference", nil, 0) }},
		{"knn", "holds NaN", func(e *encoder) { replace(e, "reference", []float64{math.NaN()}, 1) }},
		{"knn", "no tensor \"bank\"", func(e *encoder) { e.tensors[1].Name = "bonk" }},
		{"knn", "is zero", func(e *encoder) { replace(e, "bank", make([]float64, 400), 100, 4) }},
		{"mahalanobis", "\"center\" has the shape [3]", func(e *encoder) { replace(e, "center", make([]float64, 3), 3) }},
		{"mahalanobis", "\"means\" has the shape", func(e *encoder) { replace(e, "means", make([]float64, 9), 3, 3) }},
		{"mahalanobis", "holds +Inf", func(e *encoder) { replace(e, "means", []float64{1, 2, 3, math.Inf(1)}, 1, 4) }},
		{"energy", "\"logits\" is \"x\"", func(e *encoder) { e.set("logits", "x") }},
	} {
		e := encoded(t, trained(t, c.method))
		c.change(e)
		path := filepath.Join(dir, "bad")
		if err := os.WriteFile(path, e.bytes(t), 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := Load(path)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q", c.method, err, c.want)
		}
	}
}

func encoded(t testing.TB, f *File) *encoder {
	t.Helper()
	meta, err := f.metadata()
	if err != nil {
		t.Fatal(err)
	}
	e := &encoder{meta: meta}
	e.float64("reference", f.Reference, len(f.Reference))
	f.Detector.(stored).encode(e)
	return e
}

func replace(e *encoder, name string, x []float64, shape ...int) {
	i := slices.IndexFunc(e.tensors, func(t safetensors.Info) bool { return t.Name == name })
	var one encoder
	one.float64(name, x, shape...)
	e.tensors[i], e.write[i] = one.tensors[0], one.write[0]
}

func (e *encoder) bytes(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := e.writeTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSaveLeavesTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "detector")
	if err := Save(path, trained(t, "msp")); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(path)
	bad := trained(t, "msp")
	bad.Training.Report = json.RawMessage("{")
	if err := Save(path, bad); err == nil {
		t.Error("a broken report was written")
	}
	after, _ := os.ReadFile(path)
	if entries, _ := os.ReadDir(dir); !bytes.Equal(before, after) || len(entries) != 1 {
		t.Error("the old file changed or something is left behind")
	}
}

// FuzzLoad: no file makes Load panic, and what it accepts scores finite numbers or says why not.
func FuzzLoad(f *testing.F) {
	for _, file := range oneOfEach(f) {
		f.Add(saved(f, file))
	}
	f.Fuzz(func(t *testing.T, b []byte) { loadAndScore(t, b) })
}

// FuzzLoadSetting changes one entry of the metadata of a good file, which FuzzLoad hardly ever leaves readable.
func FuzzLoadSetting(f *testing.F) {
	files := oneOfEach(f)
	for i, file := range files {
		for key, value := range encoded(f, file).meta {
			f.Add(uint8(i), key, value)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, key, value string) {
		e := encoded(t, files[int(which)%len(files)])
		e.meta[key] = value
		var b bytes.Buffer
		if e.writeTo(&b) == nil {
			loadAndScore(t, b.Bytes())
		}
	})
}

// oneOfEach returns a trained detector of every method.
func oneOfEach(t testing.TB) []*File {
	f, _, err := TrainFlow(t.Context(), features.NewReader(randomSet(17, 120, 4, 3)), FlowOptions{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	files := []*File{f}
	for _, name := range Names() {
		files = append(files, trained(t, name))
	}
	return files
}

func loadAndScore(t *testing.T, b []byte) {
	st, err := safetensors.NewFile("x", bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return
	}
	file, err := decodeFile(st)
	if err != nil || file.D > 1000 || file.C > 1000 {
		return
	}
	s := &features.Set{N: 2, D: file.D, C: file.C, Features: make([]float32, 2*file.D), IDs: ids(2)}
	for i := range s.Features {
		s.Features[i] = float32(i + 1)
	}
	if file.C > 0 {
		s.Logits = make([]float32, 2*file.C)
	}
	rows, err := file.Rows(s)
	if err != nil {
		return
	}
	for _, r := range rows {
		if !finite(r.OODScore) || !(r.PValue > 0 && r.PValue <= 1) {
			t.Errorf("row %+v", r)
		}
	}
}

// TestLoadDamaged: a detector that is cut anywhere is an error that names the file; one with a bit flipped or a huge number in it is
// one, or scores finite numbers.
func TestLoadDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d")
	rng := rand.New(rand.NewPCG(1, 2))
	for _, file := range oneOfEach(t) {
		whole := saved(t, file)
		for range 40 {
			if err := os.WriteFile(path, whole[:rng.IntN(len(whole))], 0o666); err != nil {
				t.Fatal(err)
			}
			if _, err := Load(path); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("cut: %v", err)
			}
			b := bytes.Clone(whole)
			b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
			loadAndScore(t, b)
			copy(b[rng.IntN(len(b)):], []string{"\xff\xff\xff\x7f", "99999999", "\xff\xff\xff\xff\xff\xff\xef\x7f"}[rng.IntN(3)])
			loadAndScore(t, b)
		}
	}
}
