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

// TestKilledTrainingLosesNothing kills a training at random moments, and in the midst of writing a checkpoint, resumes it until
// it is done, and wants the same bytes as from one that nobody disturbed.
func TestKilledTrainingLosesNothing(t *testing.T) {
	for arch, flags := range map[string][]string{
		"realnvp": {"--epochs", "1500"},
		"glow":    {"--epochs", "500", "--arch", "glow", "--layers", "4"},
	} {
		t.Run(arch, func(t *testing.T) { killAndResume(t, flags) })
	}
}

func killAndResume(t *testing.T, flags []string) {
	t.Chdir(t.TempDir())
	saveNoise(t, "x.safetensors", 600, 16)
	trainTo := func(out string, more ...string) *exec.Cmd {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		args := append([]string{"oodflow", "train", "--features", "x.safetensors", "--out", out, "--stop", "never", "--lr", "1e-3", "--batch", "64"}, flags...)
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
	soon := took / 5 // so that no few of them come to the end
	for limit := time.Now().Add(12 * soon); ; {
		cmd := trainTo("got", "--resume")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if time.Now().Before(limit) {
			go killSoon(cmd.Process, rand.N(soon), kills%2 == 1)
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
	halves := len(temporaries())
	t.Logf("undisturbed %v; killed %d times, %d of them while writing, resumed at %d different steps", took, kills, halves, len(steps))
	if len(steps) == 0 || halves == 0 {
		t.Error("it was never resumed, or never killed while writing")
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

// killSoon kills a process after some time and, if writing, when it next is seen with a file half written.
func killSoon(p *os.Process, after time.Duration, writing bool) {
	time.Sleep(after)
	limit := time.Now().Add(100 * time.Millisecond)
	for before := len(temporaries()); writing && len(temporaries()) <= before && time.Now().Before(limit); {
	}
	p.Kill()
}

// temporaries returns the files that are being written, or were when their process was killed.
func temporaries() []string {
	names, _ := filepath.Glob(".*.tmp-*")
	return names
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
