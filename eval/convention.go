package eval

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// The tools whose own numbers can be had, see [Conventions].
const (
	openOOD    = "openood"     // OpenOOD v1.5, compute_all_metrics
	pytorchOOD = "pytorch-ood" // pytorch-ood, OODMetrics, on torchmetrics 1
	vim        = "vim"         // the code of ViM (arXiv:2203.10807), benchmark.py
)

// Conventions lists the tools whose numbers [EvaluateAs] reproduces from the same scores. They leave the definitions of
// AUROC and AUPR as they are, with these exceptions, and differ in the FPR@95, which takes the place of
// [Result.FPR95] and its interval:
//
//   - openood: OOD positive, at the first point of scikit-learn's ROC curve with at least 95 % true positives. That
//     curve leaves out points between two equal steps, which only tied scores make, so the rate is then that of a later
//     threshold than [Comparison.FPR95OODPositive] has.
//   - pytorch-ood: OOD positive. Where one of the scores lies outside [0,1], torchmetrics takes all for logits and puts them
//     through a sigmoid, in float32: scores above 16.7 become equal, and so do those below −88.8. Negated
//     scores always do so for the AUPR-in. Intervals and tests are those of the squashed scores.
//   - vim: ID positive, at the ⌊0.95·n_id⌋-th smallest ID score, where [Comparison.FPR95] rounds up. AUPR-out is of the scores
//     plus one, which rounds small ones.
//
// pytorch-ood adds up in float32; the figures here are those of its definitions in float64, which its own approach to 1e-6.
func Conventions() []string { return []string{openOOD, pytorchOOD, vim} }

// checkConvention accepts the names of [Conventions] and "", which is none of them.
func checkConvention(name string) error {
	if name == "" || slices.Contains(Conventions(), name) {
		return nil
	}
	return fmt.Errorf("unknown convention %q (one of %s)", name, strings.Join(Conventions(), ", "))
}

// measureAs returns what the tool of that name says about the scores, all metrics on an equal footing, and the comparison
// of the scores that the tool works with.
func measureAs(convention string, id, ood []float64) (Result, *Comparison, error) {
	c, err := Compare(id, ood)
	if err == nil && convention == pytorchOOD {
		c, err = Compare(squash(id, ood))
	}
	if err != nil {
		return Result{}, nil, err
	}
	r, err := c.measure()
	if err != nil {
		return Result{}, nil, err
	}
	switch convention {
	case openOOD:
		r.setFPR95(c.fprOpenOOD(), r.FPR95OODPositiveLow, r.FPR95OODPositiveHigh)
	case pytorchOOD:
		r.setFPR95(r.FPR95OODPositive, r.FPR95OODPositiveLow, r.FPR95OODPositiveHigh)
		negativeID, negativeOOD := squash(negated(id), negated(ood))
		r.AUPRIn, err = AUPRIn(negated(negativeID), negated(negativeOOD))
	case vim:
		r.setFPR95(c.fprViM(), r.FPR95Low, r.FPR95High)
		r.AUPROut, err = AUPROut(plusOne(id), plusOne(ood))
	}
	return r, c, err
}

// setFPR95 replaces the FPR@95; the interval is widened to hold it.
func (r *Result) setFPR95(rate, low, high float64) {
	r.FPR95, r.FPR95Low, r.FPR95High = rate, min(low, rate), max(high, rate)
}

// fprOpenOOD walks down the thresholds; one that adds as many images of both kinds as the next is no point of
// scikit-learn's curve, unless it is the first.
func (c *Comparison) fprOpenOOD() float64 {
	var last tie
	var tp, fp, passed int
	for t := range c.ties(false) {
		if tp >= atLeast95(len(c.ood)) && (t != last || passed == 1) {
			break
		}
		tp += t.ood
		fp += t.id
		last = t
		passed++
	}
	return float64(fp) / float64(len(c.id))
}

// fprViM counts in floating point, as ViM does; of a single ID score all is accepted up to it.
func (c *Comparison) fprViM() float64 {
	k := int(math.Floor(0.95 * float64(len(c.id))))
	return float64(atOrBelow(c.ood, c.id[max(k, 1)-1])) / float64(len(c.ood))
}

// squash puts scores through torchmetrics' sigmoid where one of them is no probability. Every step is rounded to
// float32, which decides the ties.
func squash(id, ood []float64) (squashedID, squashedOOD []float64) {
	outside := func(v float64) bool { return !(float32(v) >= 0 && float32(v) <= 1) }
	one := func(v float64) float64 { return float64(float32(v)) }
	if slices.ContainsFunc(id, outside) || slices.ContainsFunc(ood, outside) {
		one = func(v float64) float64 {
			e := float32(math.Exp(-float64(float32(v))))
			return float64(1 / (1 + e))
		}
	}
	return each(id, one), each(ood, one)
}

func negated(x []float64) []float64 { return each(x, func(v float64) float64 { return -v }) }

func plusOne(x []float64) []float64 { return each(x, func(v float64) float64 { return 1 + v }) }

func each(x []float64, f func(float64) float64) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = f(v)
	}
	return out
}
