package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/oodflow/oodflow/eval"
	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/detect"
	"github.com/oodflow/oodflow/internal/progress"
)

// evaluation is one run of eval on its way to a report.
type evaluation struct {
	ctx     context.Context
	opts    evalOptions
	console *console
	file    *detect.File

	id        *features.Set
	ood       []*features.Set // as opts.ood
	detectors []detect.Detector
	scored    []eval.Scores // by measure; the detector under test first
	report    eval.Report
}

// open reads the feature sets, and gathers what a reader of the figures has to know about them.
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
		s, err := e.opts.openScored(set.path, e.file, e.console)
		if err != nil {
			return err
		}
		e.check(set, s)
		e.ood = append(e.ood, s)
		if samePath(set.path, e.opts.id.path) {
			e.warn(fmt.Sprintf("%s is compared with itself", set.path))
		}
	}
	return e.ctx.Err()
}

// check warns where it is not known whether a set fits the detector.
func (e *evaluation) check(set named, s *features.Set) {
	if w := e.file.Unverified(s.Provenance); w != "" {
		e.warn(set.name + ": " + w)
	}
}

// warn adds a warning to the report.
func (e *evaluation) warn(text string) {
	e.report.Warnings = append(e.report.Warnings, text)
	e.tell(text)
}

// tell writes a warning to stderr too where the report does not show it to who typed the command.
func (e *evaluation) tell(text string) {
	if !e.opts.shown() {
		e.console.warn("%s", text)
	}
}

// piece is how many images are scored between two looks at the clock and the interrupt.
const piece = 1024

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

// scoreSets scores every set with every detector.
func (e *evaluation) scoreSets() error {
	total := e.id.N
	for _, s := range e.ood {
		total += s.N
	}
	meter, finish := e.console.begin("eval", "scores", total*len(e.detectors))
	defer finish()
	for _, d := range e.detectors {
		meter.Note(d.Name())
		s, skip, err := e.scoreWith(d, meter)
		if err != nil {
			return err
		}
		if skip != "" {
			e.skip(d.Name(), skip)
			continue
		}
		e.scored = append(e.scored, s)
	}
	return nil
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

// scoreWith returns the scores of one detector for every set, or why there are none.
func (e *evaluation) scoreWith(d detect.Detector, meter *progress.Meter) (s eval.Scores, skip string, err error) {
	s.Detector, s.Correct = d.Name(), correct(e.id)
	if s.ID, err = e.score(d, e.opts.id, e.id, meter); err != nil {
		return s, e.missing(d, err), e.unlessMissing(d, err)
	}
	for i, set := range e.opts.ood {
		ood, err := e.score(d, set, e.ood[i], meter)
		if err != nil {
			return s, e.missing(d, err), e.unlessMissing(d, err)
		}
		s.OOD = append(s.OOD, ood)
	}
	return s, "", nil
}

// correct tells which images are classified as their labels say, or nil when that is not known of all.
func correct(s *features.Set) []bool {
	predicted := s.Predicted()
	if predicted == nil || s.Labels == nil || slices.Contains(s.Labels, -1) {
		return nil
	}
	right := make([]bool, s.N)
	for i, p := range predicted {
		right[i] = int64(p) == s.Labels[i]
	}
	return right
}

// missing says that a baseline lacks something in the sets. The detector under test must not.
func (e *evaluation) missing(d detect.Detector, err error) string {
	var needs *detect.NeedsError
	if d != e.file.Detector && errors.As(err, &needs) {
		return err.Error()
	}
	return ""
}

func (e *evaluation) unlessMissing(d detect.Detector, err error) error {
	if e.missing(d, err) != "" {
		return nil
	}
	return err
}

// score scores a set piece by piece.
func (e *evaluation) score(d detect.Detector, set named, s *features.Set, meter *progress.Meter) ([]float64, error) {
	scores := make([]float64, 0, s.N)
	for i := 0; i < s.N; i += piece {
		part := rows(s, i, min(i+piece, s.N))
		err := interruptibly(e.ctx, func() error {
			got, err := d.Score(nil, part)
			scores = append(scores, got...)
			return err
		})
		if err != nil {
			if e.ctx.Err() != nil {
				return nil, err
			}
			return nil, fmt.Errorf("score %s with %s: %w", set.path, d.Name(), err)
		}
		meter.Add(part.N)
	}
	return scores, nil
}

// rows is the part of a set from row i to before row j. It shares the set's memory.
func rows(s *features.Set, i, j int) *features.Set {
	part := *s
	part.N = j - i
	part.Features = s.Features[i*s.D : j*s.D]
	part.IDs = s.IDs[i:j]
	if s.Logits != nil {
		part.Logits = s.Logits[i*s.C : j*s.C]
	}
	if s.Labels != nil {
		part.Labels = s.Labels[i:j]
	}
	return &part
}
