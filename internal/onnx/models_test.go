package onnx

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// oracle is what torch itself says about a model's last layer, written by
// testdata/gen/torchvision_models.py.
type oracle struct {
	Layer          string
	Dim, Classes   int
	InputShape     []int64   `json:"input_shape"`      // of the layer, without the batch
	OutputIsAffine bool      `json:"output_is_affine"` // W·f + b of the mean input is an output
	ProbeLogits    []float32 `json:"probe_logits"`     // W·f + b at f = probe
	Features       string    // where a graph written by hand names it
	Refused        string    // words of the error of a model without a head
}

// oracles reads models.json.
func oracles(t testing.TB) map[string]oracle {
	text, err := os.ReadFile("testdata/models.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]oracle
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// fixture unpacks a committed graph.
func fixture(t testing.TB, path string) []byte {
	packed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// probe is the vector at which the oracle has W·f + b.
func probe(dim int) []float32 {
	f := make([]float32, dim)
	for i := range f {
		f[i] = float32(37*i%11-5) / 4
	}
	return f
}

// affine is W·f + b, and the largest sum of absolute terms in a row.
func (h *Head) affine(f []float32) (logits []float64, scale float64) {
	for c := range h.Classes {
		sum, abs := float64(h.B[c]), math.Abs(float64(h.B[c]))
		for i, w := range h.W[c*h.Dim : (c+1)*h.Dim] {
			sum += float64(w) * float64(f[i])
			abs += math.Abs(float64(w) * float64(f[i]))
		}
		logits, scale = append(logits, sum), max(scale, abs)
	}
	return logits, scale
}

// TestModels finds the head of every classifier family of torchvision, of
// graphs in the manner of other exporters, and none where there is none.
func TestModels(t *testing.T) {
	for name, want := range oracles(t) {
		t.Run(name, func(t *testing.T) {
			m, err := Parse(fixture(t, filepath.Join("testdata", name+".onnx.gz")), "")
			if err != nil {
				t.Fatal(err)
			}
			h, err := m.FindHead()
			if want.Refused != "" {
				checkRefused(t, h, err, want.Refused)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Log(h.Features, h.Shape, h.Pool, h.Logits, "\n"+strings.Join(h.Why, "\n"))
			checkHead(t, h, want)
			if h.Linear {
				checkLinear(t, m, h)
			}
		})
	}
}

func checkHead(t *testing.T, h *Head, want oracle) {
	t.Helper()
	if h.Dim != want.Dim || h.Classes != want.Classes || want.Features != "" && h.Features != want.Features {
		t.Errorf("features %s of %d, %d classes; torch says %s %d, %d", h.Features, h.Dim, h.Classes, want.Features, want.Dim, want.Classes)
	}
	if !agrees(h.Shape[1:], want.InputShape) {
		t.Errorf("features have shape %v after the batch, torch says %v", h.Shape, want.InputShape)
	}
	wantPool := ""
	if !vectorLike(append([]int64{-1}, want.InputShape...)) {
		wantPool = "mean"
	}
	if h.Pool != wantPool {
		t.Errorf("pool %q, want %q", h.Pool, wantPool)
	}
	// The logits are off the line only behind a convolution and a ReLU: before
	// softmax and sigmoid they are on it, whatever the output is.
	if h.Linear != (want.OutputIsAffine || want.Layer == "Linear") {
		t.Errorf("linear %v, torch says %+v", h.Linear, want)
	}
	if !h.Linear {
		if h.W != nil || h.B != nil {
			t.Error("weights of a head that is not linear")
		}
		return
	}
	got, scale := h.affine(probe(h.Dim))
	for c, v := range want.ProbeLogits {
		if math.Abs(got[c]-float64(v)) > 1e-5*scale {
			t.Errorf("class %d: W·f + b = %v, torch says %v", c, got[c], v)
		}
	}
}

// agrees compares shapes as far as the first is known.
func agrees(got, want []int64) bool {
	return slices.EqualFunc(got, want, func(a, b int64) bool { return a < 0 || a == b })
}

func checkRefused(t *testing.T, h *Head, err error, words string) {
	t.Helper()
	var missing *NoHeadError
	if !errors.As(err, &missing) {
		t.Fatalf("got %+v, %v", h, err)
	}
	t.Log(err)
	if !strings.Contains(err.Error(), words) {
		t.Errorf("error %q does not say %q", err, words)
	}
	if len(missing.Candidates) == 0 {
		t.Error("no candidates")
	}
	for _, c := range missing.Candidates {
		if c.Tensor == "" || len(c.Shape) < 2 || c.Op == "" || (c.Pool == "mean") == vectorLike(c.Shape) {
			t.Errorf("candidate %+v", c)
		}
	}
}
