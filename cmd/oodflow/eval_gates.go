package main

import (
	"fmt"
	"slices"
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
A gate is on the set NAME, or without NAME on every set.`

// gateOptions are the flags that say what the detector under test is held against.
type gateOptions struct {
	minAUROC, maxFPR95, minGain []string

	gates eval.Gates // filled by parse
}

// AddFlags defines the flags.
func (o *gateOptions) AddFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&o.minAUROC, "min-auroc", nil, "exit with 3 when the AUROC is below `[NAME=]X`, such as 0.95; repeatable")
	f.StringArrayVar(&o.maxFPR95, "max-fpr95", nil, "exit with 3 when the FPR@95 is above `[NAME=]X`, such as 0.1; repeatable")
	f.StringArrayVar(&o.minGain, "min-gain-over", nil, "exit with 3 when the AUROC is not ahead of a baseline's: `[NAME=]BASELINE[:X]`; repeatable")
	noFiles(cmd, "min-auroc", "max-fpr95")
	complete(cmd, "min-gain-over", cobra.FixedCompletions(detect.Names(), cobra.ShellCompDirectiveNoFileComp))
}

// parse reads the flags and checks that what they name is among sets and baselines.
func (o *gateOptions) parse(sets, baselines []string) error {
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
