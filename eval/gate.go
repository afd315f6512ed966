package eval

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Gate is a lower bound that the AUROC of the detector under test must reach.
type Gate struct {
	OOD string  // name of the OOD set it applies to; "" for every set
	Min float64 // least AUROC that passes, in (0,1]
}

// GateResult is what became of a gate on one OOD set.
type GateResult struct {
	Detector  string  `json:"detector"`
	OOD       string  `json:"ood"`
	Metric    string  `json:"metric"`    // "auroc"
	Threshold float64 `json:"threshold"` // the gate's Min
	Value     float64 `json:"value"`     // what was measured
	Margin    float64 `json:"margin"`    // value - threshold; negative when the gate failed
	Passed    bool    `json:"passed"`    // value >= threshold
}

// ParseGate reads a gate written as X or NAME=X, X being an AUROC as a fraction in (0,1]. A gate without a NAME
// applies to every OOD set. NAME may contain "=", X follows the last one.
func ParseGate(s string) (Gate, error) {
	var g Gate
	number := s
	if k := strings.LastIndexByte(s, '='); k >= 0 {
		g.OOD, number = s[:k], s[k+1:]
		if g.OOD == "" {
			return Gate{}, fmt.Errorf("gate %q: no OOD set is named before the =", s)
		}
	}
	x, err := strconv.ParseFloat(number, 64)
	switch {
	case err != nil || math.IsNaN(x):
		return Gate{}, fmt.Errorf("gate %q: %q is not a number; write X or NAME=X, for example svhn=0.95", s, number)
	case x > 1 && x <= 100:
		return Gate{}, fmt.Errorf("gate %q: an AUROC is a fraction in (0,1]; write %s", s, asFraction(number, x))
	case x <= 0 || x > 1:
		return Gate{}, fmt.Errorf("gate %q: an AUROC is a fraction in (0,1]", s)
	}
	g.Min = x
	return g, nil
}

// asFraction writes a percentage as the fraction its author probably meant: 95 as 0.95.
func asFraction(number string, percent float64) string {
	fraction := strconv.FormatFloat(percent/100, 'g', len(number), 64)
	return strings.TrimSuffix(fraction, ".")
}

// CheckGates returns an error when a gate names an OOD set that is not among sets. Call it before anything is
// computed.
func CheckGates(gates []Gate, sets []string) error {
	for _, g := range gates {
		if g.OOD != "" && !slices.Contains(sets, g.OOD) {
			return fmt.Errorf("gate %s=%v: there is no OOD set %q (the sets are %s)",
				g.OOD, g.Min, g.OOD, strings.Join(sets, ", "))
		}
	}
	return nil
}

// Apply measures the detector under test against the gates and replaces r.Gates: one result for each gate and OOD
// set it applies to. Every gate counts: a general one and one for a single set must both be reached. A set
// name that is not in the report is an error, as in [CheckGates], and so is a gate on a set without a result
// of that detector: a gate never passes for want of a figure.
func (r *Report) Apply(gates []Gate) error {
	groups := r.groups()
	var sets []string
	for _, group := range groups {
		sets = append(sets, group[0].OOD)
	}
	if err := CheckGates(gates, sets); err != nil {
		return err
	}
	if len(gates) > 0 && len(groups) == 0 {
		return errors.New("gates: there are no results to hold them against")
	}
	results := []GateResult{}
	for _, g := range gates {
		for _, group := range groups {
			if g.OOD != "" && g.OOD != group[0].OOD {
				continue
			}
			if group[0].Detector != r.tested() {
				return fmt.Errorf("gates: there is no result of %s on %s", r.tested(), group[0].OOD)
			}
			results = append(results, g.measure(group[0]))
		}
	}
	r.Gates = results
	return nil
}

func (g Gate) measure(res Result) GateResult {
	return GateResult{
		Detector: res.Detector, OOD: res.OOD, Metric: "auroc",
		Threshold: g.Min, Value: res.AUROC, Margin: res.AUROC - g.Min, Passed: res.AUROC >= g.Min,
	}
}

// Passed tells whether every gate was reached; it is true when there are none.
func (r *Report) Passed() bool {
	return !slices.ContainsFunc(r.Gates, func(g GateResult) bool { return !g.Passed })
}

// String says in one line whether the gate was reached and by how much, in percent.
func (g GateResult) String() string {
	d := gateDecimals(g)
	line := fmt.Sprintf("%s on %s: AUROC %.*f", g.Detector, g.OOD, d, 100*g.Value)
	if g.Passed {
		return fmt.Sprintf("passed: %s reaches %.*f with %.*f to spare", line, d, 100*g.Threshold, d, 100*g.Margin)
	}
	return fmt.Sprintf("FAILED: %s misses %.*f by %.*f", line, d, 100*g.Threshold, d, -100*g.Margin)
}

// gateDecimals returns how many decimals of the percentages are needed to tell a failing value from its threshold:
// two, or more when the miss is narrow.
func gateDecimals(g GateResult) int {
	d := 2
	for !g.Passed && d < 12 && -100*g.Margin < 0.999*math.Pow10(-d) { // 0.999: rounding of the margin
		d++
	}
	return d
}
