package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oodflow/oodflow/eval"
	"github.com/oodflow/oodflow/internal/benchmark"
	"github.com/oodflow/oodflow/internal/detect"
	"github.com/oodflow/oodflow/internal/report"
)

// benchmarkHelp explains --benchmark, for the help of eval.
const benchmarkHelp = `--benchmark takes ID set, near- and far-OOD sets, classifier and detectors from a
YAML file, or one of 'oodflow benchmarks' such as openood/cifar10. Sets are files
of features, or images, whose features are extracted once and kept in
FILE.features. The first of its detectors, or --detector, is under test; methods
are fitted to its training images, a flow once for each of its seeds. With
several seeds or runs the report has means and their spread. A group's score is
the unweighted mean over its sets; a gate may name a group. 'oodflow schema
benchmark' lets an editor complete such a file.`

// benchmarkOptions are the flags of eval for a benchmark.
type benchmarkOptions struct {
	benchmark string
	data      string
	cache     string
	images    imageOptions // those that make features of images
	again     string       // the command line
}

// benchmarkFlags are the names of the flags that are of use with --benchmark only.
var benchmarkFlags = []string{"benchmark-data", "benchmark-cache", "model", "preprocess", "feature-tensor", "engine", "onnxruntime"}

// AddFlags defines the flags.
func (o *benchmarkOptions) AddFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.benchmark, "benchmark", "", "measure on the sets of a benchmark: `FILE.yaml|NAME`")
	complete(cmd, "benchmark", completeBenchmark)
	f.StringVar(&o.data, "benchmark-data", "", "paths in the benchmark start at `DIR` (default: where the file lies)")
	complete(cmd, "benchmark-data", completeFolders)
	f.StringVar(&o.cache, "benchmark-cache", "", "keep extracted features in `DIR` (default: FILE.features, or NAME.features here)")
	complete(cmd, "benchmark-cache", completeFolders)
	f.StringVar(&o.images.model, "model", "", "benchmark: the classifier, an ONNX `FILE` (default: the file's)")
	completeFiles(cmd, "model", "onnx")
	f.StringVar(&o.images.preprocess, "preprocess", "", "benchmark: preprocess as `FILE|PRESET` says (default: as the file says)")
	complete(cmd, "preprocess", completePreprocess)
	f.StringVar(&o.images.featureTensor, "feature-tensor", "", "benchmark: take features from tensor `NAME`")
	noFiles(cmd, "feature-tensor")
	o.images.engine = choice{value: "auto", valid: []string{"auto", "onnxruntime", "gorgonia"}}
	addChoice(cmd, &o.images.engine, "engine", "benchmark: run the classifier with `ENGINE`: auto, onnxruntime or gorgonia")
	addLibraryFlag(cmd, &o.images.library)
	o.images.maxBad = 0.01 // as extract's --max-bad
}

// completeBenchmark offers the benchmarks that come with the program, and files.
func completeBenchmark(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var found []cobra.Completion
	for _, name := range benchmark.Names() {
		if typed != "" && strings.HasPrefix(name, typed) {
			found = append(found, name)
		}
	}
	return found, cobra.ShellCompDirectiveDefault
}

// checkUse refuses flags that do not go together.
func (o *evalOptions) checkUse(cmd *cobra.Command) error {
	if o.benchmark == "" {
		for _, name := range benchmarkFlags {
			if cmd.Flags().Changed(name) {
				return usagef("--%s is of no use without --benchmark", name)
			}
		}
		return required(cmd, o.required()...)
	}
	for _, name := range []string{"id", "ood", "score-column"} {
		if cmd.Flags().Changed(name) {
			return usagef("--%s is of no use with --benchmark, which names the sets", name)
		}
	}
	return o.images.validate()
}

// open reads the benchmark, and sets where its paths start and where its features are kept.
func (o *benchmarkOptions) open() (*benchmark.File, error) {
	file, builtin := benchmark.Named(o.benchmark)
	dir, cache := ".", strings.ReplaceAll(o.benchmark, "/", "-")+".features"
	if !builtin {
		var err error
		if file, err = benchmark.Open(o.benchmark); err != nil {
			return nil, o.advise(err)
		}
		dir = filepath.Dir(o.benchmark)
		cache = strings.TrimSuffix(o.benchmark, filepath.Ext(o.benchmark)) + ".features"
	}
	if o.data == "" {
		o.data = dir
	}
	if o.cache == "" {
		o.cache = cache
	}
	return file, nil
}

// advise adds what was probably meant.
func (o *benchmarkOptions) advise(err error) error {
	var unknown *benchmark.KeyError
	if errors.As(err, &unknown) {
		if n := nearest(unknown.Key, unknown.Valid); n != "" {
			return withHint(err, "did you mean %s?", n)
		}
	}
	if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if n := nearest(o.benchmark, benchmark.Names()); n != "" {
		return withHint(err, "did you mean %s?", n)
	}
	return withHint(err, "--benchmark takes a file, or one of %s", strings.Join(benchmark.Names(), ", "))
}

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
	if err := b.checkSeveral(groups); err != nil {
		return err
	}
	if err := b.opts.parseOutputs(b.inputs()...); err != nil {
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
	asked := append([]string{b.opts.format.value}, b.opts.reports...)
	for _, format := range report.Formats() {
		if slices.ContainsFunc(asked, func(s string) bool { return s == format || strings.HasPrefix(s, format+"=") }) {
			return usagef("the format %s is for a single run: the benchmark has %d", format, len(b.runs()))
		}
	}
	return nil
}

// inputs are the files that are read, none of which may be an output.
func (b *bench) inputs() []string {
	in := []string{b.opts.detector, b.opts.trainFeatures, b.opts.compare, b.opts.images.model}
	if _, builtin := benchmark.Named(b.opts.benchmark); !builtin {
		in = append(in, b.opts.benchmark)
	}
	for _, r := range b.runs() {
		placed := b.file.In(b.opts.data, r.name)
		in = append(in, placed.Model, placed.ID.Features)
		for _, s := range placed.Sets() {
			in = append(in, s.Features)
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
	first.opts.gateOptions = b.opts.gateOptions
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
	for _, w := range other.report.Warnings {
		if !slices.Contains(e.report.Warnings, w) {
			e.report.Warnings = append(e.report.Warnings, w)
		}
	}
	for _, s := range other.report.Skipped {
		if !slices.Contains(e.report.Skipped, s) {
			e.report.Skipped = append(e.report.Skipped, s)
		}
	}
}

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
