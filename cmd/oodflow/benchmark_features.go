package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/benchmark"
)

// dump is the file of a set's features. Those of images are extracted unless that has been done.
func (b *bench) dump(placed *benchmark.File, s benchmark.Set) (string, error) {
	if s.Features != "" {
		return s.Features, nil
	}
	opts := extractOptions{imageOptions: b.imagesOf(placed, s), again: b.opts.again}
	if opts.model == "" {
		return "", withHint(fmt.Errorf("%s: %s is a set of images, and no model is named", b.opts.benchmark, s.Name), "give --model, or name a model in it")
	}
	key, err := b.key(opts.imageOptions)
	if err != nil {
		return "", err
	}
	opts.out = filepath.Join(b.opts.cache, fileName(s.Name)+"-"+key+".safetensors")
	if err := b.opts.checkOutputs(opts.out); err != nil {
		return "", err
	}
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

// imagesOf says how features are made of a set of images; flags come before what the benchmark names.
func (b *bench) imagesOf(placed *benchmark.File, s benchmark.Set) imageOptions {
	o := b.opts.images
	o.images, o.root, o.classes, o.limit = s.Images, s.Root, s.Classes, s.Limit
	o.model = cmp.Or(o.model, placed.Model)
	o.preprocess = cmp.Or(o.preprocess, placed.Preprocess)
	o.featureTensor = cmp.Or(o.featureTensor, placed.Tensor)
	return o
}

// fileName makes of the name of a set one that every system takes for a file.
func fileName(set string) string { return regexp.MustCompile(`[^\w.+-]+`).ReplaceAllString(set, "_") }

// key stands for all that the features depend on: the classifier's bytes, the engine, the preprocessing, the class names, and the
// images, as far as name, size and time of the file or folder tell them.
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
	if preprocess, err = b.content(preprocess); err != nil {
		return "", err
	}
	classes, err := b.content(o.classes)
	if err != nil {
		return "", err
	}
	var found []int64
	for _, path := range sourceFiles(o.images) {
		st, err := os.Stat(path)
		switch {
		case err == nil:
			found = append(found, st.Size(), st.ModTime().UnixNano())
		case !strings.Contains(path, "{"): // of shards, which extract opens
			return "", withHint(fmt.Errorf("open images %s: %w", path, reason(err)), "paths in the benchmark start at %s; --benchmark-data DIR names another folder", b.opts.data)
		}
	}
	text, err := json.Marshal([]any{model, o.engine.value, preprocess, o.featureTensor, o.images, o.root, o.classes, classes, o.limit, found})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:6]), nil
}

// content is the SHA-256 of what is a file, and else the word itself.
func (b *bench) content(s string) (string, error) {
	if !isFile(s) {
		return s, nil
	}
	return b.sum(s)
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
