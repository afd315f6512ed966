package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/oodflow/oodflow/features"
)

// TestScale trains on a dump of SCALE_GB gigabytes, scores and evaluates it, and bounds the memory that each takes: `make scale`. The
// folder SCALE_DIR needs room for three times as much.
func TestScale(t *testing.T) {
	size, err := strconv.ParseFloat(os.Getenv("SCALE_GB"), 64)
	if err != nil {
		t.Skip("SCALE_GB is not set")
	}
	const d = 2048
	dir, err := os.MkdirTemp(os.Getenv("SCALE_DIR"), "oodflow-scale-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	dump, detector := filepath.Join(dir, "dump.safetensors"), filepath.Join(dir, "detector.safetensors")
	n := int(size * 1e9 / 4 / d)
	start := time.Now()
	writeScaleDump(t, dump, n, d)
	t.Logf("%d images, %d features each, %.1f GB, written in %v", n, d, size, time.Since(start).Round(time.Second))

	parameters := 4 * (d*d/2 + d*d) // four couplings d/2 → d → d, biases left aside
	model := 7 * 4 * parameters     // parameters, gradient, two moments, three states kept: float32
	for _, args := range [][]string{
		{"train", "--features", dump, "--out", detector},
		{"score", "--detector", detector, "--features", dump, "--out", filepath.Join(dir, "scores.csv")},
		{"eval", "--detector", detector, "--id", dump, "--ood", "again=" + dump},
	} {
		start := time.Now()
		peak := peakMemory(t, append([]string{"oodflow"}, args...))
		t.Logf("%s: %v, peak memory %d MiB, of which the model %d MiB", args[0], time.Since(start).Round(time.Second), peak>>20, model>>20)
		if limit := 1<<30 + model; peak > limit {
			t.Errorf("%s took %d MiB: want 1 GiB beside the model, %d MiB", args[0], peak>>20, limit>>20)
		}
	}
}

// writeScaleDump writes n feature vectors of ten classes: noise around a mean for each.
func writeScaleDump(t *testing.T, path string, n, d int) {
	t.Helper()
	const classes, batch = 10, 1024
	rng := rand.New(rand.NewPCG(1, 2))
	noise, means := make([]float32, 1<<22), make([]float32, classes*d)
	for i := range noise {
		noise[i] = float32(rng.NormFloat64())
	}
	for i := range means {
		means[i] = float32(2 + rng.NormFloat64())
	}
	w, err := features.Create(path, features.Header{D: d})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for done := 0; done < n; done += batch {
		b := features.Batch{Features: make([]float32, min(batch, n-done)*d), Labels: make([]int64, min(batch, n-done))}
		for i := range b.Labels {
			c := rng.IntN(classes)
			b.Labels[i] = int64(c)
			from := rng.IntN(len(noise) - d)
			for j, v := range noise[from : from+d] {
				b.Features[i*d+j] = means[c*d+j] + v
			}
		}
		if err := w.Append(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// peakMemory runs this program with the given arguments, its name the first where it is to be oodflow, and more in its
// environment, and returns the most memory that it had resident, in bytes.
func peakMemory(t *testing.T, args []string, env ...string) int {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if args[0] != "oodflow" {
		args = append([]string{self}, args...)
	}
	var stderr bytes.Buffer
	cmd := &exec.Cmd{Path: self, Args: args, Env: append(os.Environ(), env...), Stderr: &stderr}
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	t.Logf("%s", &stderr)
	return int(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) << 10
}
