package eval

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Apply holds the detector under test against the gates and replaces r.Gates: one result for each gate and OOD
// set it applies to, and one for each set of the former report. A gate may name a group of sets, too, whose mean it is then on. Every gate counts: a general one and one for a single set
// must both be reached. A set name that is not in the report is an error, as in [CheckGates] and [CheckPrevious], and so
// is a gate on a set without a result of that detector or of the baseline: a gate never passes for want of a figure.
//
// A confidence other than [Level] is computed from r.Scores.
func (r *Report) Apply(gates Gates) error {
	groups, names := r.groups(), r.groupNames()
	if err := CheckGates(gates.Bounds, append(r.sets(), names...)); err != nil {
		return err
	}
	if r.several() && (gates.Confidence != 0 || gates.Previous != nil) {
		return errors.New("gates: means over several runs have no confidence interval to hold against a gate or a former report")
	}
	if len(gates.Bounds) > 0 && len(groups) == 0 {
		return errors.New("gates: there are no results to hold them against")
	}
	groups = append(groups, r.groupResults()...)
	results := []GateResult{}
	for _, g := range gates.Bounds {
		for _, group := range groups {
			if g.OOD != group[0].OOD && (g.OOD != "" || slices.Contains(names, group[0].OOD)) {
				continue
			}
			res, err := r.hold(g, group, gates.Confidence)
			if err != nil {
				return err
			}
			results = append(results, res)
		}
	}
	if gates.Previous != nil {
		changes, err := r.changes(gates.Previous, gates.Confidence)
		if err != nil {
			return err
		}
		results = append(results, changes...)
	}
	r.Gates = results
	return nil
}

// groupResults are the means over each group of sets as results on it.
func (r *Report) groupResults() [][]Result {
	var groups [][]Result
	for _, name := range r.groupNames() {
		var results []Result
		for _, m := range r.means(name) {
			results = append(results, m.asResult())
		}
		groups = append(groups, results)
	}
	return groups
}

// sets are the names of the OOD sets in the order of the report.
func (r *Report) sets() []string {
	var sets []string
	for _, group := range r.groups() {
		sets = append(sets, group[0].OOD)
	}
	return sets
}

// hold measures a gate on the results of one OOD set.
func (r *Report) hold(g Gate, group []Result, confidence float64) (GateResult, error) {
	res, err := r.find(group, r.tested())
	if err != nil {
		return GateResult{}, err
	}
	var against Result
	if g.Metric == GateGain {
		if against, err = r.find(group, g.Baseline); err != nil {
			return GateResult{}, err
		}
	}
	out := GateResult{
		Detector: res.Detector, OOD: res.OOD, Metric: g.Metric, Baseline: g.Baseline,
		Threshold: g.Bound, Strict: g.Strict, Value: g.value(res, against),
	}
	if confidence != 0 {
		if out.Interval, err = r.interval(g, res, against, confidence); err != nil {
			return GateResult{}, fmt.Errorf("gate %s on %s: %w", g, res.OOD, err)
		}
	}
	out.judge()
	return out, nil
}

// judge fills in Margin and Passed.
func (g *GateResult) judge() {
	low, high := g.Value, g.Value
	if g.Interval != nil {
		low, high = g.Interval.Low, g.Interval.High
	}
	g.Margin = low - g.Threshold
	if g.Metric == GateFPR95 {
		g.Margin = g.Threshold - high
	}
	g.Passed = g.Margin > 0 || g.Margin == 0 && !g.Strict
}

// interval is the confidence interval of what the gate is on.
func (r *Report) interval(g Gate, res, against Result, level float64) (*Interval, error) {
	if slices.Contains(r.groupNames(), res.OOD) {
		return nil, errors.New("the mean over a group has no confidence interval")
	}
	i := &Interval{Level: level}
	var err error
	switch {
	case g.Metric == GateGain:
		i.Low, i.High, err = gainOf(res, against).Interval(level)
	case level == Level && g.Metric == GateFPR95:
		i.Low, i.High = res.FPR95Low, res.FPR95High
	case level == Level:
		i.Low, i.High = res.AUROCLow, res.AUROCHigh
	default:
		var c *Comparison
		if c, err = r.compared(res.OOD); err != nil {
			return nil, err
		}
		of := c.AUROCInterval
		if g.Metric == GateFPR95 {
			of = c.FPR95Interval
		}
		i.Low, i.High, err = of(level)
	}
	return i, err
}

// gainOf is what the detector under test is ahead of another by. Its standard error is not known where both were not compared.
func gainOf(res, against Result) Difference {
	d := Difference{Value: res.AUROC - against.AUROC, SE: math.NaN()}
	if against.GainSE != nil {
		d.SE = *against.GainSE
	}
	return d
}

// compared are the kept scores of the detector under test on a set.
func (r *Report) compared(ood string) (*Comparison, error) {
	if r.Scores == nil || r.Scores.OOD[ood] == nil {
		return nil, fmt.Errorf("there are no scores on %s to compute an interval from", ood)
	}
	return Compare(r.Scores.ID, r.Scores.OOD[ood])
}

// find returns a detector's result out of a group.
func (r *Report) find(group []Result, detector string) (Result, error) {
	for _, res := range group {
		if res.Detector == detector {
			return res, nil
		}
	}
	k := slices.IndexFunc(r.Skipped, func(s Skip) bool { return s.Detector == detector })
	if k >= 0 {
		return Result{}, fmt.Errorf("gates: there is no result of %s on %s: %s", detector, group[0].OOD, r.Skipped[k].Reason)
	}
	return Result{}, fmt.Errorf("gates: there is no result of %s on %s", detector, group[0].OOD)
}
