package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oodflow/oodflow/internal/benchmark"
	"github.com/oodflow/oodflow/internal/detect"
)

// entry is a detector of a benchmark: a method to be fitted, or a file.
type entry struct {
	label string // the name of the method, or what the file goes by
	path  string // as in the benchmark; "" of a method
	flag  bool   // path is that of --detector
}

// random tells whether the detector is another one with another seed.
func (e entry) random() bool { return e.path == "" && e.label == methodFlow }

// listEntries gathers the detectors of --detector, of the benchmark and of --baselines.
func (b *bench) listEntries() error {
	if b.opts.detector != "" {
		file, err := detect.Load(b.opts.detector)
		if err != nil {
			return err
		}
		b.entries = append(b.entries, entry{label: file.Detector.Name(), path: b.opts.detector, flag: true})
	}
	methods := append([]string{methodFlow}, detect.Names()...)
	for _, d := range b.file.Detectors {
		if benchmark.IsFile(d) {
			b.entries = append(b.entries, entry{label: strings.Trim(nameOf(strings.ReplaceAll(d, "<run>", "")), "-_. "), path: d})
			continue
		}
		if !slices.Contains(methods, d) {
			err := fmt.Errorf("%s: there is no detector %q (one of %s, or a file)", b.opts.benchmark, d, strings.Join(methods, ", "))
			if n := nearest(d, methods); n != "" {
				err = withHint(err, "did you mean %s?", n)
			}
			return err
		}
		if b.opts.detector == "" || d != b.entries[0].label { // as --baselines, which leaves the one under test out
			b.entries = append(b.entries, entry{label: d})
		}
	}
	for _, name := range b.opts.baselines {
		if !slices.Contains(b.labels(), name) {
			b.entries = append(b.entries, entry{label: name})
		}
	}
	if len(b.entries) == 0 {
		return withHint(fmt.Errorf("%s names no detectors", b.opts.benchmark), "give --detector FILE or --baselines NAME,..., or name detectors in it")
	}
	for i, name := range b.labels() {
		if slices.Contains(b.labels()[:i], name) {
			return fmt.Errorf("%s: two detectors go by the name %s", b.opts.benchmark, name)
		}
	}
	return nil
}

func (b *bench) labels() []string {
	var names []string
	for _, e := range b.entries {
		names = append(names, e.label)
	}
	return names
}

// labelled is a detector under another name than its method's.
type labelled struct {
	detect.Detector
	label string
}

func (l labelled) Name() string { return l.label }
