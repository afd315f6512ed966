package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oodflow/oodflow/eval"
	"github.com/oodflow/oodflow/internal/detect"
)

// gateHelp explains gates, for the help of eval.
const gateHelp = `Gates make the command fail with exit status 3 when the detector misses them; the
report is written all the same and says by how much.
  --min-auroc [NAME=]X      the AUROC is at least X, such as 0.95
  --max-fpr95 [NAME=]X      the FPR@95 is at most X
  --min-gain-over [NAME=]BASELINE[:X]
                            the AUROC is ahead of BASELINE's by at least X, or by
                            anything; a negative X lets it be that much behind.
                            BASELINE is added to the table
A gate is on the set NAME, or without NAME on every set. With --confidence 0.95 the
figure has to keep the bound with the cautious end of its two-sided confidence
interval, so that images that happen to be easy do not pass a detector.

--compare REPORT.json, a former report in JSON, fails when the detector's AUROC has
become significantly worse on any of the sets in it: when the interval of the
change, at --confidence (0.95) for all sets together, lies below zero. If both
reports have been written --with-scores, from the same images in the same order, the
test is the paired one of DeLong, which finds small losses; otherwise it takes the
images for others, and misses some.`

// gateOptions are the flags that say what the detector under test is held against.
type gateOptions struct {
	minAUROC, maxFPR95, minGain []string
	confidence                  string
	compare                     string
	withScores                  bool

	gates eval.Gates // filled by parse and openPrevious
}

// AddFlags defines the flags.
func (o *gateOptions) AddFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&o.minAUROC, "min-auroc", nil, "exit with 3 when the AUROC is below `[NAME=]X`, such as 0.95; repeatable")
	f.StringArrayVar(&o.maxFPR95, "max-fpr95", nil, "exit with 3 when the FPR@95 is above `[NAME=]X`, such as 0.1; repeatable")
	f.StringArrayVar(&o.minGain, "min-gain-over", nil, "exit with 3 when the AUROC is not ahead of a baseline's: `[NAME=]BASELINE[:X]`; repeatable")
	f.StringVar(&o.confidence, "confidence", "", "hold confidence intervals at `LEVEL`, such as 0.95, against the gates instead of the figures")
	f.StringVar(&o.compare, "compare", "", "exit with 3 when the AUROC is significantly worse than in `REPORT.json`")
	completeFiles(cmd, "compare", "json")
	f.BoolVar(&o.withScores, "with-scores", false, "keep the detector's scores in a JSON report, for --compare")
	noFiles(cmd, "min-auroc", "max-fpr95", "confidence")
	complete(cmd, "min-gain-over", cobra.FixedCompletions(detect.Names(), cobra.ShellCompDirectiveNoFileComp))
}

// parse reads the flags and checks that what they name is among sets and baselines.
func (o *gateOptions) parse(sets, baselines []string) error {
	if err := o.parseConfidence(); err != nil {
		return err
	}
	for _, flag := range []struct {
		name   string
		values []string
		parse  func(string) (eval.Gate, error)
	}{
		{"min-auroc", o.minAUROC, func(s string) (eval.Gate, error) { return eval.ParseGate(eval.GateAUROC, s) }},
		{"max-fpr95", o.maxFPR95, func(s string) (eval.Gate, error) { return eval.ParseGate(eval.GateFPR95, s) }},
		{"min-gain-over", o.minGain, eval.ParseGain},
	} {
		for _, s := range flag.values {
			g, err := flag.parse(s)
			if err == nil {
				err = checkGate(g, sets, baselines)
			}
			if err != nil {
				return &usageError{fmt.Errorf("--%s: %w", flag.name, err)}
			}
			o.gates.Bounds = append(o.gates.Bounds, g)
		}
	}
	return nil
}

func (o *gateOptions) parseConfidence() error {
	if o.confidence == "" {
		return nil
	}
	level, err := strconv.ParseFloat(o.confidence, 64)
	switch {
	case err == nil && level > 1 && level < 100:
		return withHint(usagef("--confidence %s: want a fraction above 0 and below 1", o.confidence), "write --confidence %.4g", level/100)
	case err != nil || !(level > 0 && level < 1):
		return usagef("--confidence %s: want a fraction above 0 and below 1", o.confidence)
	case len(o.minAUROC)+len(o.maxFPR95)+len(o.minGain) == 0 && o.compare == "":
		return usagef("--confidence is of no use without a gate or --compare")
	}
	o.gates.Confidence = level
	return nil
}

// openPrevious reads the report of --compare and checks that it can be held against one on these sets.
func (o *gateOptions) openPrevious(id string, sets []string) error {
	if o.compare == "" {
		return nil
	}
	f, err := os.Open(o.compare)
	if err != nil {
		return fmt.Errorf("read %s: %w", o.compare, reason(err))
	}
	defer f.Close()
	if o.gates.Previous, err = eval.ReadJSON(f); err != nil {
		return withHint(fmt.Errorf("read %s: %w", o.compare, reason(err)), "--compare takes what eval --format json wrote")
	}
	return withHint(eval.CheckPrevious(o.gates.Previous, id, sets), "name the sets as in %s: --id NAME=FEATURES, --ood NAME=FEATURES", o.compare)
}

// applyGates holds the results against the gates.
func (e *evaluation) applyGates() error {
	tested := e.scored[0]
	kept := &eval.KeptScores{ID: tested.ID, OOD: map[string][]float64{}}
	for i, set := range e.opts.ood {
		kept.OOD[set.name] = tested.OOD[i]
	}
	e.report.Scores = kept
	if err := e.report.Apply(e.opts.gates); err != nil {
		return err
	}
	if !e.opts.withScores {
		e.report.Scores = nil
	}
	return nil
}

// failedGates is the error for the gates that were missed, nil when there are none.
func (e *evaluation) failedGates() error {
	var failed []string
	for _, g := range e.report.Gates {
		if !g.Passed {
			failed = append(failed, g.Line())
		}
	}
	if failed == nil {
		return nil
	}
	return fmt.Errorf("%w: %s", errGate, strings.Join(failed, "; "))
}

// checkGate refuses a gate on a set or a baseline that there is not.
func checkGate(g eval.Gate, sets, baselines []string) error {
	if err := eval.CheckGates([]eval.Gate{g}, sets); err != nil {
		if n := nearest(g.OOD, sets); n != "" {
			g.OOD = n
			err = withHint(err, "did you mean %s?", g)
		}
		return err
	}
	if g.Baseline == "" || slices.Contains(baselines, g.Baseline) {
		return nil
	}
	err := fmt.Errorf("gate %s: there is no baseline %q (the baselines are %s)", g, g.Baseline, strings.Join(baselines, ", "))
	if n := nearest(g.Baseline, baselines); n != "" {
		g.Baseline = n
		return withHint(err, "did you mean %s?", g)
	}
	return err
}

// leftBehind are the detectors that gates want to see left behind, none twice.
func (o *gateOptions) leftBehind() []string {
	var names []string
	for _, g := range o.gates.Bounds {
		if g.Baseline != "" && !slices.Contains(names, g.Baseline) {
			names = append(names, g.Baseline)
		}
	}
	return names
}

// checkTested refuses a gate that wants the detector under test to be ahead of itself.
func (o *gateOptions) checkTested(name string) error {
	if slices.Contains(o.leftBehind(), name) {
		return usagef("--min-gain-over %s: %s is the detector under test", name, name)
	}
	return nil
}
