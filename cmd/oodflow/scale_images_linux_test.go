package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/demo"
)

// TestScaleImages writes a dump of a million images in two parts, merges them, and extracts from more and more images, and
// bounds the memory that each of these takes: part of `make scale`. It needs 6 GB in SCALE_DIR.
func TestScaleImages(t *testing.T) {
	if os.Getenv("SCALE_GB") == "" {
		t.Skip("SCALE_GB is not set")
	}
	const n, limit = 1_000_000, 128 << 20
	dir, err := os.MkdirTemp(os.Getenv("SCALE_DIR"), "oodflow-scale-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	merge := []string{"features", "merge", "--out", filepath.Join(dir, "all.safetensors")}
	for _, number := range []string{"1", "2"} {
		path := filepath.Join(dir, number+".safetensors")
		measure(t, "write half a million images", limit, []string{"-test.run", "^TestScaleWriter$"}, "SCALE_WRITE="+number+" 2 "+strconv.Itoa(n)+" "+path)
		merge = append(merge, path)
	}
	measure(t, "merge a million images", limit, append([]string{"oodflow"}, merge...))

	if err := demo.Write(filepath.Join(dir, "drawn"), demo.Options{Seed: 1, Train: 10, Test: 10, Near: 10, Far: 10}); err != nil {
		t.Fatal(err)
	}
	image, err := filepath.Glob(filepath.Join(dir, "drawn/id-train/*/*.png"))
	if err != nil || len(image) == 0 {
		t.Fatalf("no images drawn: %v", err)
	}
	list := filepath.Join(dir, "list.txt")
	if err := os.WriteFile(list, []byte(strings.Repeat(image[0]+" 1\n", 30_000)), 0o666); err != nil {
		t.Fatal(err)
	}
	few := 0
	for _, images := range []int{1000, 30_000} {
		peak := measure(t, "extract from "+strconv.Itoa(images)+" images", limit+few, []string{"oodflow", "extract", "--engine", "gorgonia",
			"--model", filepath.Join(demoFolder, "classifier.onnx"), "--images", list, "--limit", strconv.Itoa(images), "--out", filepath.Join(dir, "f")})
		if few > 0 && peak > few+24<<20 {
			t.Errorf("extract took %d MiB for 1,000 images and %d MiB for 30,000", few>>20, peak>>20)
		}
		few = peak
	}
}

// measure runs this program with the given arguments and more in its environment, and bounds the most memory that it had
// resident, in bytes, which it returns.
func measure(t *testing.T, what string, limit int, args []string, env ...string) int {
	t.Helper()
	start := time.Now()
	peak := peakMemory(t, args, env...)
	t.Logf("%s: %v, peak memory %d MiB", what, time.Since(start).Round(time.Second), peak>>20)
	if peak > limit {
		t.Errorf("%s took %d MiB: want %d MiB", what, peak>>20, limit>>20)
	}
	return peak
}

// TestScaleWriter is run by TestScaleImages in a process of its own: it writes one part of a dump, as extract does, with
// SCALE_WRITE = "PART OF IMAGES FILE".
func TestScaleWriter(t *testing.T) {
	args := strings.SplitN(os.Getenv("SCALE_WRITE"), " ", 4)
	if len(args) < 4 {
		t.Skip("SCALE_WRITE is not set")
	}
	number, _ := strconv.Atoi(args[0])
	of, _ := strconv.Atoi(args[1])
	n, _ := strconv.Atoi(args[2])
	const d, batch = 512, 64
	s := features.ShardOf(number, of, n, batch)
	w, err := features.Begin(args[3], features.Header{D: d, Shard: s}, features.Part{})
	if err != nil {
		t.Fatal(err)
	}
	b := features.Batch{Features: make([]float32, batch*d), Labels: make([]int64, batch), IDs: make([]string, batch)}
	for first := s.First; first < s.End; first += batch {
		rows := min(batch, s.End-first)
		for i := range rows {
			b.Features[i*d], b.Labels[i], b.IDs[i] = float32(first+i), int64(i), "photos/train/class/"+strconv.Itoa(first+i)+".jpeg"
		}
		if err := w.Append(features.Batch{Features: b.Features[:rows*d], Labels: b.Labels[:rows], IDs: b.IDs[:rows]}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}
