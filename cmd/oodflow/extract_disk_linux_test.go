package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oodflow/oodflow/internal/demo"
)

// ended waits for an extraction and wants an exit status and words on stderr, each once.
func ended(t *testing.T, cmd *exec.Cmd, status int, words ...string) {
	t.Helper()
	cmd.Run()
	saidOnce(t, cmd, cmd.Stderr.(*bytes.Buffer).String(), status, words...)
}

// TestDiskFillsWhileExtracting at some place or other: nothing is under the final name, what is kept is said, and once there
// is room --resume comes to the same bytes.
func TestDiskFillsWhileExtracting(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := demo.Write("drawn", demo.Options{Seed: 1, Train: 150, Test: 10, Near: 10, Far: 10}); err != nil {
		t.Fatal(err)
	}
	ended(t, extractTo(t, "drawn/id-train", "want"), exitOK)
	want, err := os.ReadFile("want")
	if err != nil {
		t.Fatal(err)
	}
	dir := smallDisk(t)
	out := filepath.Join(dir, "f")
	const again, hint = "and --resume goes on with them", "hint: make room in disk, then go on: oodflow extract --engine gorgonia --model "
	for _, c := range []struct {
		name  string
		free  int
		words []string
		left  string
	}{
		{"at once", 0, []string{"no space left on device"}, "filler"},
		{"in the middle", 20_000, []string{"write disk/f: no space left on device", "are kept in disk/f.part, " + again, hint}, "f.part filler"},
		{"at the end", len(want) * 3 / 2, []string{"write disk/f: no space left on device", "the features of 150 images are kept in disk/f.part, " + again, hint}, "f.part filler"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fill(t, dir, c.free)
			ended(t, extractTo(t, "drawn/id-train", out, "--skipped", ""), exitError, c.words...)
			holds(t, dir, strings.Fields(c.left)...)
			if err := os.Remove(filepath.Join(dir, "filler")); err != nil {
				t.Fatal(err)
			}
			ended(t, extractTo(t, "drawn/id-train", out, "--skipped", "", "--resume"), exitOK)
			holds(t, dir, "f")
			if got, err := os.ReadFile(out); err != nil || !bytes.Equal(got, want) {
				t.Errorf("the bytes differ (%v)", err)
			}
			if err := os.Remove(out); err != nil {
				t.Fatal(err)
			}
		})
	}
}
