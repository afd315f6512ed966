package detect

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/flow"
	"github.com/oodflow/oodflow/internal/safetensors"
)

// interrupted trains until the context ends it at the check of the given step, and returns the options and the checkpoint's path.
func interrupted(t testing.TB, s *features.Set, step int) (FlowOptions, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.checkpoint")
	opt := FlowOptions{TrainOptions: TrainOptions{Seed: 3, Version: "v1"}, Options: flow.Options{Batch: 16, Epochs: 6, Stop: flow.StopNever}}
	opt.Keep = Keep{Path: path, Every: time.Hour, Saved: func(_ int, err error) {
		if err != nil {
			t.Error(err)
		}
	}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, _, err := TrainFlow(ctx, features.NewReader(s), opt, func(p flow.Point) {
		if p.Step == step {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	return opt, path
}

func TestResumedTrainingGivesTheSameFile(t *testing.T) {
	s := randomSet(5, 300, 6, 3)
	opt, path := interrupted(t, s, 20)
	c, err := LoadCheckpoint(path)
	if err != nil || c.Step() != 20 || c.Version != "v1" {
		t.Fatalf("error %v", err)
	}
	undisturbed := opt
	undisturbed.Keep = Keep{}
	want, _, err := TrainFlow(t.Context(), features.NewReader(s), undisturbed, nil)
	if err != nil {
		t.Fatal(err)
	}
	opt.Keep.Resume = c
	got, _, err := TrainFlow(t.Context(), features.NewReader(s), opt, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(saved(t, got), saved(t, want)) {
		t.Error("the files differ")
	}
}

func TestResumeNamesWhatDiffers(t *testing.T) {
	s := randomSet(5, 300, 6, 3)
	opt, path := interrupted(t, s, 10)
	c, err := LoadCheckpoint(path)
	if err != nil {
		t.Fatal(err)
	}
	opt.Keep.Resume = c
	for want, change := range map[string]func(*features.Set, *FlowOptions){
		"other features":         func(s *features.Set, _ *FlowOptions) { s.Features[100] += 1e-3 },
		"on other features":      func(s *features.Set, _ *FlowOptions) { s.Labels[100] = (s.Labels[100] + 1) % 3 },
		"trained on other":       func(s *features.Set, _ *FlowOptions) { s.Logits[100]++ },
		"was trained on other":   func(s *features.Set, _ *FlowOptions) { s.Provenance.Tensor = "x" },
		"0.1 there and 0.2 here": func(_ *features.Set, o *FlowOptions) { o.Share = 0.2 },
		"raw is false":           func(_ *features.Set, o *FlowOptions) { o.Raw = true },
		"hidden is 6 there":      func(_ *features.Set, o *FlowOptions) { o.Hidden = 7 },
		"seed is 3 there":        func(_ *features.Set, o *FlowOptions) { o.TrainOptions.Seed = 4 },
	} {
		data, o := clone(s), opt
		change(data, &o)
		_, _, err := TrainFlow(t.Context(), features.NewReader(data), o, nil)
		var differ *flow.ResumeError
		if !errors.As(err, &differ) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// TestCheckpointRefuses damages a checkpoint: every byte is covered by the checksum, and a version is told before it.
func TestCheckpointRefuses(t *testing.T) {
	_, path := interrupted(t, randomSet(5, 120, 4, 3), 10)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(b []byte, want string) {
		t.Helper()
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadCheckpoint(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	for i := 0; i < len(good); i += 97 {
		bad := bytes.Clone(good)
		bad[i] ^= 4
		refused(bad, "read ")
		refused(good[:i], "read ")
	}
	last := bytes.Clone(good)
	last[len(last)-1]++
	refused(last, "checksum")
	refused(bytes.Replace(good, []byte(`"format_version":"1"`), []byte(`"format_version":"2"`), 1), `version "2"; this oodflow reads version 1: resume with the oodflow that wrote it (v1)`)
	refused(saved(t, trained(t, "msp")), "not a checkpoint")
	os.Remove(path)
	if _, err := LoadCheckpoint(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// TestFailedWritingEndsNothing takes the folder away in the middle of a training and gives it back.
func TestFailedWritingEndsNothing(t *testing.T) {
	s := randomSet(5, 300, 6, 3)
	dir := filepath.Join(t.TempDir(), "dir")
	away := dir + " away"
	path := filepath.Join(dir, "x.checkpoint")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	var steps, failed []int
	opt := FlowOptions{Options: flow.Options{Batch: 16, Epochs: 6, Stop: flow.StopNever}}
	opt.Keep = Keep{Path: path, Every: 1, Saved: func(step int, err error) {
		if err != nil {
			failed = append(failed, step)
		} else {
			steps = append(steps, step)
		}
		switch {
		case len(steps) == 1 && len(failed) == 0:
			os.Rename(dir, away)
		case err != nil && len(failed) == 2:
			os.Rename(away, dir)
			if c, err := LoadCheckpoint(path); err != nil || c.Step() != steps[0] {
				t.Errorf("the last good checkpoint: error %v", err)
			}
		}
	}}
	k := newKeeper(features.NewReader(s), opt)
	var f flow.Keeping
	f.Due = func(bool) bool { return true }
	f.Save = k.save
	data := flow.Data{Rows: flow.Matrix(s.Features, s.D)}
	_, _, err := flow.TrainKeeping(t.Context(), data, data, opt.Options, f, nil)
	if err != nil || len(failed) != 2 || len(steps) < 10 {
		t.Errorf("written at %v, failed at %v, error %v", steps, failed, err)
	}
}

// TestDue: a checkpoint comes after the pause, at an epoch's end after a third of it, and slow writing makes the pause
// longer.
func TestDue(t *testing.T) {
	k := newKeeper(features.NewReader(randomSet(5, 20, 4, 3)), FlowOptions{Keep: Keep{Path: filepath.Join(t.TempDir(), "x")}})
	for _, c := range []struct {
		since       time.Duration
		step, epoch bool
	}{{0, false, false}, {DefaultEvery/3 + 1, false, true}, {DefaultEvery + 1, true, true}} {
		k.last = time.Now().Add(-c.since)
		if step, epoch := k.due(false), k.due(true); step != c.step || epoch != c.epoch {
			t.Errorf("after %v: due %v, at an epoch's end %v", c.since, step, epoch)
		}
	}
	k.Every = 1
	k.save(&flow.Checkpoint{})
	if k.pause <= writingShare {
		t.Errorf("pause of %v after writing", k.pause)
	}
}

// FuzzCheckpoint: no file makes LoadCheckpoint or a resumed training panic.
func FuzzCheckpoint(f *testing.F) {
	s := randomSet(5, 30, 2, 2)
	opt, path := interrupted(f, s, 0)
	b, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		st, err := safetensors.NewFile("x", bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		c, err := decodeCheckpoint(st, func() error { return nil })
		if err != nil {
			return
		}
		o := opt
		o.Keep = Keep{Resume: c}
		TrainFlow(t.Context(), features.NewReader(s), o, nil)
	})
}
