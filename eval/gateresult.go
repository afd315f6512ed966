package eval

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// GateResult is what became of a gate on one OOD set.
type GateResult struct {
	Detector  string    `json:"detector"`
	OOD       string    `json:"ood"`
	Metric    string    `json:"metric"`             // "auroc", "fpr95", "auroc_gain" or "auroc_change"
	Baseline  string    `json:"baseline,omitempty"` // of a gain: the detector to be ahead of
	Threshold float64   `json:"threshold"`          // the gate's Bound
	Strict    bool      `json:"strict,omitempty"`   // being at the threshold is not enough
	Value     float64   `json:"value"`              // what was measured
	Interval  *Interval `json:"interval,omitempty"` // of the value; present when its cautious end was held against the threshold
	Change    *Change   `json:"change,omitempty"`   // of a GateChange: what it is against
	Margin    float64   `json:"margin"`             // how far value, or the interval's end that decides, is on the right side; negative when the gate failed
	Passed    bool      `json:"passed"`
}

// Interval is a two-sided confidence interval.
type Interval struct {
	Level float64 `json:"level"` // for example 0.95
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// Passed tells whether every gate was reached; it is true when there are none.
func (r *Report) Passed() bool {
	return !slices.ContainsFunc(r.Gates, func(g GateResult) bool { return !g.Passed })
}

// Name says what the gate asks for, without what was measured: "AUROC at least 0.95".
func (g GateResult) Name() string {
	bound := strconv.FormatFloat(g.Threshold, 'g', -1, 64)
	switch {
	case g.Metric == GateChange:
		return "no significant loss of AUROC"
	case g.Metric == GateFPR95:
		return "FPR@95 at most " + bound
	case g.Strict:
		return g.what() + " above " + bound
	}
	return g.what() + " at least " + bound
}

// String says in one line whether the gate was reached and by how much, in percent.
func (g GateResult) String() string {
	verdict := "passed"
	if !g.Passed {
		verdict = "FAILED"
	}
	return verdict + ": " + g.Line()
}

// Line is String without the verdict.
func (g GateResult) Line() string {
	return fmt.Sprintf("%s on %s: %s", g.Detector, g.OOD, g.figures())
}

// figures is Line after the names.
func (g GateResult) figures() string {
	if g.Metric == GateChange {
		return g.change()
	}
	d := g.decimals()
	percent := func(v float64) string { return fmt.Sprintf("%.*f", d, 100*v) }
	s := g.what() + " " + percent(g.Value)
	if i := g.Interval; i != nil {
		s += fmt.Sprintf(" (%s to %s at %g %% confidence)", percent(i.Low), percent(i.High), 100*i.Level)
	}
	keeps, misses := "reaches", "misses"
	if g.Metric == GateFPR95 {
		keeps, misses = "keeps within", "exceeds"
	}
	switch {
	case g.Passed:
		return fmt.Sprintf("%s %s %s with %s to spare", s, keeps, percent(g.Threshold), percent(g.Margin))
	case g.Margin == 0:
		return fmt.Sprintf("%s is not above %s", s, percent(g.Threshold))
	}
	return fmt.Sprintf("%s %s %s by %s", s, misses, percent(g.Threshold), percent(-g.Margin))
}

// what names the figure.
func (g GateResult) what() string {
	switch g.Metric {
	case GateFPR95:
		return "FPR@95"
	case GateGain:
		return "AUROC gain over " + g.Baseline
	}
	return "AUROC"
}

// decimals returns how many decimals of the percentages are needed to tell a failing value from its threshold:
// two, or more when the miss is narrow.
func (g GateResult) decimals() int {
	d := 2
	for !g.Passed && g.Margin < 0 && d < 12 && -100*g.Margin < 0.999*math.Pow10(-d) { // 0.999: rounding of the margin
		d++
	}
	return d
}
