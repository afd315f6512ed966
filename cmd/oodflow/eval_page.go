package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oodflow/oodflow/eval"
	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/flow"
	"github.com/oodflow/oodflow/internal/blas"
	"github.com/oodflow/oodflow/internal/report"
)

// pageHelp explains the forms that are looked at, for the help of eval.
const pageHelp = `--format html writes a page to look at: one file that needs no network, with the
scores of every set, ROC and precision-recall curves, what the threshold lets
through, the course of the training, and the images at both ends of the scores,
where they are found (--thumbnails). --format png and svg write its plots alone:
all on a sheet, or those of one kind (--plot).
`

// pageOptions are the flags of eval for the forms that are looked at: html, png and svg.
type pageOptions struct {
	plot       choice
	thumbnails int
}

// AddFlags defines the flags.
func (o *pageOptions) AddFlags(cmd *cobra.Command) {
	o.plot = choice{value: "all", valid: append([]string{"all"}, report.Plots()...)}
	addChoice(cmd, &o.plot, "plot", "draw `PLOT` as png or svg: "+joinList(o.plot.valid, "or"))
	cmd.Flags().IntVar(&o.thumbnails, "thumbnails", 8, "put `N` images from each end of a set's scores into an HTML report")
	noFiles(cmd, "thumbnails")
}

// validate checks the flags against what is to be written.
func (o *pageOptions) validate(outputs []output) error {
	drawn := false
	for _, out := range outputs {
		if out.format == "png" && out.path == "" {
			return usagef("a PNG needs a file: --format png with --out FILE, or --report png=FILE")
		}
		drawn = drawn || out.format == "png" || out.format == "svg"
	}
	switch {
	case o.thumbnails < 0:
		return usagef("--thumbnails %d: want 0 or more", o.thumbnails)
	case o.plot.value != "all" && !drawn:
		return usagef("--plot is for the formats png and svg")
	}
	return nil
}

// render writes the report in one format.
func (e *evaluation) render(w io.Writer, format string, o eval.Options) error {
	if !slices.Contains(report.Formats(), format) {
		return e.report.Write(w, format, o)
	}
	page, err := e.page(format == "html")
	switch {
	case err != nil:
		return err
	case format == "html":
		return page.WriteHTML(w)
	}
	return page.WritePlots(w, format, e.opts.plot.value)
}

// page gathers what is drawn of an evaluation and, for a whole page, what is said beside it.
func (e *evaluation) page(whole bool) (*report.Evaluation, error) {
	p := &report.Evaluation{
		Figures:  &e.report,
		Training: e.trainingFacts(),
	}
	if e.file != nil {
		p.Threshold = &report.Threshold{Score: e.file.Threshold, HeldOut: e.file.Training.HeldOut}
	}
	for _, s := range e.scored {
		for i, set := range e.opts.ood {
			if err := p.Add(s.Detector, set.name, s.ID, s.OOD[i]); err != nil {
				return nil, err
			}
		}
	}
	if !whole {
		return p, nil
	}
	var err error
	if p.Inputs, err = e.inputs(); err != nil {
		return nil, err
	}
	p.Facts = e.facts()
	p.Sets, err = e.setFacts()
	return p, err
}

// trainingFacts are what the detector file tells of a flow's training; nil of other methods.
func (e *evaluation) trainingFacts() *report.Training {
	var kept trainingReport
	var r flow.Report
	if e.file == nil || json.Unmarshal(e.file.Training.Report, &kept) != nil || json.Unmarshal(kept.Method, &r) != nil || len(r.History) == 0 {
		return nil
	}
	t := &report.Training{
		Images: e.file.Training.Images, Validation: e.file.Training.Validation,
		Reason: r.Reason, Reference: r.ReferenceNLL, Kept: r.ValidNLL,
	}
	for _, p := range r.History {
		t.History = append(t.History, report.Step{Step: p.Step, Train: p.TrainNLL, Valid: p.ValidNLL})
	}
	return t
}

