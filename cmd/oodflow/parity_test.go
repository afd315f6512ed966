package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/oodflow/oodflow/internal/classifier"
	"github.com/oodflow/oodflow/internal/imageset"
	"github.com/oodflow/oodflow/internal/npy"
)

const (
	paritySide   = 224
	parityTensor = 3 * paritySide * paritySide
)

// parityConfigs are the preprocessings to compare.
var parityConfigs = []string{
	`{"size": {"shortest_edge": 256}, "resample": 2, %s}`,
	`{"size": {"shortest_edge": 232}, "resample": 3, %s}`,
	`{"size": {"shortest_edge": 235}, "resample": 1, %s}`,
	`{"size": {"shortest_edge": 248}, "resample": 5, %s}`,
	`{"size": {"shortest_edge": 230}, "resample": 4, %s}`,
	`{"size": {"shortest_edge": 224}, "resample": 0, %s}`,
	`{"size": {"shortest_edge": 232}, "resample": 2, "antialias": false, %s}`,
	`{"size": {"shortest_edge": 300}, "resample": 3, "antialias": false, %s}`,
}

const parityRest = `"crop_size": 224, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]`

// TestParityOnPhotographs preprocesses JPEGs here and with PIL and torchvision (testdata/parity.py), and wants the
// tensors to be less than half a level apart on average and MobileNetV2's features to point the same way: a cosine
// above 0.9999. What is left is the difference between the two JPEG decoders. Without torchvision it is skipped.
func TestParityOnPhotographs(t *testing.T) {
	model := dataFile(t, "models", "imagenet_mobilenetv2.onnx")
	images := parityImages(t)
	dir := t.TempDir()
	var configs []string
	for i, c := range parityConfigs {
		path := filepath.Join(dir, fmt.Sprintf("%d.json", i))
		if err := os.WriteFile(path, fmt.Appendf(nil, c, parityRest), 0o600); err != nil {
			t.Fatal(err)
		}
		configs = append(configs, path)
	}
	theirs := torchTensors(t, filepath.Join(dir, "tensors.npy"), configs, images)
	cls, err := classifier.Open(model, classifier.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer cls.Close()
	for i, config := range configs {
		ours := ourTensors(t, config, images)
		want := theirs[i*len(ours):][:len(ours)]
		var sum float64
		for k, v := range ours {
			sum += math.Abs(float64(v)-float64(want[k])) * 0.5 * 255 // std is one half
		}
		mean := sum / float64(len(ours))
		least := leastCosine(t, cls, ours, want)
		t.Logf("%s: %.4f levels apart on average, least cosine %.7f", strings.TrimSuffix(parityConfigs[i], ", %s}"), mean, least)
		if !(mean < 0.5) || !(least > 0.9999) {
			t.Errorf("%s: %.4f levels apart on average, want below 0.5; least cosine %.7f, want above 0.9999", parityConfigs[i], mean, least)
		}
	}
}

// parityImages are some photographs of several sizes.
func parityImages(t *testing.T) []string {
	t.Helper()
	var images []string
	for _, pattern := range []string{"dtd/images/*/*3.jpg", "imagenette/val/*/*1.JPEG"} {
		found, err := filepath.Glob(dataFile(t, pattern))
		if err != nil || len(found) < 6 {
			t.Fatalf("%s: %d images, %v", pattern, len(found), err)
		}
		for i := range 6 {
			images = append(images, found[i*len(found)/6])
		}
	}
	return images
}

// torchTensors runs the script.
func torchTensors(t *testing.T, out string, configs, images []string) []float32 {
	t.Helper()
	python := "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import torchvision").Run(); err != nil {
		t.Skipf("no torchvision: %v", err)
	}
	args := slices.Concat([]string{"testdata/parity.py", out}, configs, []string{"--"}, images)
	if text, err := exec.Command(python, args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	a, file, err := npy.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	tensors, err := a.Float32()
	if err != nil || len(tensors) != len(configs)*len(images)*parityTensor {
		t.Fatalf("%d values, %v", len(tensors), err)
	}
	return tensors
}

// ourTensors preprocesses the images by one configuration.
func ourTensors(t *testing.T, config string, images []string) []float32 {
	t.Helper()
	p, err := imageset.ParsePreprocess(config)
	if err != nil {
		t.Fatal(err)
	}
	var all []float32
	for _, path := range images {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		m, err := imageset.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		tensor, _, _, err := p.Apply(m)
		if err != nil || len(tensor) != parityTensor {
			t.Fatalf("%s: %d values, %v", path, len(tensor), err)
		}
		all = append(all, tensor...)
	}
	return all
}

// leastCosine compares the features of two batches image by image.
func leastCosine(t *testing.T, cls *classifier.Classifier, a, b []float32) float64 {
	t.Helper()
	run := func(x []float32) []float32 {
		f, _, err := cls.Run(x, len(x)/parityTensor, paritySide, paritySide)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Clone(f)
	}
	fa, fb := run(a), run(b)
	d := cls.Info().Dim
	least := 1.0
	for i := 0; i < len(fa); i += d {
		var ab, aa, bb float64
		for k := range d {
			x, y := float64(fa[i+k]), float64(fb[i+k])
			ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
		}
		least = min(least, ab/math.Sqrt(aa*bb))
	}
	return least
}

// TestInspectTellsTheLayout wants every model of the pack to be known to take channels first.
func TestInspectTellsTheLayout(t *testing.T) {
	models, err := filepath.Glob(dataFile(t, "models", "*.onnx"))
	if err != nil || len(models) == 0 {
		t.Fatalf("no models: %v", err)
	}
	for _, model := range models {
		var got struct{ Layout string }
		if err := json.Unmarshal([]byte(mustRun(t, "inspect", model, "--json")), &got); err != nil || got.Layout != "NCHW" {
			t.Errorf("%s: layout %q, %v", filepath.Base(model), got.Layout, err)
		}
	}
}
