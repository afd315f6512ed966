package main

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/oodflow/oodflow/eval"
	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/detect"
)

// evaluation is one run of eval on its way to a report.
type evaluation struct {
	ctx     context.Context
	opts    evalOptions
	console *console
	file    *detect.File

	id        *features.Reader
	ood       []*features.Reader // as opts.ood
	detectors []detect.Detector
	scored    []eval.Scores // by measure; the detector under test first
	report    eval.Report
}

// open opens the feature sets, and gathers what a reader of the figures has to know about them.
func (e *evaluation) open() error {
	e.report.ID = e.opts.id.name
	e.report.Warnings = slices.Clone(e.file.Warnings)
	e.detectors = []detect.Detector{e.file.Detector}
	var err error
	if e.id, err = e.opts.openScored(e.opts.id.path, e.file, e.console); err != nil {
		return err
	}
	e.check(e.opts.id, e.id)
	if source := e.id.Provenance.Source; source != "" && source == e.file.Provenance.Source {
		e.warn(fmt.Sprintf("%s holds features of %s, which the detector was trained on: every detector looks better than it is", e.opts.id.path, source))
	}
	for _, set := range e.opts.ood {
		r, err := e.opts.openScored(set.path, e.file, e.console)
		if err != nil {
			return err
		}
		e.ood = append(e.ood, r)
		e.check(set, r)
		if samePath(set.path, e.opts.id.path) {
			e.warn(fmt.Sprintf("%s is compared with itself", set.path))
		}
	}
	return e.ctx.Err()
}

// close closes the feature sets.
func (e *evaluation) close() {
	for _, r := range append([]*features.Reader{e.id}, e.ood...) {
		if r != nil {
			r.Close()
		}
	}
}

// check warns where it is not known whether a set fits the detector.
func (e *evaluation) check(set named, r *features.Reader) {
	if w := e.file.Unverified(r.Provenance); w != "" {
		e.warn(set.name + ": " + w)
	}
}

// warn adds a warning to the report.
func (e *evaluation) warn(text string) {
	e.report.Warnings = append(e.report.Warnings, text)
	e.tell(text)
}

// addWarnings adds what is known about detectors to the report, nothing twice.
func (e *evaluation) addWarnings(texts ...string) {
	for _, w := range texts {
		if !slices.Contains(e.report.Warnings, w) {
			e.report.Warnings = append(e.report.Warnings, w)
		}
	}
}

// tell writes a warning to stderr too where the report does not show it to who typed the command.
func (e *evaluation) tell(text string) {
	if !e.opts.shown() {
		e.console.warn("%s", text)
	}
}

// gatherScores fills e.scored, from files of scores or with the detectors.
func (e *evaluation) gatherScores() error {
	if e.opts.fromScores {
		return e.readScores()
	}
	if err := e.opts.checkTested(e.file.Detector.Name()); err != nil {
		return err
	}
	if err := e.open(); err != nil {
		return err
	}
	if err := e.fitBaselines(); err != nil {
		return err
	}
	return e.scoreSets()
}

// measure puts the figures into the report.
func (e *evaluation) measure() error {
	e.report.Convention = e.opts.convention.value
	err := interruptibly(e.ctx, func() (err error) {
		e.report.Results, err = eval.EvaluateAs(e.report.Convention, e.opts.setNames(), e.scored)
		return err
	})
	if err != nil {
		return err
	}
	return e.warnOfSquashing()
}

// warnOfSquashing says where the convention's AUROC is not the true one.
func (e *evaluation) warnOfSquashing() error {
	if e.report.Convention == "" {
		return nil
	}
	exact, err := eval.EvaluateAll(e.opts.setNames(), e.scored)
	if err != nil {
		return err
	}
	for i, r := range e.report.Results {
		if math.Abs(r.AUROC-exact[i].AUROC) > 1e-6 {
			e.warn(fmt.Sprintf("%s on %s: the AUROC is %.2f; %s makes scores equal that are not",
				r.Detector, r.OOD, 100*exact[i].AUROC, e.report.Convention))
		}
	}
	return nil
}
