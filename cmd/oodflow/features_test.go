package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/heaptest"
)

// TestFeaturesInLittleMemory describes a dump of 100 MB: 40 bytes of each image are in memory, the labels, and a sample.
func TestFeaturesInLittleMemory(t *testing.T) {
	const n, d, c, batch = 300_000, 64, 10, 500
	path := filepath.Join(t.TempDir(), "dump.safetensors")
	w, err := features.Create(path, features.Header{D: d, C: c})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	b := features.Batch{Features: make([]float32, batch*d), Logits: make([]float32, batch*c), Labels: make([]int64, batch), IDs: make([]string, batch)}
	for first := 0; first < n; first += batch {
		for i := range b.Features {
			b.Features[i] = rng.Float32()
		}
		for i := range batch {
			b.Labels[i], b.IDs[i] = int64(i%c), fmt.Sprintf("folder/%d.png", first+i)
			b.Features[i*d+i%c]++
			b.Logits[i*c+i%c] = 1
		}
		if err := w.Append(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	most := heaptest.Most(func() {
		err = runFeatures(t.Context(), featuresOptions{path: path}, newConsole(&out, io.Discard, true))
	})
	t.Logf("describing: %.1f MiB", most)
	if err != nil || most > 50 {
		t.Errorf("describing took %.1f MiB, want at most 50 (%v)", most, err)
	}
	for _, line := range []string{"300000 images of 10 classes, 30000 of each", "top-1 100.00 % of the labels", "0 dead, 0 constant"} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("no %q in\n%s", line, out.String())
		}
	}
}
