package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oodflow/oodflow/internal/benchmark"
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
	addEngineFlag(cmd, &o.images.engine, "benchmark: ")
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
