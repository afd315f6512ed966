package onnx

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDataPack holds the heads of real classifiers against the descriptions
// that come with them.
func TestDataPack(t *testing.T) {
	dir := os.Getenv("OODFLOW_DATA")
	if dir == "" {
		t.Skip("OODFLOW_DATA is not set")
	}
	paths, err := filepath.Glob(filepath.Join(dir, "models", "*.onnx"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no models under %s: %v", dir, err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			var want struct {
				FeatureDim  int `json:"feature_dim"`
				Output      struct{ Classes int }
				Penultimate struct {
					Tensor, Head string
					Shape        []any
				}
			}
			text, err := os.ReadFile(strings.TrimSuffix(path, ".onnx") + ".json")
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(text, &want); err != nil {
				t.Fatal(err)
			}
			m, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			h, err := m.FindHead()
			if err != nil {
				t.Fatal(err)
			}
			pool, linear := "", true
			if want.Penultimate.Head == "Conv" { // SqueezeNet: ReLU before the pooling
				pool, linear = "mean", false
			}
			if h.Features != want.Penultimate.Tensor || h.Dim != want.FeatureDim || h.Classes != want.Output.Classes ||
				h.Logits != "logits" || h.Pool != pool || h.Linear != linear || len(h.Shape) != len(want.Penultimate.Shape) {
				t.Errorf("got %+v, want %+v", h, want)
			}
			t.Log(strings.Join(h.Why, "\n"))
		})
	}
}
