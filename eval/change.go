package eval

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Change is what a result was compared with in a former report.
type Change struct {
	Detector string  `json:"detector"` // the detector that was under test then
	Previous float64 `json:"previous"` // its AUROC
	PValue   float64 `json:"p_value"`  // two-sided, of no change, times the number of sets compared (Bonferroni), at most 1
	Paired   bool    `json:"paired"`   // by a paired test
}

// CheckPrevious returns an error when a former report cannot be held against one on the given ID and OOD sets: it
// has another ID set, or OOD sets that are not among sets. Call it before anything is computed.
func CheckPrevious(previous *Report, id string, sets []string) error {
	if len(previous.Results) == 0 {
		return fmt.Errorf("the former report has no results")
	}
	if previous.ID != id {
		return fmt.Errorf("the former report is on the ID set %q, this one on %q", previous.ID, id)
	}
	for _, set := range previous.sets() {
		if !slices.Contains(sets, set) {
			return fmt.Errorf("the former report has the OOD set %q, this one has not (its sets are %s)", set, strings.Join(sets, ", "))
		}
	}
	return nil
}

// changes compares the AUROCs of the detector under test with those of the detector under test in a former report, on
// every set of that report. A change counts as a loss when the interval of the change, now minus then, lies below zero: at
// the confidence (by default [Level]) for all sets together, that is each at 1 − (1 − confidence)/sets.
//
// Where both reports keep their scores and the numbers of images agree, the interval is that of the paired DeLong test, see
// [Comparison.PairedTest]. It estimates from the scores how much the two move together; were the images not the same, it would find
// that they do not, and be as wide as the other.
//
// Otherwise the interval is made of those that the reports hold, as of independent images: with a the AUROC now, b then,
// and each interval scaled to the level as z to z(0.95),
//
//	low  = a − b − √((a − a_low)² + (b_high − b)²),  high = a − b + √((a_high − a)² + (b − b_low)²)
//
// (Zou and Donner, Statistics in Medicine 27, 2008). For the same images it is too wide, since detectors mostly err on the same
// ones: what it calls a loss is one, but small losses escape it.
func (r *Report) changes(previous *Report, confidence float64) ([]GateResult, error) {
	if err := CheckPrevious(previous, r.ID, r.sets()); err != nil {
		return nil, err
	}
	if confidence == 0 {
		confidence = Level
	}
	groups, before := r.groups(), previous.groups()
	level := 1 - (1-confidence)/float64(len(before))
	var out []GateResult
	for _, then := range before {
		k := slices.IndexFunc(groups, func(g []Result) bool { return g[0].OOD == then[0].OOD })
		now, err := r.find(groups[k], r.tested())
		if err != nil {
			return nil, err
		}
		b, err := previous.find(then, previous.tested())
		if err != nil {
			return nil, fmt.Errorf("former report: %w", err)
		}
		g, err := r.change(now, previous, b, level)
		if err != nil {
			return nil, err
		}
		g.Change.PValue = min(1, g.Change.PValue*float64(len(before)))
		out = append(out, g)
	}
	return out, nil
}

// change compares two results on one set at a level.
func (r *Report) change(now Result, previous *Report, then Result, level float64) (GateResult, error) {
	g := GateResult{
		Detector: now.Detector, OOD: now.OOD, Metric: GateChange, Value: now.AUROC - then.AUROC,
		Interval: &Interval{Level: level}, Change: &Change{Detector: then.Detector, Previous: then.AUROC},
	}
	test, paired, err := r.pairedWith(previous, now.OOD)
	if err != nil {
		return GateResult{}, err
	}
	if paired {
		g.Change.Paired, g.Change.PValue = true, test.PValue
		g.Interval.Low, g.Interval.High, err = test.Interval(level)
	} else {
		g.Interval.Low, g.Interval.High, g.Change.PValue = unpaired(now, then, level)
	}
	g.Margin = g.Interval.High
	g.Passed = g.Margin >= 0
	return g, err
}

// pairedWith compares the scores of two reports on one set, where both have them and of as many images.
func (r *Report) pairedWith(previous *Report, ood string) (d Difference, ok bool, err error) {
	if r.Scores == nil || previous.Scores == nil {
		return d, false, nil
	}
	now, err := r.compared(ood)
	if err != nil {
		return d, false, err
	}
	then, err := previous.compared(ood)
	if err != nil {
		return d, false, fmt.Errorf("former report: %w", err)
	}
	if now.NID() != then.NID() || now.NOOD() != then.NOOD() {
		return d, false, nil
	}
	d, err = now.PairedTest(then)
	return d, !math.IsNaN(d.SE), err
}

// unpaired returns the interval of a change and its two-sided p-value from the intervals of both results.
func unpaired(now, then Result, level float64) (low, high, p float64) {
	d := now.AUROC - then.AUROC
	scale := math.Erfinv(level) / math.Erfinv(Level)
	down := math.Hypot(now.AUROC-now.AUROCLow, then.AUROCHigh-then.AUROC)
	up := math.Hypot(now.AUROCHigh-now.AUROC, then.AUROC-then.AUROCLow)
	towardsZero := up
	if d > 0 {
		towardsZero = down
	}
	p = 1
	if d != 0 {
		p = math.Erfc(math.Abs(d) / towardsZero * math.Erfinv(Level))
	}
	return max(d-scale*down, -1), min(d+scale*up, 1), p
}

// change says what became of the comparison, in percent.
func (g GateResult) change() string {
	c, test := g.Change, "unpaired"
	if c.Paired {
		test = "paired"
	}
	former := "the former"
	if c.Detector != g.Detector {
		former += " " + c.Detector + "'s"
	}
	verdict := "no significant loss"
	if !g.Passed {
		verdict = fmt.Sprintf("a significant loss of %.2f", -100*g.Value)
	}
	return fmt.Sprintf("AUROC %.2f against %s %.2f is %s (%+.2f to %+.2f at %.4g %% confidence, p %s, %s)",
		100*(c.Previous+g.Value), former, 100*c.Previous, verdict, 100*g.Interval.Low, 100*g.Interval.High, 100*g.Interval.Level, pText(c.PValue), test)
}

// pText writes a p-value with as many digits as mean something.
func pText(p float64) string {
	if p < 0.0001 {
		return "below 0.0001"
	}
	return fmt.Sprintf("%.2g", p)
}
