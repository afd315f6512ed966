package detect

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/flow"
)

// TestTrainingFromAFileIsThatFromMemory trains on rows that are read again and again, and wants the same bytes.
func TestTrainingFromAFileIsThatFromMemory(t *testing.T) {
	defer func(was int) { mostInMemory = was }(mostInMemory)
	s := randomSet(5, 700, 6, 3)
	for name, opt := range map[string]FlowOptions{"normalised": {}, "raw": {Raw: true, Options: flow.Options{Whiten: flow.WhitenNone}}} {
		t.Run(name, func(t *testing.T) {
			opt.Stop, opt.Epochs = flow.StopNever, 2
			mostInMemory = 256 << 20
			want, _, err := TrainFlow(t.Context(), features.NewReader(s), opt, nil)
			if err != nil {
				t.Fatal(err)
			}
			mostInMemory = 0
			got, _, err := TrainFlow(t.Context(), reader(t, s), opt, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(saved(t, got), saved(t, want)) {
				t.Error("the files differ")
			}
		})
	}
}

// TestReadingIsToldUntilTheFirstCheck wants every row that the start reads told, before the first check and not after it.
func TestReadingIsToldUntilTheFirstCheck(t *testing.T) {
	defer func(was int) { mostInMemory = was }(mostInMemory)
	for _, most := range []int{0, 256 << 20} {
		mostInMemory = most
		told, total := 0, 0
		opt := FlowOptions{Options: flow.Options{Stop: flow.StopNever, Epochs: 2}, Reading: func(n, of int) { told, total = told+n, of }}
		_, _, err := TrainFlow(t.Context(), reader(t, randomSet(5, 700, 6, 3)), opt, func(flow.Point) {
			if told == 0 || told != total {
				t.Errorf("most %d: %d rows of %d told at a check", most, told, total)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// reader keeps s in a file and opens it.
func reader(t *testing.T, s *features.Set) *features.Reader {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dump.safetensors")
	if err := features.Save(path, s); err != nil {
		t.Fatal(err)
	}
	r, err := features.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// TestADumpThatChangesEndsTheTraining cuts the features short under a running training, with the features in memory and not,
// and wants the last checkpoint kept.
func TestADumpThatChangesEndsTheTraining(t *testing.T) {
	defer func(was int) { mostInMemory = was }(mostInMemory)
	for _, most := range []int{0, 256 << 20} {
		mostInMemory = most
		dir := t.TempDir()
		path, kept := filepath.Join(dir, "dump.safetensors"), filepath.Join(dir, "checkpoint")
		if err := features.Save(path, randomSet(5, 700, 6, 3)); err != nil {
			t.Fatal(err)
		}
		r, err := features.OpenReader(path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		opt := FlowOptions{Keep: Keep{Path: kept, Every: 1}, Options: flow.Options{Stop: flow.StopNever, Epochs: 40}}
		_, _, err = TrainFlow(t.Context(), r, opt, func(p flow.Point) {
			if p.Step == 10 {
				os.Truncate(path, 4000)
			}
		})
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("error %v, want one that names the file", err)
		}
		if c, err := LoadCheckpoint(kept); err != nil || c.Step() == 0 {
			t.Errorf("the last checkpoint: %v", err)
		}
	}
}

// TestReadingEndsWithItsContext wants no more rows read after an interrupt.
func TestReadingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := TrainFlow(ctx, reader(t, randomSet(5, 700, 6, 3)), FlowOptions{}, nil); err == nil {
		t.Error("it went on")
	}
}
