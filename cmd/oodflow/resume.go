package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/oodflow/oodflow/flow"
	"github.com/oodflow/oodflow/internal/detect"
)

// checkpointEvery is the time between two checkpoints. Only tests set it.
var checkpointEvery = detect.DefaultEvery

// checkpointPath is where the training of a detector keeps its state; "" when the detector goes to no regular file.
func checkpointPath(detector string) string {
	if st, err := os.Stat(detector); err == nil && !st.Mode().IsRegular() {
		return ""
	}
	return detector + ".checkpoint"
}

// checkpoints looks after the checkpoint of one training.
type checkpoints struct {
	detect.Keep
	again  string // the command line that goes on
	step   int    // of the checkpoint that belongs to this training, -1 without one
	failed bool   // a checkpoint could not be written, and the user was told
	c      *console
}

// checkpoints reads the checkpoint to go on from, if that was asked for and there is one.
func (o *trainOptions) checkpoints(c *console) (*checkpoints, error) {
	k := &checkpoints{again: o.again, step: -1, c: c}
	if trainsFlow(o.method.value) {
		k.Path, k.Every, k.Saved = checkpointPath(o.out), checkpointEvery, k.saved
	}
	if k.Path == "" {
		return k, nil
	}
	if !o.resume {
		if _, err := os.Stat(k.Path); err == nil {
			c.warn("%s was left by an interrupted training, which --resume would continue; starting anew", k.Path)
		}
		return k, nil
	}
	var err error
	k.Resume, err = detect.LoadCheckpoint(k.Path)
	if errors.Is(err, fs.ErrNotExist) {
		c.note("there is no checkpoint %s: starting from the beginning", k.Path)
		return k, nil
	}
	if err != nil {
		return nil, withHint(err, "leave out --resume to train from the beginning")
	}
	k.step = k.Resume.Step()
	c.note("resuming %s at step %d", k.Path, k.step)
	if k.Resume.Version != moduleVersion() {
		c.warn("%s was written by oodflow %s: the detector may differ a little from that of an undisturbed training", k.Path, k.Resume.Version)
	}
	return k, nil
}

// saved is told of every checkpoint. One that cannot be written ends no training.
func (k *checkpoints) saved(step int, err error) {
	switch {
	case err == nil:
		k.step, k.failed = step, false
	case !k.failed:
		k.failed = true
		k.c.warn("%v; training goes on%s", err, k.reserve())
	}
}

// reserve says what is left when a checkpoint cannot be written.
func (k *checkpoints) reserve() string {
	if !k.left() {
		return " without a checkpoint"
	}
	return fmt.Sprintf(" with the checkpoint of step %d", k.step)
}

// left tells whether a checkpoint of this training is there.
func (k *checkpoints) left() bool {
	_, err := os.Stat(k.Path)
	return k.step >= 0 && err == nil
}

// unsaved adds to the error of writing the detector how the training can be saved nevertheless.
func (k *checkpoints) unsaved(err error, out string) error {
	cure := "see that " + filepath.Dir(out) + " can be written to"
	if errors.Is(err, syscall.ENOSPC) {
		cure = "make room in " + filepath.Dir(out)
	}
	if k.left() {
		return withHint(err, "%s, then go on from step %d: %s", cure, k.step, k.again)
	}
	return withHint(err, "%s and train again, or give another --out", cure)
}

// explain adds to the error of a training what its checkpoint means for it.
func (k *checkpoints) explain(err error) error {
	var other *flow.ResumeError
	switch {
	case errors.As(err, &other):
		return withHint(fmt.Errorf("%s: %w", k.Path, err), "give the features and flags of the interrupted training, or leave out --resume")
	case errors.Is(err, context.Canceled) && k.left():
		return &resumable{fmt.Errorf("interrupted; no detector was written, but the training as of step %d is in %s", k.step, k.Path), k.again}
	}
	return err
}

// remove takes the checkpoint away, once the detector is written.
func (k *checkpoints) remove() {
	if k.Path == "" {
		return
	}
	if err := os.Remove(k.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		k.c.warn("remove %s: %v", k.Path, reason(err))
	}
}

// resumable is the interruption of a command that can go on.
type resumable struct {
	error
	again string // the command line that does
}

func (e *resumable) Unwrap() error { return context.Canceled }

// resumingCommand is the command line of cmd with --resume.
func resumingCommand(cmd *cobra.Command) string {
	words := []string{cmd.CommandPath()}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch {
		case f.Name == "resume":
		case f.Value.Type() == "bool":
			words = append(words, fmt.Sprintf("--%s=%s", f.Name, f.Value))
		case isSlice(f.Value):
			for _, v := range f.Value.(pflag.SliceValue).GetSlice() {
				words = append(words, "--"+f.Name, shellQuote(v))
			}
		default:
			words = append(words, "--"+f.Name, shellQuote(f.Value.String()))
		}
	})
	return strings.Join(append(words, "--resume"), " ")
}

func isSlice(v pflag.Value) bool {
	_, ok := v.(pflag.SliceValue)
	return ok
}

// harmless are the words that a shell leaves as they are.
var harmless = regexp.MustCompile(`^[\w@%+=:,./-]+$`)

// shellQuote quotes a word for a POSIX shell where it needs that.
func shellQuote(s string) string {
	if harmless.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
