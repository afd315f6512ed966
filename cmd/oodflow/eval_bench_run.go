package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/flow"
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
	return e, b.measure(e, r, entries)
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
		if err := file.Check(e.id); err != nil {
			return fmt.Errorf("score %s with %s: %w", e.opts.id.path, other.label, err)
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

// dump is the file of a set's features. Those of images are extracted unless that has been done.
func (b *bench) dump(placed *benchmark.File, s benchmark.Set) (string, error) {
	if s.Features != "" {
		return s.Features, nil
	}
	opts := extractOptions{imageOptions: b.opts.images, again: b.opts.again}
	opts.images, opts.root, opts.classes, opts.limit = s.Images, s.Root, s.Classes, s.Limit
	if opts.model == "" {
		opts.model = placed.Model
	}
	if opts.preprocess == "" {
		opts.preprocess = placed.Preprocess
	}
	if opts.featureTensor == "" {
		opts.featureTensor = placed.Tensor
	}
	if opts.model == "" {
		return "", withHint(fmt.Errorf("%s: %s is a set of images, and no model is named", b.opts.benchmark, s.Name), "give --model, or name a model in it")
	}
	key, err := b.key(opts.imageOptions)
	if err != nil {
		return "", err
	}
	opts.out = filepath.Join(b.opts.cache, fileName(s.Name)+"-"+key+".safetensors")
	if isFile(opts.out) {
		return opts.out, nil
	}
	if err := os.MkdirAll(b.opts.cache, 0o777); err != nil {
		return "", withHint(err, "--benchmark-cache DIR names another folder for features")
	}
	opts.resume = isFile(features.PartPath(opts.out))
	b.console.note("extracting features of %s", s.Name)
	if err := opts.validate(); err != nil {
		return "", err
	}
	return opts.out, runExtract(b.ctx, opts, b.console)
}

// fileName makes of the name of a set one that every system takes for a file.
func fileName(set string) string { return regexp.MustCompile(`[^\w.+-]+`).ReplaceAllString(set, "_") }

// key stands for all that the features depend on: the classifier's bytes, the preprocessing, and the images, as far as name, size
// and time of the file or folder tell them.
func (b *bench) key(o imageOptions) (string, error) {
	model, err := b.sum(o.model)
	if err != nil {
		return "", err
	}
	preprocess := o.preprocess
	if preprocess == "" {
		if preprocess, err = o.findPreprocess(); err != nil {
			return "", err
		}
	}
	if isFile(preprocess) {
		if preprocess, err = b.sum(preprocess); err != nil {
			return "", err
		}
	}
	var size, modified int64
	source := sourcePath(o.images)
	st, err := os.Stat(source)
	switch {
	case err == nil:
		size, modified = st.Size(), st.ModTime().UnixNano()
	case !strings.Contains(source, "{"): // of shards
		return "", withHint(fmt.Errorf("open images %s: %w", o.images, reason(err)), "paths in the benchmark start at %s; --benchmark-data DIR names another folder", b.opts.data)
	}
	text, err := json.Marshal([]any{model, preprocess, o.featureTensor, o.images, o.root, o.classes, o.limit, size, modified})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:6]), nil
}

// sum is the SHA-256 of a file, read once.
func (b *bench) sum(path string) (string, error) {
	if sum, ok := b.sums[path]; ok {
		return sum, nil
	}
	_, sum, err := checksum(path)
	if err != nil {
		return "", err
	}
	b.sums[path] = sum
	return sum, nil
}
