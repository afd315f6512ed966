package detect

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/oodflow/oodflow/features"
)

// density is a detector whose score is −log p: half the squared norm of the features.
type density struct{}

func (density) Name() string { return "density" }

func (density) LogDensity() bool { return true }

func (density) Score(dst []float64, s *features.Set) ([]float64, error) {
	dst = grow(dst, s.N)
	for i := range dst {
		dst[i] = 0
		for _, v := range s.Row(i) {
			dst[i] += float64(v) * float64(v) / 2
		}
	}
	return dst, nil
}

func TestRowsAndTheirForms(t *testing.T) {
	f := &File{Detector: density{}, D: 1, Threshold: 2, Reference: []float64{0.5, 1, 2}}
	s := &features.Set{N: 3, D: 1, C: 2, Features: []float32{1, 2, 3}, Logits: []float32{0, 1, 5, 2, 0, 0},
		IDs: []string{"a", `b,"c`, "d<e"}}
	rows, err := f.Rows(s)
	if err != nil {
		t.Fatal(err)
	}
	rows[2].Detector = "knn@0123456789ab"
	check(t, "csv", rows, `id,ood_score,log_prob,p_value,is_ood,predicted,detector
a,0.5,-0.5,1,false,1,
"b,""c",2,-2,0.5,false,0,
d<e,4.5,-4.5,0.25,true,0,knn@0123456789ab
`)
	check(t, "jsonl", rows[2:], `{"id":"d<e","ood_score":4.5,"log_prob":-4.5,"p_value":0.25,"is_ood":true,"predicted":0,"detector":"knn@0123456789ab"}
`)
	s.Logits, s.C = nil, 0
	plain := trained(t, "knn")
	plain.Reference = []float64{0.5}
	for i := range rows {
		rows[i].Predicted, rows[i].LogProb = nil, nil
	}
	check(t, "csv", rows[:1], "id,ood_score,log_prob,p_value,is_ood,predicted,detector\na,0.5,,1,false,,\n")
	check(t, "jsonl", rows[:1], `{"id":"a","ood_score":0.5,"log_prob":null,"p_value":1,"is_ood":false,"predicted":null,"detector":""}
`)
	if _, err := NewRowWriter(&bytes.Buffer{}, "xml"); err == nil {
		t.Error("an unknown format was accepted")
	}
}

func check(t *testing.T, format string, rows []Row, want string) {
	t.Helper()
	var b bytes.Buffer
	w, err := NewRowWriter(&b, format)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

func TestRowsOfOtherDetectors(t *testing.T) {
	s := randomSet(18, 4, 4, 3)
	rows, err := trained(t, "knn").Rows(s)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range rows {
		if r.ID != s.IDs[i] || r.LogProb != nil || r.Predicted == nil || *r.Predicted != s.Predicted()[i] {
			t.Errorf("row %d: %+v", i, r)
		}
	}
}

func TestRowsRefuse(t *testing.T) {
	f := &File{Detector: density{}, D: 2, Threshold: 2, Reference: []float64{1}}
	s := &features.Set{N: 2, D: 2, Features: []float32{1, 2, 3, float32(math.Inf(1))}, IDs: []string{"a", "b"}}
	if _, err := f.Rows(s); err == nil || !strings.Contains(err.Error(), "image b") {
		t.Errorf("an infinite score: %v", err)
	}
	var dim *DimensionError
	if _, err := f.Rows(&features.Set{N: 1, D: 1, Features: []float32{1}}); !errors.As(err, &dim) {
		t.Errorf("another dimension: %v", err)
	}
}

func TestCompatible(t *testing.T) {
	known := features.Provenance{Classifier: "a.onnx", ClassifierSHA256: strings.Repeat("a", 64), Tensor: "/f",
		Pool: "mean", Preprocess: "{}", Engine: "one", Source: "here", Version: "1"}
	with := func(change func(p *features.Provenance)) features.Provenance {
		p := known
		change(&p)
		return p
	}
	f := &File{Provenance: known, D: 4}
	for _, c := range []struct {
		given features.Provenance
		want  string // in the error; "" passes
		hint  string
	}{
		{known, "", ""},
		{features.Provenance{}, "", ""},
		{with(func(p *features.Provenance) { p.Engine, p.Source, p.Version = "two", "there", "2" }), "", ""},
		{with(func(p *features.Provenance) { p.Classifier = "renamed.onnx" }), "", ""},
		{with(func(p *features.Provenance) { p.Classifier, p.ClassifierSHA256 = "b.onnx", strings.Repeat("b", 64) }),
			"classifier is b.onnx (SHA-256 bbbbbbbbbbbb), the detector was trained with a.onnx (SHA-256 aaaaaaaaaaaa)", "classifier"},
		{with(func(p *features.Provenance) { p.Tensor = "/g" }), "tensor is /g, the detector was trained with /f", "--feature-tensor"},
		{with(func(p *features.Provenance) { p.Pool = "" }), "pool is none, the detector was trained with mean", "--feature-tensor"},
		{with(func(p *features.Provenance) { p.Preprocess = "[]" }), "preprocess is [], the detector", "--preprocess"},
		{with(func(p *features.Provenance) { p.Tensor, p.Preprocess = "/g", "[]" }), "preprocess is [], the detector", "--feature-tensor"},
	} {
		err := f.Compatible(c.given)
		if c.want == "" {
			if err != nil {
				t.Errorf("%+v: %v", c.given, err)
			}
			continue
		}
		var mismatch *MismatchError
		if !errors.As(err, &mismatch) || !strings.Contains(err.Error(), c.want) || !strings.Contains(mismatch.Hint(), c.hint) {
			t.Errorf("%+v: %v, want %q with a hint on %q", c.given, err, c.want, c.hint)
		}
	}
	if w := f.Unverified(known); w != "" {
		t.Errorf("warning %q", w)
	}
	if w := f.Unverified(features.Provenance{Tensor: "/f"}); !strings.Contains(w, "its classifier, preprocess") {
		t.Errorf("warning %q", w)
	}
	var dim *DimensionError
	if err := f.Check(&features.Set{N: 1, D: 5}); !errors.As(err, &dim) {
		t.Errorf("another dimension: %v", err)
	}
}
