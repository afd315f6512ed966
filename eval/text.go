package eval

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

const (
	bold  = "\x1b[1m"
	green = "\x1b[32m"
	red   = "\x1b[31m"
	faint = "\x1b[2m"
	reset = "\x1b[0m"
)

// Definitions say in a sentence each what the metrics are; figures of different definitions carry the same names in the
// literature.
func (r *Report) Definitions() []string {
	within := ", with its 95 % interval"
	if r.several() {
		within = "" // the standard deviation over runs stands there
	}
	return []string{
		"AUROC: chance that an OOD image scores above an ID image" + within + ".",
		map[string]string{
			"":         "FPR@95: share of OOD images accepted when 95 % of ID images are (ID positive).",
			vim:        "FPR@95: share of OOD images accepted when 95 % of ID images are, as in ViM.",
			openOOD:    "FPR@95 as in OpenOOD: share of ID images rejected when 95 % of OOD images are.",
			pytorchOOD: "All as in pytorch-ood; FPR@95: ID images rejected when 95 % of OOD images are.",
		}[r.Convention],
		"AUPR depends on the numbers of images: compare it at equal ones only.",
	}
}

// WriteText renders the report for a terminal, under 80 columns wide with names of ordinary length: one block of
// rows for each OOD set, the detector under test first, metrics in percent, AUROCs that are [Result.Best] marked with
// *, the best of the other metrics in bold; then the definitions, skipped detectors, warnings and gates. Detection error,
// AUTC, OSCR and p-values are in the other formats.
func (r *Report) WriteText(w io.Writer, o Options) error {
	t := textTable{color: o.Color, name: r.nameWidth()}
	fmt.Fprintf(&t.b, "ID %s", r.ID)
	if len(r.Results) > 0 {
		fmt.Fprintf(&t.b, ": %s images", count(r.Results[0].NID))
	}
	t.b.WriteString("\n\n")
	t.header(r.within())
	groups := r.groups()
	compared := false
	for _, g := range groups {
		fmt.Fprintf(&t.b, "OOD %s: %s images\n", g[0].OOD, count(g[0].NOOD))
		best := bestOf(g)
		spreads := r.means(g[0].OOD)
		for i, res := range g {
			t.row(res, best, len(g) > 1, spreads, i)
		}
		compared = compared || len(g) > 1
	}
	for _, name := range r.groupNames() {
		t.group(r.means(name))
	}
	t.rule()
	for _, line := range r.legend("*", compared) {
		t.styled(faint, line)
		t.b.WriteByte('\n')
	}
	t.notes(r)
	t.gates(r.Gates)
	_, err := io.WriteString(w, strings.ReplaceAll(t.b.String(), " \n", "\n"))
	return err
}

// String is the standard deviation behind a mean, in percent, or nothing for a single run.
func (s Spread) String() string {
	if s.SD == nil {
		return ""
	}
	return fmt.Sprintf("  ± %.2f", 100**s.SD)
}

// legend explains the table. mark is what stands at the best.
func (r *Report) legend(mark string, compared bool) []string {
	if !r.several() {
		return append(legend("Metrics in percent", mark, compared), r.Definitions()...)
	}
	lines := []string{
		fmt.Sprintf("Metrics in percent: means over up to %d runs ± standard deviation; without ±: one run.", len(r.Benchmark.Runs)),
	}
	if compared {
		lines = append(lines, mark+" on an AUROC: none is significantly better on this set in any run.")
	}
	return append(lines, r.Definitions()...)
}

// legend says what mark means, where detectors were compared.
func legend(unit, mark string, compared bool) []string {
	if !compared {
		return []string{unit + "."}
	}
	return []string{fmt.Sprintf("%s; %s on an AUROC: none is significantly better on this set", unit, mark),
		"(paired DeLong test against the highest at 5 %, Holm's correction)."}
}

// within is the heading of the column beside a figure.
func (r *Report) within() string {
	if r.several() {
		return "spread"
	}
	return "95 % interval"
}

// textTable collects the lines of a text report.
type textTable struct {
	b     strings.Builder
	color bool
	name  int // width of the column of detector names
}

func (r *Report) nameWidth() int {
	n := len("detector")
	for _, res := range r.Results {
		n = max(n, 2+utf8.RuneCountInString(res.Detector))
	}
	return n
}

