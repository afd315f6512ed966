package eval

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// openMetric is one figure of a result under its name in OpenMetrics text.
type openMetric struct {
	name, help string
	ofMeans    bool // there is one over a group of sets, too
	value      func(Result) float64
}

var openMetrics = []openMetric{
	{"oodflow_auroc", "area under the ROC curve", true, func(r Result) float64 { return r.AUROC }},
	{"oodflow_auroc_low", "lower end of its 95 % confidence interval", false, func(r Result) float64 { return r.AUROCLow }},
	{"oodflow_auroc_high", "upper end of its 95 % confidence interval", false, func(r Result) float64 { return r.AUROCHigh }},
	{"oodflow_aupr_in", "area under the precision-recall curve, ID positive", true, func(r Result) float64 { return r.AUPRIn }},
	{"oodflow_aupr_out", "area under the precision-recall curve, OOD positive", true, func(r Result) float64 { return r.AUPROut }},
	{"oodflow_fpr95", "FPR@95: share of OOD images accepted when 95 % of ID images are, unless another convention was asked for", true, func(r Result) float64 { return r.FPR95 }},
	{"oodflow_fpr95_ood_positive", "share of ID images rejected when 95 % of OOD images are", true, func(r Result) float64 { return r.FPR95OODPositive }},
}

// WriteGitLab renders the report as OpenMetrics text, which GitLab takes as a metrics report (artifacts:reports:metrics) and
// compares between branches: gauges with the labels id, ood (a set, or a group for the mean over it) and detector, fractions in
// [0,1], and for each gate by how much it was reached (below zero: missed). GitLab takes a # for the start of a comment even
// in a label's value, so there it is written %23.
func (r *Report) WriteGitLab(w io.Writer) error {
	var b strings.Builder
	for _, m := range openMetrics {
		fmt.Fprintf(&b, "# TYPE %s gauge\n# HELP %s %s\n", m.name, m.name, m.help)
		groups := r.groups()
		if m.ofMeans {
			groups = append(groups, r.groupResults()...)
		}
		for _, g := range groups {
			for _, res := range g {
				openSample(&b, m.name, m.value(res), "id", r.ID, "ood", res.OOD, "detector", res.Detector)
			}
		}
	}
	if len(r.Gates) > 0 {
		b.WriteString("# TYPE oodflow_gate_margin gauge\n# HELP oodflow_gate_margin by how much a gate was reached; below zero it was missed\n")
	}
	for _, g := range r.Gates {
		openSample(&b, "oodflow_gate_margin", g.Margin, "id", r.ID, "ood", g.OOD, "detector", g.Detector, "gate", g.Name())
	}
	b.WriteString("# EOF\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// openSample writes one line; labels are names and values by turns.
func openSample(b *strings.Builder, name string, v float64, labels ...string) {
	b.WriteString(name + "{")
	for i := 0; i < len(labels); i += 2 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(labels[i] + `="` + openLabel(labels[i+1]) + `"`)
	}
	b.WriteString("} " + strconv.FormatFloat(v, 'g', -1, 64) + "\n")
}

func openLabel(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "#", "%23").Replace(strings.ToValidUTF8(s, "\uFFFD"))
}