// inputs are the files that were read, with their checksums, and the classifier behind them.
func (e *evaluation) inputs() ([]report.Input, error) {
	all := []report.Input{{Role: "classifier", Name: e.file.Provenance.Classifier, SHA256: e.file.Provenance.ClassifierSHA256}}
	if all[0].Name == "" {
		all = nil
	}
	add := func(role, path, source string) error {
		_, sum, err := checksum(path)
		all = append(all, report.Input{Role: role, Name: path, Source: source, SHA256: sum})
		return err
	}
	if e.opts.detector != "" { // else it was made for this evaluation
		if err := add("detector", e.opts.detector, ""); err != nil {
			return nil, err
		}
	}
	var kept trainingReport
	if json.Unmarshal(e.file.Training.Report, &kept) == nil && kept.Features.SHA256 != "" {
		all = append(all, report.Input{Role: "training features", Name: kept.Features.Path, SHA256: kept.Features.SHA256, Source: e.file.Provenance.Source})
	}
	if e.opts.trainFeatures != "" {
		if err := add("baselines' features", e.opts.trainFeatures, ""); err != nil {
			return nil, err
		}
	}
	return all, e.addSets(add)
}

// addSets adds the files of the sets to the inputs.
func (e *evaluation) addSets(add func(role, path, source string) error) error {
	kind, source := "features", func(r *features.Reader) string { return r.Provenance.Source }
	ood := e.ood
	if e.opts.fromScores {
		kind, source = "scores", func(*features.Reader) string { return "" }
		ood = make([]*features.Reader, len(e.opts.ood))
	}
	if err := add("ID "+kind, e.opts.id.path, source(e.id)); err != nil {
		return err
	}
	for i, set := range e.opts.ood {
		if err := add("OOD "+kind, set.path, source(ood[i])); err != nil {
			return err
		}
	}
	return nil
}

// facts are what else it takes to do this again.
func (e *evaluation) facts() []report.Fact {
	p := e.file.Provenance
	dims := strconv.Itoa(e.file.D)
	all := []report.Fact{
		{Name: "oodflow", Value: buildVersion()},
		{Name: "detector trained by", Value: e.file.Training.Version},
		{Name: "seed", Value: strconv.FormatUint(e.file.Training.Seed, 10)},
		{Name: "features", Value: strings.TrimSpace(dims + " from " + cmp.Or(p.Tensor, "a tensor that is not known") + " " + p.Pool)},
		{Name: "preprocessing", Value: p.Preprocess},
		{Name: "classifier run by", Value: p.Engine},
	}
	if choice, err := blas.Use(); err == nil {
		all = append(all, report.Fact{Name: "BLAS", Value: strings.TrimSpace(choice.Name + " " + choice.Version)})
	}
	return slices.DeleteFunc(all, func(f report.Fact) bool { return f.Value == "" })
}

// setFacts describes the sets, and brings the images at the ends of their scores.
func (e *evaluation) setFacts() ([]report.Set, error) {
	if e.opts.fromScores {
		return nil, nil
	}
	own := e.scored[0]
	sets, scores, from := []*features.Reader{e.id}, [][]float64{own.ID}, []named{e.opts.id}
	sets, scores, from = append(sets, e.ood...), append(scores, own.OOD...), append(from, e.opts.ood...)
	var all []report.Set
	for i, r := range sets {
		set := report.Set{Name: from[i].name, Images: r.N}
		err := interruptibly(e.ctx, func() error { return describe(&set, r) })
		if n := e.opts.thumbnails; n > 0 && err == nil {
			err = e.pictures(&set, r, scores[i], n)
		}
		if e.ctx.Err() != nil {
			return nil, e.ctx.Err()
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", from[i].path, err)
		}
		all = append(all, set)
	}
	return all, nil
}

// mostDescribed bounds the images that say how a set is spread, drawn at random, and so the memory that they need.
const mostDescribed = 20_000

// describe fills in how a set's features are spread.
func describe(set *report.Set, r *features.Reader) error {
	s, err := r.Read(features.Sample(r.N, mostDescribed))
	if err != nil {
		return err
	}
	sum, err := features.Summarize(features.NewReader(s), features.SummaryOptions{MaxRankDim: -1})
	if err != nil {
		return err
	}
	if s.N < r.N {
		set.Sample = s.N
	}
	set.Norm, set.ToleranceOf = sum.Norms.Median, sum.ToleranceOf
	if sum.Uniformity != nil {
		set.Uniformity = &sum.Uniformity.Value
	}
	if sum.Tolerance != nil {
		set.Tolerance = &sum.Tolerance.Value
	}
	return nil
}
