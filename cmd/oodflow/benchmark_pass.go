package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oodflow/oodflow/flow"
	"github.com/oodflow/oodflow/internal/benchmark"
	"github.com/oodflow/oodflow/internal/detect"
)

// benchRun is one pass over the sets of a benchmark.
type benchRun struct {
	name   string // out of runs, or ""
	seed   uint64
	others bool // with the detectors that do not depend on the seed
	title  string
}

func (r benchRun) String() string { return r.title }

// runs lists the passes: each of runs with each of seeds, if a flow is trained.
func (b *bench) runs() []benchRun {
	names, seeds := b.file.Runs, b.file.Seeds
	if len(names) == 0 {
		names = []string{""}
	}
	random := slices.ContainsFunc(b.entries, entry.random)
	if len(seeds) == 0 || !random {
		seeds = append(slices.Clone(seeds), 1)[:1]
	}
	var out []benchRun
	for _, name := range names {
		for k, seed := range seeds {
			title := name
			if len(seeds) > 1 || title == "" {
				title = strings.TrimSpace(fmt.Sprintf("%s seed %d", name, seed))
			}
			out = append(out, benchRun{name: name, seed: seed, others: k == 0, title: title})
		}
	}
	return out
}

// evaluate measures the detectors of one pass on all sets.
func (b *bench) evaluate(r benchRun) (*evaluation, error) {
	placed := b.file.In(b.opts.data, r.name)
	var entries []entry
	for _, e := range b.entries {
		if r.others || e.random() {
			entries = append(entries, e)
		}
	}
	opts := b.opts
	opts.baselines = nil
	for _, e := range entries[1:] {
		if e.path == "" && !e.random() {
			opts.baselines = append(opts.baselines, e.label)
		}
	}
	if b.opts.detector == "" && entries[0].path != "" {
		opts.detector = place(b.opts.data, r.name, entries[0].path)
	}
	var err error
	if opts.id.path, err = b.dump(placed, placed.ID); err != nil {
		return nil, err
	}
	opts.ood = nil
	for _, s := range placed.Sets() {
		path, err := b.dump(placed, s)
		if err != nil {
			return nil, err
		}
		opts.ood = append(opts.ood, named{s.Name, path})
	}
	if opts.trainFeatures == "" && placed.Train != nil && slices.ContainsFunc(entries, learns) {
		if opts.trainFeatures, err = b.dump(placed, *placed.Train); err != nil {
			return nil, err
		}
	}
	e := &evaluation{ctx: b.ctx, opts: opts, console: b.console}
	if err := b.measure(e, r, entries); err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

// place is the path of an entry in a run.
func place(dir, run, path string) string {
	return (&benchmark.File{Detectors: []string{path}}).In(dir, run).Detectors[0]
}

// learns tells whether an entry is fitted to training images.
func learns(e entry) bool {
	return e.path == "" && (e.random() || detect.NeedsTraining(e.label))
}

// measure makes the detectors and scores the sets.
func (b *bench) measure(e *evaluation, r benchRun, entries []entry) error {
	var err error
	if e.file, err = b.tested(e, r, entries[0]); err != nil {
		return err
	}
	if err := e.open(); err != nil {
		return err
	}
	for _, other := range entries[1:] {
		if other.path == "" && !other.random() {
			continue // by fitBaselines
		}
		file, err := b.make(e, r, other)
		if err != nil {
			return err
		}
		if err := file.Fits(e.id); err != nil {
			return fmt.Errorf("score %s with %s: %w", e.opts.id.path, other.label, err)
		}
		for _, w := range file.Warnings {
			e.addWarnings(other.label + ": " + strings.TrimPrefix(w, other.label+": "))
		}
		e.detectors = append(e.detectors, labelled{file.Detector, other.label})
	}
	if err := e.fitBaselines(); err != nil {
		return err
	}
	if err := e.scoreSets(); err != nil {
		return err
	}
	return e.measure()
}

// tested makes the detector under test. A method that learns nothing from training images is fitted to the ID set, which knows
// the classifier.
func (b *bench) tested(e *evaluation, r benchRun, first entry) (*detect.File, error) {
	onID := e.opts.trainFeatures == "" && first.path == "" && !learns(first)
	if onID {
		e.opts.trainFeatures = e.opts.id.path
		defer func() { e.opts.trainFeatures = "" }()
	}
	file, err := b.make(e, r, first)
	if err != nil {
		return nil, err
	}
	if onID {
		file.Provenance.Source = "" // it has learnt nothing of it
	}
	if first.label != file.Detector.Name() {
		file.Detector = labelled{file.Detector, first.label}
	}
	return file, nil
}

// make loads or trains a detector, with the defaults of train.
func (b *bench) make(e *evaluation, r benchRun, of entry) (*detect.File, error) {
	switch {
	case of.flag:
		return detect.Load(of.path)
	case of.path != "":
		return detect.Load(place(b.opts.data, r.name, of.path))
	case e.opts.trainFeatures == "":
		return nil, withHint(fmt.Errorf("%s has no train, to fit %s to", b.opts.benchmark, of.label), "name a set as train in it, or give --train-features")
	}
	opt := detect.TrainOptions{Seed: r.seed, Version: moduleVersion()}
	var file *detect.File
	err := interruptibly(b.ctx, func() (err error) {
		set, err := e.opts.openChecked(e.opts.trainFeatures, b.console)
		if err != nil {
			return err
		}
		defer set.Close()
		if !of.random() {
			all, err := whole(set, e.opts.trainFeatures)
			if err != nil {
				return err
			}
			file, err = detect.Train(of.label, all, opt)
			return err
		}
		b.console.note("training %s with seed %d on %s", of.label, r.seed, e.opts.trainFeatures)
		file, _, err = detect.TrainFlow(b.ctx, set, detect.FlowOptions{TrainOptions: opt, Options: flow.DefaultOptions()}, func(flow.Point) {})
		return err
	})
	if err != nil && b.ctx.Err() == nil {
		err = inFile(fmt.Errorf("fit %s to %s: %w", of.label, e.opts.trainFeatures, err), e.opts.trainFeatures)
	}
	return file, err
}
