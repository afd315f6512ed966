package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oodflow/oodflow/eval"
	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/classifier"
)

// dataFile is a file of the data pack that OODFLOW_DATA names; the test is skipped without one.
func dataFile(t *testing.T, name ...string) string {
	t.Helper()
	root := os.Getenv("OODFLOW_DATA")
	if root == "" {
		t.Skip("OODFLOW_DATA is not set")
	}
	path, err := filepath.Abs(filepath.Join(append([]string{root}, name...)...))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestInspectFindsTheTensor wants inspect to name the tensor in each model's description.
func TestInspectFindsTheTensor(t *testing.T) {
	models, err := filepath.Glob(filepath.Join(dataFile(t, "models"), "*.onnx"))
	if err != nil || len(models) == 0 {
		t.Fatalf("no models: %v", err)
	}
	for _, model := range models {
		var want, got struct {
			FeatureDim  int `json:"feature_dim"`
			Penultimate struct{ Tensor string }
		}
		description, err := os.ReadFile(strings.TrimSuffix(model, ".onnx") + ".json")
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(description, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(mustRun(t, "inspect", model, "--json")), &got); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s: found %+v, want %+v", filepath.Base(model), got, want)
		}
	}
}

// TestExtractMatchesGoldens wants the first 64 test images' features and logits, by each engine, to be PyTorch's.
func TestExtractMatchesGoldens(t *testing.T) {
	model := dataFile(t, "models", "cifar10_wrn16_2.onnx")
	images := "cifar10:" + dataFile(t, "cifar10", "cifar-10-batches-bin") + "#test"
	for _, engine := range engines() {
		t.Run(engine, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "features.safetensors")
			mustRun(t, "extract", "--model", model, "--images", images, "--limit", "64", "--engine", engine, "--out", out)
			set, err := features.Open(out)
			if err != nil {
				t.Fatal(err)
			}
			for name, got := range map[string][]float32{"features": set.Features, "logits": set.Logits} {
				golden, err := features.Open(dataFile(t, "goldens", "cifar10_wrn16_2_"+name+".npy"))
				if err != nil {
					t.Fatal(err)
				}
				if d := largestDifference(got, golden.Features); !(d < 1e-3) {
					t.Errorf("%s differ by up to %v, want below 1e-3", name, d)
				}
			}
		})
	}
}

// engines are those this machine has.
func engines() []string {
	found := []string{"gorgonia"}
	if _, err := classifier.FindLibrary(""); err == nil && !pureGo() {
		found = append(found, "onnxruntime")
	}
	return found
}

func largestDifference(a, b []float32) float64 {
	if len(a) != len(b) {
		return math.NaN()
	}
	var most float64
	for i := range a {
		most = max(most, math.Abs(float64(a[i])-float64(b[i])))
	}
	return most
}

// TestMainJobOnRealImages is the main job on a part of CIFAR-10 and SVHN.
func TestMainJobOnRealImages(t *testing.T) {
	model := dataFile(t, "models", "cifar10_wrn16_2.onnx")
	cifar := "cifar10:" + dataFile(t, "cifar10", "cifar-10-batches-bin")
	svhn := dataFile(t, "svhn", "images")
	lib, err := classifier.FindLibrary("") // before the folder changes, in which one may lie
	if err != nil || pureGo() {
		t.Skip("needs ONNX Runtime to be done in time")
	}
	t.Chdir(t.TempDir())
	for _, set := range []struct{ name, images, limit string }{
		{"train", cifar + "#train", "2500"}, {"test", cifar + "#test", "400"}, {"svhn", svhn, "400"},
	} {
		mustRun(t, "extract", "--engine", "onnxruntime", "--onnxruntime", lib.Path, "--model", model,
			"--images", set.images, "--limit", set.limit, "--out", set.name+".safetensors")
	}
	mustRun(t, "train", "--features", "train.safetensors", "--out", "detector.safetensors")
	evaluate := []string{"eval", "--detector", "detector.safetensors", "--id", "test.safetensors", "--ood", "svhn=svhn.safetensors"}
	var report eval.Report
	if err := json.Unmarshal([]byte(mustRun(t, append(evaluate, "--baselines", "all", "--format", "json")...)), &report); err != nil {
		t.Fatal(err)
	}
	least := map[string]float64{"flow": 0.96, "mahalanobis++": 0.96, "knn": 0.85, "msp": 0.88, "energy": 0.88, "maxlogit": 0.88, "mahalanobis": 0.85}
	for _, r := range report.Results {
		if r.AUROC < least[r.Detector] {
			t.Errorf("%s: AUROC %.4f, want %.2f at least", r.Detector, r.AUROC, least[r.Detector])
		}
		delete(least, r.Detector)
	}
	if len(least) > 0 || report.Results[0].Detector != "flow" {
		t.Errorf("detectors missing from the report: %v", least)
	}
	mustRun(t, append(evaluate, "--min-auroc", "svhn=0.9")...)
	if status := run(append(evaluate, "--min-auroc", "svhn=0.9999", "--out", "gate.txt"), os.Stderr, os.Stderr); status != exitGate {
		t.Errorf("exit status %d after a failed gate, want %d", status, exitGate)
	}
	if text, err := os.ReadFile("gate.txt"); err != nil || !strings.Contains(string(text), "gate FAILED") {
		t.Errorf("the report of a failed gate: %s %v", text, err)
	}
}