func (t *textTable) header(within string) {
	fmt.Fprintf(&t.b, "%s  AUROC   %s AUPR-in AUPR-out  FPR@95  %s\n", pad("detector", t.name), pad(within, 15), within)
	t.rule()
}

func (t *textTable) rule() {
	t.b.WriteString(strings.Repeat("-", t.name+64) + "\n")
}

// group writes the means over the sets of a group.
func (t *textTable) group(means []Mean) {
	if len(means) == 0 {
		return
	}
	fmt.Fprintf(&t.b, "%s\n", means[0].title())
	var results []Result
	for _, m := range means {
		results = append(results, m.asResult())
	}
	best := bestOf(results)
	for i, res := range results {
		t.row(res, best, false, means, i)
	}
}

// title names what a mean is over.
func (m Mean) title() string {
	if m.Sets == 1 {
		return "Mean of " + m.Over + "-OOD, one set"
	}
	return fmt.Sprintf("Mean of %s-OOD, %d sets", m.Over, m.Sets)
}

// row writes a line of the table. Where there are means behind it, their spread stands in place of intervals.
func (t *textTable) row(res Result, best Result, compared bool, means []Mean, i int) {
	t.b.WriteString(pad("  "+res.Detector, t.name))
	mark := " "
	if compared && res.Best {
		mark = "*"
	}
	t.cell(8, fmt.Sprintf("%.2f%s", 100*res.AUROC, mark), mark == "*")
	aurocWithin, fprWithin := interval(res.AUROCLow, res.AUROCHigh), interval(res.FPR95Low, res.FPR95High)
	if i < len(means) {
		aurocWithin, fprWithin = means[i].AUROC.String(), means[i].FPR95.String()
	}
	t.b.WriteString(pad(aurocWithin, 14))
	t.cell(9, percent(res.AUPRIn), res.AUPRIn == best.AUPRIn)
	t.cell(9, percent(res.AUPROut), res.AUPROut == best.AUPROut)
	t.cell(8, percent(res.FPR95), res.FPR95 == best.FPR95)
	t.b.WriteString(fprWithin + "\n")
}

// cell writes a right-aligned figure, in bold when it is among the best.
func (t *textTable) cell(width int, s string, best bool) {
	t.b.WriteString(strings.Repeat(" ", max(0, width-len(s))))
	if best {
		t.styled(bold, s)
		return
	}
	t.b.WriteString(s)
}

func interval(low, high float64) string { return fmt.Sprintf(" %6.2f-%.2f", 100*low, 100*high) }

func percent(x float64) string { return fmt.Sprintf("%.2f", 100*x) }

func (t *textTable) styled(code, s string) {
	if t.color {
		s = code + s + reset
	}
	t.b.WriteString(s)
}

func (t *textTable) notes(r *Report) {
	for _, s := range r.Skipped {
		fmt.Fprintf(&t.b, "skipped %s: %s\n", s.Detector, s.Reason)
	}
	for _, s := range r.Warnings {
		fmt.Fprintf(&t.b, "warning: %s\n", s)
	}
}

func (t *textTable) gates(gates []GateResult) {
	if len(gates) > 0 {
		t.b.WriteByte('\n')
	}
	for _, g := range gates {
		code := green
		if !g.Passed {
			code = red
		}
		t.b.WriteString("gate ")
		t.styled(code, g.String())
		t.b.WriteByte('\n')
	}
}

// bestOf returns the best value of each metric but the AUROC among the results of one OOD set. Where there is nothing
// to compare it returns values that no result has.
func bestOf(group []Result) Result {
	none := Result{AUPRIn: -1, AUPROut: -1, FPR95: 2, DetectionError: 2, AUTC: 2}
	if len(group) < 2 {
		return none
	}
	best := none
	for _, res := range group {
		best.AUPRIn = max(best.AUPRIn, res.AUPRIn)
		best.AUPROut = max(best.AUPROut, res.AUPROut)
		best.FPR95 = min(best.FPR95, res.FPR95)
		best.DetectionError = min(best.DetectionError, res.DetectionError)
		best.AUTC = min(best.AUTC, res.AUTC)
		if res.OSCR != nil && (best.OSCR == nil || *res.OSCR > *best.OSCR) {
			best.OSCR = res.OSCR
		}
	}
	return best
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

// count writes a number with commas between the thousands.
func count(n int) string {
	s := fmt.Sprint(n)
	for k := len(s) - 3; k > 0; k -= 3 {
		s = s[:k] + "," + s[k:]
	}
	return s
}
