package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oodflow/oodflow/internal/detect"
)

// smallDisk mounts a file system of a mebibyte, which takes root, in a folder below the current one.
func smallDisk(t *testing.T) (dir string) {
	t.Helper()
	dir = "disk"
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", abs, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(abs, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill leaves room for free bytes.
func fill(t *testing.T, dir string, free int) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := int64(0); ; size += 4096 {
		if _, err := f.Write(make([]byte, 4096)); err == nil {
			continue
		} else if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		if err := f.Truncate(max(0, size-int64(free+4095)/4096*4096)); err != nil {
			t.Fatal(err)
		}
		return
	}
}

// diskTraining is oodflow train in a process of its own.
type diskTraining struct {
	*exec.Cmd
	stderr string // file
}

func startTraining(t *testing.T, out, epochs string, more ...string) *diskTraining {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := os.Create("stderr")
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	args := append([]string{"oodflow", "train", "-q", "--features", "x.safetensors", "--out", out, "--stop", "never", "--epochs", epochs}, more...)
	c := &diskTraining{&exec.Cmd{Path: self, Args: args, Env: append(os.Environ(), "CHECKPOINT_EVERY=1ms"), Stderr: stderr}, stderr.Name()}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill() })
	return c
}

// said returns what was written to stderr.
func (c *diskTraining) said(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(c.stderr)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// ends waits for the end and wants an exit status and words on stderr, each once.
func (c *diskTraining) ends(t *testing.T, status int, words ...string) {
	t.Helper()
	defer time.AfterFunc(time.Minute, func() { c.Process.Kill() }).Stop()
	c.Wait()
	saidOnce(t, c.Cmd, c.said(t), status, words...)
}

// saidOnce wants a command to have ended with an exit status, and with words once each in text, its stderr.
func saidOnce(t *testing.T, cmd *exec.Cmd, text string, status int, words ...string) {
	t.Helper()
	if got := cmd.ProcessState.ExitCode(); got != status {
		t.Errorf("exit status %d, want %d", got, status)
	}
	for _, w := range words {
		if strings.Count(text, w) != 1 {
			t.Errorf("stderr has not once %q", w)
		}
	}
	if t.Failed() {
		t.Fatal(text)
	}
}

func waitFor(t *testing.T, what string, ready func() bool) {
	t.Helper()
	for limit := time.Now().Add(20 * time.Second); !ready(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func exists(path string) func() bool {
	return func() bool {
		_, err := os.Stat(path)
		return err == nil
	}
}

// holds wants a folder to hold exactly these files: no temporary ones.
func holds(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("%s holds %q, want %q", dir, got, names)
	}
}

const forever = "100000000"

// TestDiskFillsWhileTraining: the last good checkpoint stays and is resumed, to the same detector.
func TestDiskFillsWhileTraining(t *testing.T) {
	t.Chdir(t.TempDir())
	saveNoise(t, "x.safetensors", 300, 8)
	dir := smallDisk(t)
	out := filepath.Join(dir, "d")
	c := startTraining(t, out, forever)
	waitFor(t, "a checkpoint", exists(out+".checkpoint"))
	fill(t, dir, 0)
	waitFor(t, "a warning", func() bool { return strings.Contains(c.said(t), "training goes on") })
	before, err := detect.LoadCheckpoint(out + ".checkpoint")
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond) // many more attempts
	c.Process.Signal(os.Interrupt)
	c.ends(t, exitInterrupted, "no space left on device; training goes on with the checkpoint of step", "is in disk/d.checkpoint")
	after, err := detect.LoadCheckpoint(out + ".checkpoint")
	if err != nil || after.Step() != before.Step() {
		t.Fatalf("the checkpoint is not that of step %d any more: %v", before.Step(), err)
	}
	holds(t, dir, "d.checkpoint", "filler")

	os.Remove(filepath.Join(dir, "filler"))
	c = startTraining(t, out, forever, "--resume")
	waitFor(t, "a later checkpoint", func() bool {
		k, err := detect.LoadCheckpoint(out + ".checkpoint")
		return err == nil && k.Step() > before.Step()
	})
	c.Process.Signal(os.Interrupt)
	c.ends(t, exitInterrupted)
}

// TestDiskIsFullAtTheEnd: where the detector has no room either, what is there is told, and the way on leads to the same
// detector as without all that.
func TestDiskIsFullAtTheEnd(t *testing.T) {
	t.Chdir(t.TempDir())
	saveNoise(t, "x.safetensors", 300, 8)
	startTraining(t, "want", "2000").ends(t, exitOK)
	dir := smallDisk(t)
	out := filepath.Join(dir, "d")
	c := startTraining(t, out, "2000")
	waitFor(t, "a checkpoint", exists(out+".checkpoint"))
	fill(t, dir, 0)
	c.ends(t, exitError, "oodflow: train: write disk/d: no space left on device", "hint: make room in disk, then go on from step ",
		"; training goes on", "oodflow train --quiet=true --features x.safetensors --out disk/d --stop never --epochs 2000 --resume")
	holds(t, dir, "d.checkpoint", "filler")
	os.Remove(filepath.Join(dir, "filler"))
	startTraining(t, out, "2000", "--resume").ends(t, exitOK)
	holds(t, dir, "d")
	sameDetector(t, "want", out)
}

// TestDiskHasRoomForTheDetectorAlone: the checkpoints are given up, the detector is written.
func TestDiskHasRoomForTheDetectorAlone(t *testing.T) {
	t.Chdir(t.TempDir())
	saveNoise(t, "x.safetensors", 300, 8)
	startTraining(t, "want", "100").ends(t, exitOK)
	st, err := os.Stat("want")
	if err != nil {
		t.Fatal(err)
	}
	dir := smallDisk(t)
	out := filepath.Join(dir, "d")
	fill(t, dir, int(st.Size())+4096)
	startTraining(t, out, "100").ends(t, exitOK, "no space left on device; training goes on without a checkpoint")
	holds(t, dir, "d", "filler")
	sameDetector(t, "want", out)
}

// TestFolderBecomesReadOnly while a flow is trained, and is refused at once afterwards.
func TestFolderBecomesReadOnly(t *testing.T) {
	t.Chdir(t.TempDir())
	saveNoise(t, "x.safetensors", 300, 8)
	dir := smallDisk(t)
	out := filepath.Join(dir, "d")
	c := startTraining(t, out, "2000")
	waitFor(t, "a checkpoint", exists(out+".checkpoint"))
	waitFor(t, "the file system to be quiet", func() bool {
		return syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, "") == nil
	})
	c.ends(t, exitError, "read-only file system; training goes on with the checkpoint of step", "oodflow: train: write disk/d: read-only file system",
		"hint: see that disk can be written to, then go on from step ")
	if _, err := detect.LoadCheckpoint(out + ".checkpoint"); err != nil {
		t.Error(err)
	}
	startTraining(t, out, forever).ends(t, exitError, "oodflow: train: write disk/d: read-only file system", "hint: give --out a place where you may write")
}

