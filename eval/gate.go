package eval

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// The metrics that gates are on.
const (
	GateAUROC  = "auroc"        // at least Gate.Bound
	GateFPR95  = "fpr95"        // at most Gate.Bound, ID positive
	GateGain   = "auroc_gain"   // AUROC ahead of Gate.Baseline by at least Gate.Bound
	GateChange = "auroc_change" // AUROC against a former report, see Gates.Previous; not in a Gate
)

// Gate is a bound that a figure of the detector under test has to keep.
type Gate struct {
	Metric   string  // GateAUROC, GateFPR95 or GateGain
	OOD      string  // name of the OOD set it applies to; "" for every set
	Baseline string  // of a GateGain: the detector to be ahead of
	Bound    float64 // a fraction: least AUROC, largest FPR@95, least difference of AUROCs
	Strict   bool    // of a GateGain: the difference has to be above Bound, not at it
}

// Gates is what the detector under test is held against.
type Gates struct {
	Bounds []Gate
	// Confidence is the level of the two-sided intervals whose cautious end has to keep the bounds, for example 0.95; 0, the
	// default, holds the figures themselves against them. At 0.95 a detector that is just short of a bound passes by
	// chance in 2.5 of 100 draws of images, not in 50.
	Confidence float64
	// Previous is a former report, over which no AUROC may be significantly worse, see change; nil for none.
	Previous *Report
}

// ParseGate reads a bound on an AUROC or FPR@95 written as X or NAME=X, X being a fraction, in (0,1] for an AUROC and [0,1) for
// an FPR@95. A gate without a NAME applies to every OOD set. NAME may contain "=", X follows the last one.
func ParseGate(metric, s string) (Gate, error) {
	what := map[string]string{GateAUROC: "an AUROC is a fraction in (0,1]", GateFPR95: "an FPR@95 is a fraction in [0,1)"}[metric]
	g, number, err := cutName(metric, s)
	if err != nil {
		return Gate{}, err
	}
	x, err := strconv.ParseFloat(number, 64)
	switch {
	case err != nil || math.IsNaN(x):
		return Gate{}, fmt.Errorf("gate %q: %q is not a number; write X or NAME=X, for example svhn=0.95", s, number)
	case x > 1 && x <= 100:
		return Gate{}, fmt.Errorf("gate %q: %s; write %s", s, what, asFraction(number, x))
	case x < 0 || x > 1 || metric == GateAUROC && x == 0 || metric == GateFPR95 && x == 1:
		return Gate{}, fmt.Errorf("gate %q: %s", s, what)
	}
	g.Bound = x
	return g, nil
}

// ParseGain reads a [GateGain] written as BASELINE, BASELINE:X, NAME=BASELINE or NAME=BASELINE:X. X, a fraction in (-1,1), is
// the least difference of AUROCs; below zero it lets the detector be that much behind. Without X it has to
// be ahead by anything at all. NAME may contain "=" and ":".
func ParseGain(s string) (Gate, error) {
	g, rest, err := cutName(GateGain, s)
	if err != nil {
		return Gate{}, err
	}
	baseline, number, bounded := strings.Cut(rest, ":")
	g.Baseline, g.Strict = baseline, !bounded
	if baseline == "" {
		return Gate{}, fmt.Errorf("gate %q: no baseline is named; write BASELINE, BASELINE:X or NAME=BASELINE:X, for example svhn=knn:0.01", s)
	}
	if !bounded {
		return g, nil
	}
	x, err := strconv.ParseFloat(number, 64)
	switch {
	case err != nil || math.IsNaN(x):
		return Gate{}, fmt.Errorf("gate %q: %q is not a number; write %s:X, for example %s:0.01", s, number, baseline, baseline)
	case x >= 1 && x <= 100:
		return Gate{}, fmt.Errorf("gate %q: a difference of AUROCs is a fraction in (-1,1); write %s", s, asFraction(number, x))
	case x <= -1 || x >= 1:
		return Gate{}, fmt.Errorf("gate %q: a difference of AUROCs is a fraction in (-1,1)", s)
	}
	g.Bound = x
	return g, nil
}

// cutName splits NAME=REST at the last =.
func cutName(metric, s string) (g Gate, rest string, err error) {
	g.Metric, rest = metric, s
	if k := strings.LastIndexByte(s, '='); k >= 0 {
		g.OOD, rest = s[:k], s[k+1:]
		if g.OOD == "" {
			return Gate{}, "", fmt.Errorf("gate %q: no OOD set is named before the =", s)
		}
	}
	return g, rest, nil
}

// asFraction writes a percentage as the fraction its author probably meant: 95 as 0.95.
func asFraction(number string, percent float64) string {
	fraction := strconv.FormatFloat(percent/100, 'g', len(number), 64)
	return strings.TrimSuffix(fraction, ".")
}

// String writes the gate as the parsers read it.
func (g Gate) String() string {
	s := g.Baseline
	if s != "" && !g.Strict {
		s += ":"
	}
	if !g.Strict {
		s += strconv.FormatFloat(g.Bound, 'g', -1, 64)
	}
	if g.OOD != "" {
		s = g.OOD + "=" + s
	}
	return s
}

// CheckGates returns an error when a gate names an OOD set that is not among sets. Call it before anything is
// computed.
func CheckGates(gates []Gate, sets []string) error {
	for _, g := range gates {
		if g.OOD != "" && !slices.Contains(sets, g.OOD) {
			return fmt.Errorf("gate %s: there is no OOD set %q (the sets are %s)", g, g.OOD, strings.Join(sets, ", "))
		}
	}
	return nil
}

// value is the figure that the gate is on. against is the baseline's result.
func (g Gate) value(res, against Result) float64 {
	switch g.Metric {
	case GateFPR95:
		return res.FPR95
	case GateGain:
		return res.AUROC - against.AUROC
	}
	return res.AUROC
}
