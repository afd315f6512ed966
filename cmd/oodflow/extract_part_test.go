package main

import (
	"archive/tar"
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oodflow/oodflow/internal/demo"
)

// TestKilledExtractionLosesNothing kills an extraction at random moments, resumes it until it is done, and wants the same
// bytes as from one that nobody disturbed. One image of those in files cannot be read.
func TestKilledExtractionLosesNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	drawKilledSources(t)
	for _, source := range []string{"images", "images.tar", "list.txt", "cifar10:cifar#train"} {
		name, _, _ := strings.Cut(source, ":")
		t.Run(name, func(t *testing.T) {
			want, got := name+".want", name+".got"
			start := time.Now()
			undisturbed := extractTo(t, source, want)
			if err := undisturbed.Run(); err != nil {
				t.Fatalf("%v\n%s", err, undisturbed.Stderr)
			}
			took := time.Since(start)
			killed, starts := 0, 0
			for try := 0; starts == 0 && try < 5; try++ { // it may be done before anyone looks
				killed, starts = killUntilDone(t, got, took, func() *exec.Cmd { return extractTo(t, source, got, "--resume") })
			}
			if starts == 0 {
				t.Error("it was never resumed")
			}
			t.Logf("undisturbed %v; killed %d times, resumed after %d different numbers of images", took, killed, starts)
			for _, suffix := range []string{"", ".skipped"} {
				a, err1 := os.ReadFile(want + suffix)
				b, err2 := os.ReadFile(got + suffix)
				if err1 != nil || err2 != nil || !bytes.Equal(a, b) || len(a) == 0 && suffix == "" {
					t.Errorf("the files %s differ (%v, %v)", suffix, err1, err2)
				}
			}
			if left, _ := filepath.Glob("*.part"); left != nil {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// drawKilledSources draws 150 images in folders, one of them broken, a tar archive and a list of the same, and as many
// in CIFAR-10's files.
func drawKilledSources(t *testing.T) {
	t.Helper()
	if err := demo.Write("drawn", demo.Options{Seed: 1, Train: 150, Test: 10, Near: 10, Far: 10}); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename("drawn/id-train", "images"); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("images/*/*.png")
	if err != nil || len(files) == 0 {
		t.Fatalf("no images drawn: %v", err)
	}
	if err := os.Truncate(files[len(files)/3], 100); err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.AddFS(os.DirFS("images")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("cifar", 0o777); err != nil {
		t.Fatal(err)
	}
	write := map[string][]byte{"images.tar": archive.Bytes(), "list.txt": []byte(strings.Join(files, " 3\n"))}
	rng := rand.NewChaCha8([32]byte{})
	for i := range 5 {
		batch := make([]byte, 30*3073)
		rng.Read(batch)
		for k := 0; k < len(batch); k += 3073 {
			batch[k] %= 10
		}
		write["cifar/data_batch_"+strconv.Itoa(i+1)+".bin"] = batch
	}
	for path, data := range write {
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// extractTo is oodflow extract in a process of its own.
func extractTo(t *testing.T, source, out string, more ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	model := filepath.Join(demoFolder, "classifier.onnx")
	args := []string{"oodflow", "extract", "--engine", "gorgonia", "--model", model, "--images", source, "--batch", "4",
		"--skipped", out + ".skipped", "--out", out}
	return &exec.Cmd{Path: self, Args: append(args, more...), Env: append(os.Environ(), "CHECKPOINT_EVERY=1ms"), Stderr: new(bytes.Buffer)}
}

// killUntilDone starts an extraction to out and kills it, again and again: after a random time, or when a random number of
// bytes more are kept. In the end it lets it finish. It returns how often it was killed, and after how many different
// numbers of images it resumed.
func killUntilDone(t *testing.T, out string, took time.Duration, command func() *exec.Cmd) (killed, starts int) {
	t.Helper()
	seen := map[string]bool{}
	for run := 0; ; run++ {
		cmd := command()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		var due <-chan time.Time
		switch {
		case run < 8 && run%2 == 0:
			more := sizeOf(out+".part") + rand.Int64N(20_000)
			due = when(func() bool { return sizeOf(out+".part") > more })
		case run < 8:
			due = time.After(rand.N(took))
		}
		select {
		case err := <-ended:
			seen[resumedAfter(cmd)] = true
			if err != nil {
				t.Fatalf("%v\n%s", err, cmd.Stderr)
			}
			delete(seen, "")
			return killed, len(seen)
		case <-due:
			cmd.Process.Kill()
			<-ended
			seen[resumedAfter(cmd)] = true
			killed++
		}
	}
}

func sizeOf(path string) int64 {
	st, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return st.Size()
}

// when sends the time at which something holds, if that is within a minute.
func when(holds func() bool) <-chan time.Time {
	c := make(chan time.Time, 1)
	go func() {
		for limit := time.Now().Add(time.Minute); time.Now().Before(limit); time.Sleep(100 * time.Microsecond) {
			if holds() {
				c <- time.Now()
				return
			}
		}
	}()
	return c
}

// resumedAfter is the number of images after which a command said that it resumed, "" when it did not.
func resumedAfter(cmd *exec.Cmd) string {
	images := resuming.FindSubmatch(cmd.Stderr.(*bytes.Buffer).Bytes())
	if images == nil {
		return ""
	}
	return string(images[1])
}

var resuming = regexp.MustCompile(`resuming .*\.part after (\d+) image`)