// TestFolderVanishes while a flow is trained.
func TestFolderVanishes(t *testing.T) {
	t.Chdir(t.TempDir())
	saveNoise(t, "x.safetensors", 300, 8)
	if err := os.Mkdir("folder", 0o777); err != nil {
		t.Fatal(err)
	}
	c := startTraining(t, "folder/d", "6000")
	waitFor(t, "a checkpoint", exists("folder/d.checkpoint"))
	if err := os.Rename("folder", "gone"); err != nil {
		t.Fatal(err)
	}
	c.ends(t, exitError, "no such file or directory; training goes on without a checkpoint", "oodflow: train: write folder/d: no such file or directory",
		"hint: see that folder can be written to and train again, or give another --out")
	if exists("folder")() {
		t.Error("the folder was made again")
	}
	if _, err := detect.LoadCheckpoint("gone/d.checkpoint"); err != nil {
		t.Error(err)
	}
}

// sameDetector wants two detectors to be equal but for where the features are from there.
func sameDetector(t *testing.T, want, got string) {
	t.Helper()
	a, err1 := detect.Load(want)
	b, err2 := detect.Load(got)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	a.Training.Report, b.Training.Report = nil, nil
	if err := errors.Join(detect.Save("a", a), detect.Save("b", b)); err != nil {
		t.Fatal(err)
	}
	x, err1 := os.ReadFile("a")
	y, err2 := os.ReadFile("b")
	if err1 != nil || err2 != nil || !bytes.Equal(x, y) {
		t.Errorf("the detectors differ (%v, %v)", err1, err2)
	}
}
