package eval

import (
	"errors"
	"fmt"
	"slices"
)

// Apply holds the detector under test against the gates and replaces r.Gates: one result for each gate and OOD
// set it applies to. Every gate counts: a general one and one for a single set must both be reached. A set
// name that is not in the report is an error, as in [CheckGates], and so is a gate on a set without a result
// of that detector or of the baseline: a gate never passes for want of a figure.
func (r *Report) Apply(gates Gates) error {
	groups := r.groups()
	var sets []string
	for _, group := range groups {
		sets = append(sets, group[0].OOD)
	}
	if err := CheckGates(gates.Bounds, sets); err != nil {
		return err
	}
	if len(gates.Bounds) > 0 && len(groups) == 0 {
		return errors.New("gates: there are no results to hold them against")
	}
	results := []GateResult{}
	for _, g := range gates.Bounds {
		for _, group := range groups {
			if g.OOD != "" && g.OOD != group[0].OOD {
				continue
			}
			res, err := r.hold(g, group)
			if err != nil {
				return err
			}
			results = append(results, res)
		}
	}
	r.Gates = results
	return nil
}

// hold measures a gate on the results of one OOD set.
func (r *Report) hold(g Gate, group []Result) (GateResult, error) {
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
	return g.measure(res, against), nil
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

// measure holds one result against the gate; against is the baseline's of a gain.
func (g Gate) measure(res, against Result) GateResult {
	out := GateResult{
		Detector: res.Detector, OOD: res.OOD, Metric: g.Metric, Baseline: g.Baseline,
		Threshold: g.Bound, Strict: g.Strict, Value: g.value(res, against),
	}
	out.Margin = out.Value - g.Bound
	if g.Metric == GateFPR95 {
		out.Margin = g.Bound - out.Value
	}
	out.Passed = out.Margin > 0 || out.Margin == 0 && !g.Strict
	return out
}
