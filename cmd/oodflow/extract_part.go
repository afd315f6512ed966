package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/atomicfile"
	"github.com/oodflow/oodflow/internal/imageset"
)

// extraction is an extraction under way: what it writes to, and what of it is kept if it is interrupted.
type extraction struct {
	w    *features.Writer
	part string         // where its batches are, "" when they go with the process
	done *imageset.Mark // how far an earlier one got; nil at the beginning
	hits accuracy

	again string // the command line that goes on
	c     *console
}

// batchMark is what a resumed extraction is told of a batch.
type batchMark struct {
	imageset.Mark
	Right   int `json:"right"` // images until here that are classified right
	Counted int `json:"counted"`
}

// begin opens what the extraction writes to.
func (o *extractOptions) begin(p *pipeline, c *console) (*extraction, error) {
	e := &extraction{part: features.PartPath(o.out), hits: accuracy{classes: p.info.Classes}, again: o.again, c: c}
	h := p.header()
	h.Shard = o.part
	var err error
	if e.part == "" {
		e.w, err = features.Create(o.out, h)
		return e, err
	}
	part := features.Part{Every: checkpointEvery, Key: map[string]string{
		"batch": strconv.Itoa(p.info.Batch), "limit": strconv.Itoa(o.limit),
	}}
	_, statErr := os.Lstat(e.part)
	switch {
	case o.resume && statErr == nil:
		return e, e.resume(o.out, h, part)
	case o.resume:
		c.note("there is no %s: starting from the beginning", e.part)
	case statErr == nil:
		c.warn("%s was left by an interrupted extraction, which --resume would continue; starting anew", e.part)
	}
	e.w, err = features.Begin(o.out, h, part)
	return e, busy(err)
}

// busy advises on a file that another process has.
func busy(err error) error {
	if errors.Is(err, atomicfile.ErrBusy) {
		return withHint(err, "wait for the other extraction, or name another file for --out")
	}
	return err
}

// resume goes on with what is in the part file.
func (e *extraction) resume(out string, h features.Header, part features.Part) error {
	last := batchMark{}
	part.Mark = func(text []byte) error {
		m := batchMark{}
		if err := json.Unmarshal(text, &m); err != nil || m.Images < last.Images {
			return errors.New("is damaged: it does not say which images are in it")
		}
		m.Skipped = append(last.Skipped, m.Skipped...)
		last = m
		return nil
	}
	w, found, err := features.Resume(out, h, part)
	var other *features.ResumeError
	switch {
	case errors.As(err, &other):
		return withHint(err, "give the model, images and flags of the interrupted extraction, or leave out --resume")
	case errors.Is(err, atomicfile.ErrBusy):
		return busy(err)
	case err != nil:
		return withHint(err, "leave out --resume to extract from the beginning")
	}
	e.w, e.done, e.hits.hits, e.hits.n = w, &last.Mark, last.Right, last.Counted
	e.c.note("resuming %s after %s", e.part, count(last.Images, "image", "images"))
	if found.Lost > 0 {
		e.c.note("its last %d bytes were not written to their end or are damaged: those images are taken again", found.Lost)
	}
	if found.Version != h.Provenance.Version {
		e.c.warn("%s was begun by oodflow %s: the features may differ a little from those of an undisturbed extraction", e.part, found.Version)
	}
	return nil
}

// add writes a batch.
func (e *extraction) add(b features.Batch, m imageset.Mark) error {
	e.hits.add(b.Logits, b.Labels)
	if e.part != "" {
		var err error
		if b.Mark, err = json.Marshal(batchMark{m, e.hits.hits, e.hits.n}); err != nil {
			return err
		}
	}
	return e.w.Append(b)
}

// leave ends an extraction that failed or was interrupted, and keeps what can be gone on with.
func (e *extraction) leave(err error) error {
	defer e.w.Abort()
	if errors.Is(err, imageset.ErrOtherImages) {
		err = withHint(fmt.Errorf("resume %s: %w", e.part, err), "give the images of the interrupted extraction, or leave out --resume")
	}
	if e.part == "" || e.w.Len() == 0 || !errors.Is(err, context.Canceled) && e.done == nil && !e.w.Safe() {
		return err
	}
	if failed := e.w.Keep(); failed != nil {
		e.c.warn("%v", failed)
	}
	return e.kept(err)
}

// kept tells what is in the part file, after an error.
func (e *extraction) kept(err error) error {
	done := count(e.w.Len(), "image", "images")
	if errors.Is(err, context.Canceled) {
		return &resumable{fmt.Errorf("interrupted; no features were written, but those of %s are in %s", done, e.part), e.again}
	}
	e.c.note("the features of %s are kept in %s, and --resume goes on with them", done, e.part)
	if errors.Is(err, syscall.ENOSPC) {
		return withHint(err, "make room in %s, then go on: %s", filepath.Dir(e.part), e.again)
	}
	return err
}

// finish writes the file.
func (e *extraction) finish(ctx context.Context) error {
	err := e.w.CloseContext(ctx)
	if _, gone := os.Lstat(e.part); err == nil || e.part == "" || gone != nil {
		return err
	}
	return e.kept(err)
}
