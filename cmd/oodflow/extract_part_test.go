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

	"github.com/oodflow/oodflow/internal/demo"
)

// TestKilledExtractionLosesNothing kills an extraction at random moments, resumes it until it is done, and wants the same
// bytes as from one that nobody disturbed. One of the images cannot be read.
func TestKilledExtractionLosesNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := demo.Write("images", demo.Options{Seed: 1, Train: 150, Test: 10, Near: 10, Far: 10}); err != nil {
		t.Fatal(err)
	}
	broken, err := filepath.Glob("images/id-train/*/*.png")
	if err != nil || len(broken) == 0 {
		t.Fatalf("no images drawn: %v", err)
	}
	if err := os.Truncate(broken[len(broken)/3], 100); err != nil {
		t.Fatal(err)
	}
	extractTo := func(out string, more ...string) *exec.Cmd {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		args := []string{"oodflow", "extract", "--engine", "gorgonia", "--model", filepath.Join(demoFolder, "classifier.onnx"),
			"--images", "images/id-train", "--batch", "4", "--skipped", out + ".skipped", "--out", out}
		return &exec.Cmd{Path: self, Args: append(args, more...), Env: append(os.Environ(), "CHECKPOINT_EVERY=1ms"), Stderr: new(bytes.Buffer)}
	}
	start := time.Now()
	undisturbed := extractTo("want")
	if err := undisturbed.Run(); err != nil {
		t.Fatalf("%v\n%s", err, undisturbed.Stderr)
	}
	took := time.Since(start)

	starts := map[string]bool{} // images after which it was resumed
	kills := 0
	for limit := time.Now().Add(5 * time.Second); ; {
		cmd := extractTo("got", "--resume")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if time.Now().Before(limit) {
			time.AfterFunc(rand.N(took), func() { cmd.Process.Kill() })
		}
		err := cmd.Wait()
		if images := resumedAfter.FindSubmatch(cmd.Stderr.(*bytes.Buffer).Bytes()); images != nil {
			starts[string(images[1])] = true
		}
		if err == nil {
			break
		}
		if cmd.ProcessState.ExitCode() != -1 { // not by a signal
			t.Fatalf("%v\n%s", err, cmd.Stderr)
		}
		kills++
	}
	t.Logf("undisturbed %v; killed %d times, resumed after %d different numbers of images", took, kills, len(starts))
	if kills > 0 && len(starts) == 0 {
		t.Error("it was never resumed")
	}
	for _, suffix := range []string{"", ".skipped"} {
		want, err1 := os.ReadFile("want" + suffix)
		got, err2 := os.ReadFile("got" + suffix)
		if err1 != nil || err2 != nil || !bytes.Equal(want, got) || len(want) == 0 {
			t.Errorf("the files %s differ (%v, %v)", suffix, err1, err2)
		}
	}
	if left, _ := filepath.Glob("*.part"); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

var resumedAfter = regexp.MustCompile(`resuming got\.part after (\d+) images`)
