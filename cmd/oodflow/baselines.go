package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/oodflow/oodflow/eval"
	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/detect"
)

// baselinesDefault is the word for defaultBaselines in --baselines.
const baselinesDefault = "default"

// defaultBaselines are the detectors most often compared with, and the strongest of their kinds.
var defaultBaselines = []string{"msp", "maxlogit", "energy", "knn", "mahalanobis", "mahalanobis++", "rmd++", "vim"}

// parseBaselines turns --baselines into a list of names without repeats.
func (o *evalOptions) parseBaselines() error {
	switch o.baselinesFlag {
	case "none":
		return nil
	case "all":
		o.baselines = detect.Names()
		return nil
	case "":
		if o.trainFeatures != "" {
			o.baselines = slices.Clone(defaultBaselines)
		}
		return nil
	}
	names, err := parseList("baselines", o.baselinesFlag, append(detect.Names(), baselinesDefault))
	if i := slices.Index(names, baselinesDefault); i >= 0 {
		own := slices.Delete(slices.Clone(names), i, i+1)
		names = slices.Clone(defaultBaselines)
		for _, name := range own {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	o.baselines = names
	return err
}

// fitBaselines makes the detectors of --baselines; those that cannot be made are listed in the report.
func (e *evaluation) fitBaselines() error {
	train, why, err := e.training()
	if err != nil {
		return err
	}
	id, err := e.id.Read(features.Span(0, 1)) // knows the classifier
	if err != nil {
		return err
	}
	for _, name := range e.opts.baselines {
		if name == e.file.Detector.Name() {
			continue // the detector itself, which has its row
		}
		from := []*features.Set{train}
		if !detect.NeedsTraining(name) {
			from = []*features.Set{id, train}
		}
		if from[0] == nil {
			e.skip(name, why)
			continue
		}
		if err := e.fitBaseline(name, from); err != nil {
			return err
		}
	}
	return nil
}

// fitBaseline fits a baseline to the first of these sets, which may be nil but for the first, that has what it takes.
func (e *evaluation) fitBaseline(name string, from []*features.Set) error {
	var d detect.Detector
	var needs *detect.NeedsError
	err := interruptibly(e.ctx, func() (err error) {
		for _, set := range from {
			if set == nil {
				break
			}
			if d, err = e.fit(name, set); !errors.As(err, &needs) {
				break
			}
		}
		return err
	})
	switch {
	case errors.As(err, &needs):
		e.skip(name, err.Error())
		return nil
	case err != nil:
		return fmt.Errorf("fit %s: %w", name, err)
	}
	e.addWarnings(detect.Warnings(d)...)
	e.detectors = append(e.detectors, d)
	return nil
}

// fit makes a baseline. What is to be fused with a flow takes the one under test where there is one, which has been
// trained with more care than a default.
func (e *evaluation) fit(name string, set *features.Set) (detect.Detector, error) {
	tested := e.file.Detector
	if l, ok := tested.(labelled); ok {
		tested = l.Detector
	}
	f, ok := tested.(*detect.Flow)
	if name != methodFusion || !ok {
		return detect.Fit(name, set)
	}
	return detect.Fuse(f, e.file.Training, set)
}

func (e *evaluation) skip(name, why string) {
	e.report.Skipped = append(e.report.Skipped, eval.Skip{Detector: name, Reason: why})
	e.tell(fmt.Sprintf("%s is skipped: %s", name, why))
}

// training reads the training features, for baselines that need them: those of --train-features, or those that the
// detector was trained on. Without either it says why.
func (e *evaluation) training() (set *features.Set, why string, err error) {
	needed := slices.ContainsFunc(e.opts.baselines, func(name string) bool {
		return name != e.file.Detector.Name() && detect.NeedsTraining(name)
	})
	if !needed {
		return nil, "", nil
	}
	path, dump := e.opts.trainFeatures, e.opts.dumpOptions
	if path == "" {
		if path, dump, err = findDump(e.file, e.opts.detector); err != nil {
			return nil, fmt.Sprintf("%v; give --train-features", err), nil
		}
		if err := e.opts.checkOutputs(path); err != nil {
			return nil, "", err
		}
		e.console.note("baselines are fitted to %s", path)
	}
	r, err := dump.openScored(path, e.file, e.console)
	if err != nil {
		return nil, "", err
	}
	defer r.Close()
	set, err = whole(r, path)
	return set, "", err
}
