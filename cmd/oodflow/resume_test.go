package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/oodflow/oodflow/features"
)

// TestKilledTrainingLosesNothing kills a training at random moments, resumes it until it is done, and wants the same
// bytes as from one that nobody disturbed.
func TestKilledTrainingLosesNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	saveNoise(t, "x.safetensors", 600, 16)
	trainTo := func(out string, more ...string) *exec.Cmd {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		args := []string{"oodflow", "train", "--features", "x.safetensors", "--out", out, "--stop", "never", "--epochs", "300", "--lr", "1e-3", "--batch", "64"}
		return &exec.Cmd{Path: self, Args: append(args, more...), Env: append(os.Environ(), "CHECKPOINT_EVERY=2ms"), Stderr: new(bytes.Buffer)}
	}
	start := time.Now()
	undisturbed := trainTo("want")
	if err := undisturbed.Run(); err != nil {
		t.Fatalf("%v\n%s", err, undisturbed.Stderr)
	}
	took := time.Since(start)

	steps := map[string]bool{} // at which it was resumed
	kills := 0
	for limit := time.Now().Add(8 * time.Second); ; {
		cmd := trainTo("got", "--resume")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if time.Now().Before(limit) {
			time.AfterFunc(rand.N(took/3), func() { cmd.Process.Kill() })
		}
		err := cmd.Wait()
		if step := resumedAt.FindSubmatch(cmd.Stderr.(*bytes.Buffer).Bytes()); step != nil {
			steps[string(step[1])] = true
		}
		if err == nil {
			break
		}
		if cmd.ProcessState.ExitCode() != -1 { // not by a signal
			t.Fatalf("%v\n%s", err, cmd.Stderr)
		}
		kills++
	}
	t.Logf("undisturbed %v; killed %d times, resumed at %d different steps", took, kills, len(steps))
	if len(steps) == 0 {
		t.Error("it was never resumed")
	}
	want, err1 := os.ReadFile("want")
	got, err2 := os.ReadFile("got")
	if err1 != nil || err2 != nil || !bytes.Equal(want, got) {
		t.Errorf("the detectors differ (%v, %v)", err1, err2)
	}
	if left, _ := filepath.Glob("*.checkpoint"); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

var resumedAt = regexp.MustCompile(`resuming got\.checkpoint at step (\d+)`)

// saveNoise writes labelled features at random.
func saveNoise(t *testing.T, path string, n, d int) {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 4))
	s := &features.Set{N: n, D: d}
	for range n {
		for range d {
			s.Features = append(s.Features, float32(r.NormFloat64()))
		}
		s.Labels = append(s.Labels, r.Int64N(3))
		s.IDs = append(s.IDs, "")
	}
	if err := features.Save(path, s); err != nil {
		t.Fatal(err)
	}
}
