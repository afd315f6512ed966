package main

import (
	"context"
	"slices"

	"github.com/oodflow/oodflow/eval"
	"github.com/oodflow/oodflow/internal/benchmark"
	"github.com/oodflow/oodflow/internal/detect"
	"github.com/oodflow/oodflow/internal/report"
)

// bench is a benchmark on its way to a report.
type bench struct {
	ctx     context.Context
	opts    evalOptions
	console *console
	file    *benchmark.File
	entries []entry // the detectors, the one under test first
	sums    map[string]string
}

func runBenchmark(ctx context.Context, opts evalOptions, c *console) error {
	if err := useBLAS(c); err != nil {
		return err
	}
	file, err := opts.open()
	if err != nil {
		return err
	}
	b := &bench{ctx: ctx, opts: opts, console: c, file: file, sums: map[string]string{}}
	if err := b.validate(); err != nil {
		return err
	}
	var first *evaluation
	var runs []eval.Run
	for _, r := range b.runs() {
		e, err := b.evaluate(r)
		if err != nil {
			return err
		}
		if first == nil {
			first = e
			defer first.close()
		} else {
			e.close()
		}
		first.adopt(e)
		runs = append(runs, eval.Run{Name: r.String(), Results: e.report.Results})
	}
	return b.finish(first, runs)
}

// validate checks the flags against the benchmark, before anything is computed.
func (b *bench) validate() error {
	b.opts.id = named{name: b.file.ID.Name}
	var groups []string
	for _, g := range b.file.Groups {
		groups = append(groups, g.Name)
		for _, s := range g.Sets {
			b.opts.ood = append(b.opts.ood, named{name: s.Name})
		}
	}
	if err := b.opts.parseBaselines(); err != nil {
		return err
	}
	if err := b.listEntries(); err != nil {
		return err
	}
	if err := b.opts.gateOptions.parse(append(b.opts.setNames(), groups...), append(b.labels(), detect.Names()...)); err != nil {
		return err
	}
	for _, name := range b.opts.leftBehind() {
		if !slices.Contains(b.labels(), name) {
			b.entries = append(b.entries, entry{label: name})
		}
	}
	if err := b.opts.checkTested(b.entries[0].label); err != nil {
		return err
	}
	if err := b.opts.parseOutputs(b.inputs()...); err != nil {
		return err
	}
	if err := b.checkSeveral(groups); err != nil {
		return err
	}
	return b.opts.openPrevious(b.opts.id.name, b.opts.setNames())
}

// checkSeveral refuses what makes sense for a single run only, and intervals of groups.
func (b *bench) checkSeveral(groups []string) error {
	if b.opts.confidence != "" {
		for _, g := range b.opts.gates.Bounds {
			if slices.Contains(groups, g.OOD) {
				return usagef("gate %s: the mean over a group has no confidence interval, so not with --confidence", g)
			}
		}
	}
	if len(b.runs()) == 1 {
		return nil
	}
	switch {
	case b.opts.confidence != "":
		return usagef("--confidence is for a single run: the benchmark has %d", len(b.runs()))
	case b.opts.compare != "":
		return usagef("--compare is for a single run: the benchmark has %d", len(b.runs()))
	case b.opts.withScores:
		return usagef("--with-scores is for a single run: the benchmark has %d", len(b.runs()))
	}
	for _, out := range b.opts.outputs {
		if slices.Contains(report.Formats(), out.format) {
			return usagef("the format %s is for a single run: the benchmark has %d", out.format, len(b.runs()))
		}
	}
	return nil
}

// inputs are the files that are read, none of which may be an output.
func (b *bench) inputs() []string {
	in := append(b.opts.images.inputs(), b.opts.detector, b.opts.trainFeatures, b.opts.compare)
	if _, builtin := benchmark.Named(b.opts.benchmark); !builtin {
		in = append(in, b.opts.benchmark)
	}
	for _, r := range b.runs() {
		placed := b.file.In(b.opts.data, r.name)
		in = append(in, placed.Model, placed.Preprocess)
		for _, d := range placed.Detectors {
			if benchmark.IsFile(d) {
				in = append(in, d)
			}
		}
		sets := append(placed.Sets(), placed.ID)
		if placed.Train != nil {
			sets = append(sets, *placed.Train)
		}
		for _, s := range sets {
			in = append(in, s.Features)
			if s.Images != "" {
				o := b.imagesOf(placed, s)
				in = append(in, o.inputs()...)
			}
		}
	}
	return in
}

// finish makes the report of all runs, holds it against the gates and writes it.
func (b *bench) finish(first *evaluation, runs []eval.Run) error {
	var groups []eval.Group
	for _, g := range b.file.Groups {
		group := eval.Group{Name: g.Name}
		for _, s := range g.Sets {
			group.Sets = append(group.Sets, s.Name)
		}
		groups = append(groups, group)
	}
	name := b.file.Name
	if name == "" {
		name = nameOf(b.opts.benchmark)
	}
	merged, err := eval.Summarise(name, groups, runs)
	if err != nil {
		return err
	}
	first.report.Results, first.report.Benchmark = merged.Results, merged.Benchmark
	if err := first.applyGates(); err != nil {
		return err
	}
	if err := b.opts.write(first); err != nil {
		return err
	}
	return first.failedGates()
}

// adopt takes over what another run has to tell beside its results.
func (e *evaluation) adopt(other *evaluation) {
	e.addWarnings(other.report.Warnings...)
	for _, s := range other.report.Skipped {
		if !slices.Contains(e.report.Skipped, s) {
			e.report.Skipped = append(e.report.Skipped, s)
		}
	}
}
