package main

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/detect"
	"github.com/oodflow/oodflow/internal/heaptest"
	"github.com/oodflow/oodflow/internal/report"
)

// evaluationOf opens two dumps of n images, of d features and as many logits, for energy to be held against Mahalanobis. Half of
// the features grow from the first image to the last.
func evaluationOf(t *testing.T, n, d int) *evaluation {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	h := features.Header{D: d, C: d}
	e := &evaluation{ctx: t.Context(), console: newConsole(io.Discard, io.Discard, true)}
	for _, name := range []string{"id", "ood"} {
		path := filepath.Join(t.TempDir(), name+".safetensors")
		w, err := features.Create(path, h)
		if err != nil {
			t.Fatal(err)
		}
		const batch = 500
		for first := 0; first < n; first += batch {
			b := features.Batch{Features: make([]float32, batch*d), Logits: make([]float32, batch*d), Labels: make([]int64, batch), IDs: make([]string, batch)}
			for i := range b.Features {
				b.Features[i], b.Logits[i] = 1+rng.Float32(), rng.Float32()
				if i%d < d/2 {
					b.Features[i] += 6 * float32(first*first) / float32(n*n)
				}
			}
			for i := range batch {
				b.Labels[i], b.IDs[i] = int64(i%10), fmt.Sprintf("%s/%d.png", name, first+i)
			}
			if err := w.Append(b); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		set := named{name, path}
		if name == "id" {
			e.opts.id = set
		} else {
			e.opts.ood = []named{set}
		}
	}
	few, err := features.Open(e.opts.id.path)
	if err != nil {
		t.Fatal(err)
	}
	few = &features.Set{N: 1000, D: d, C: d, Features: few.Features[:1000*d], Logits: few.Logits[:1000*d], Labels: few.Labels[:1000], IDs: few.IDs[:1000]}
	energy, err := detect.FitEnergy(few)
	if err != nil {
		t.Fatal(err)
	}
	mahalanobis, err := detect.FitMahalanobis(few, true)
	if err != nil {
		t.Fatal(err)
	}
	e.file = &detect.File{Detector: energy, D: d}
	if err := e.open(); err != nil {
		t.Fatal(err)
	}
	e.detectors = append(e.detectors, mahalanobis)
	t.Cleanup(e.close)
	return e
}

// TestEvalInLittleMemory scores two sets of 40 MB each and tells of their spread in a fraction of that.
func TestEvalInLittleMemory(t *testing.T) {
	const n, d = 40_000, 128
	e := evaluationOf(t, n, d)
	most := heaptest.Most(func() {
		if err := e.scoreSets(); err != nil {
			t.Fatal(err)
		}
	})
	t.Logf("scores: %.1f MiB", most)
	if most > 12 {
		t.Errorf("scoring took %.1f MiB, want at most 12", most)
	}
	for _, s := range e.scored {
		if len(s.ID) != n || len(s.OOD[0]) != n || len(s.Correct) != n {
			t.Errorf("%s: %d, %d and %d", s.Detector, len(s.ID), len(s.OOD[0]), len(s.Correct))
		}
	}
}

// The spread of a set that is described by a sample of its images is that of the whole, and the page says so.
func TestDescribeBySample(t *testing.T) {
	r := evaluationOf(t, mostDescribed+5000, 16).id
	all, err := r.Read(features.Span(0, r.N))
	if err != nil {
		t.Fatal(err)
	}
	want, err := features.Summarize(features.NewReader(all), features.SummaryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	uniformity, err := features.Uniformity(all.Features, all.D, features.PairOptions{}) // Summarize takes a sample, too
	if err != nil {
		t.Fatal(err)
	}
	var got report.Set
	if err := describe(&got, r); err != nil {
		t.Fatal(err)
	}
	if got.Sample != mostDescribed || math.Abs(*got.Uniformity-uniformity.Value) > 0.01 ||
		math.Abs(*got.Tolerance-want.Tolerance.Value) > 0.001 || math.Abs(got.Norm-want.Norms.Median) > 0.01 {
		t.Errorf("%d images: %v, %v, %v; want %v, %v, %v", got.Sample, *got.Uniformity, *got.Tolerance, got.Norm,
			uniformity.Value, want.Tolerance.Value, want.Norms.Median)
	}
	few, err := r.Read(features.Span(0, mostDescribed))
	if err != nil {
		t.Fatal(err)
	}
	var whole report.Set
	if err := describe(&whole, features.NewReader(few)); err != nil || whole.Sample != 0 {
		t.Errorf("%d images of as many, %v", whole.Sample, err)
	}
}

// A file that is written while eval reads it is an error that names it.
func TestEvalOfAChangingFile(t *testing.T) {
	e := evaluationOf(t, 1000, 16)
	path := e.opts.ood[0].path
	later := time.Now().Add(time.Minute)
	if err := os.Chtimes(path, later, later); err != nil {
		t.Fatal(err)
	}
	if err := e.scoreSets(); err == nil || !strings.Contains(err.Error(), path+": the file changed while it was in use") {
		t.Error(err)
	}
}
