package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/detect"
)

func TestNearest(t *testing.T) {
	for _, c := range []struct {
		typed string
		want  string
	}{
		{"modle", "model"}, {"mdoel", "model"}, {"mode", "model"}, {"feature", "features"}, {"outt", "out"},
		{"train-feat", "train-features"}, {"xyzzy", ""}, {"o", ""}, {"", ""}, {"model-file-name", ""},
	} {
		if got := nearest(c.typed, []string{"model", "features", "out", "train-features"}); got != c.want {
			t.Errorf("nearest(%q) = %q, want %q", c.typed, got, c.want)
		}
	}
}

func TestEditDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "abd", 1},
		{"kitten", "sitting", 3}, {"ca", "abc", 3}, {"energy", "enrgy", 1},
	} {
		if got := editDistance(c.a, c.b); got != c.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestParseNamed(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("a=b.npy", nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		in   string
		want named
	}{
		{"svhn=x/y.safetensors", named{"svhn", "x/y.safetensors"}},
		{"x/y.safetensors", named{"y", "x/y.safetensors"}},
		{"lr=1/y.npy", named{"lr", "1/y.npy"}},
		{"runs/lr=1/y.npy", named{"y", "runs/lr=1/y.npy"}},
		{"a=b.npy", named{"a=b", "a=b.npy"}},
		{"n=a=b.npy", named{"n", "a=b.npy"}},
		{"=y.npy", named{"y", "y.npy"}},
		{"y=", named{"y", ""}},
	} {
		if got := parseNamed(c.in); got != c.want {
			t.Errorf("parseNamed(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestSourcePath(t *testing.T) {
	for in, want := range map[string]string{
		"photos": "photos", "svhn:a/b.mat": "a/b.mat", "cifar10:dir#train": "dir", "cifar10:dir": "dir", "list.txt": "list.txt",
	} {
		if got := sourcePath(in); got != want {
			t.Errorf("sourcePath(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestHintsAreFound(t *testing.T) {
	inner := withHint(errors.New("inner"), "the inner %s", "hint")
	outer := withHint(fmt.Errorf("outer: %w", inner), "the outer hint")
	if got := hintOf(outer); got != "the inner hint" {
		t.Errorf("hint = %q, want the innermost, which knows most", got)
	}
	if withHint(nil, "x") != nil {
		t.Error("a hint made an error out of none")
	}
	if hintOf(errors.New("x")) != "" {
		t.Error("a hint out of nothing")
	}
}

// TestMessagesAreLegible: what names out of files say to a terminal does not reach it.
func TestMessagesAreLegible(t *testing.T) {
	var b strings.Builder
	c := newConsole(io.Discard, &b, false)
	c.failf("%s", "a\x1b[31m\r\xff ü")
	c.warn("b\u009b\n  c\td")
	c.note("%d%%", 5)
	c.hint("100%s\x00")
	if want := `a\x1b[31m\x0d\xff ü` + "\n" + `warning: b\xc2\x9b` + "\n  c\td\n5%\n" + `hint: 100%s\x00` + "\n"; b.String() != want {
		t.Errorf("wrote %q, want %q", b.String(), want)
	}
}

func TestAccuracyLeavesUnknownLabelsOut(t *testing.T) {
	a := accuracy{classes: 2}
	a.add([]float32{1, 0, 0, 1, 0, 1, 1, 0}, []int64{0, 0, -1, 2})
	if a.n != 2 || a.hits != 1 {
		t.Errorf("%d of %d right, want 1 of 2", a.hits, a.n)
	}
}

// TestScoringInPieces wants the scores of a set larger than a piece to be those of the whole.
func TestScoringInPieces(t *testing.T) {
	n := 2*piece + 7
	s := &features.Set{N: n, D: 3, Features: make([]float32, 3*n), IDs: make([]string, n)}
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range s.Features {
		s.Features[i] = float32(rng.NormFloat64())
	}
	r := features.NewReader(s)
	few, err := r.Read(features.Span(0, 100))
	if err != nil {
		t.Fatal(err)
	}
	d, err := detect.FitKNN(few, 5)
	if err != nil {
		t.Fatal(err)
	}
	want, err := d.Score(nil, s)
	if err != nil {
		t.Fatal(err)
	}
	c := newConsole(io.Discard, io.Discard, true)
	e := evaluation{ctx: t.Context(), console: c, id: r, ood: []*features.Reader{r}, detectors: []detect.Detector{d}}
	e.opts.ood = []named{{}}
	if err := e.scoreSets(); err != nil || !slices.Equal(e.scored[0].ID, want) || !slices.Equal(e.scored[0].OOD[0], want) {
		t.Errorf("%d scores (%v) differ from the whole's %d", len(e.scored), err, len(want))
	}
}

func TestRelativeDump(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ dir, path, want string }{
		{".", "train.safetensors", "train.safetensors"},
		{"detectors", "train.safetensors", "../train.safetensors"},
		{dir, filepath.Join(dir, "a", "train.safetensors"), "a/train.safetensors"},
	} {
		if got := relative(c.dir, c.path); got != c.want {
			t.Errorf("relative(%q, %q) = %q, want %q", c.dir, c.path, got, c.want)
		}
	}
	if got := relative(dir, "train.safetensors"); !strings.HasSuffix(got, "train.safetensors") {
		t.Errorf("relative to another folder: %q", got)
	}
}
