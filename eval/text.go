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

// definitions stand under the tables; figures of different definitions carry the same names in the literature.
var definitions = []string{
	"AUROC: chance that an OOD image scores above an ID image, with its 95 % interval.",
	"FPR@95: share of OOD images accepted when 95 % of ID images are (ID positive).",
	"AUPR depends on the numbers of images: compare it at equal ones only.",
}

// WriteText renders the report for a terminal, under 80 columns wide with names of ordinary length: one block of
// rows for each OOD set, the detector under test first, metrics in percent, the best of a block marked with *;
// then the definitions, skipped detectors, warnings and gates.
func (r *Report) WriteText(w io.Writer, o Options) error {
	t := textTable{color: o.Color, name: r.nameWidth()}
	fmt.Fprintf(&t.b, "ID %s", r.ID)
	if len(r.Results) > 0 {
		fmt.Fprintf(&t.b, ": %s images", count(r.Results[0].NID))
	}
	t.b.WriteString("\n\n")
	t.header()
	for _, g := range r.groups() {
		fmt.Fprintf(&t.b, "OOD %s: %s images\n", g[0].OOD, count(g[0].NOOD))
		best := bestOf(g)
		for _, res := range g {
			t.row(res, best)
		}
	}
	t.rule()
	for _, line := range append([]string{"Metrics in percent; * marks the best of its OOD set."}, definitions...) {
		t.styled(faint, line)
		t.b.WriteByte('\n')
	}
	t.notes(r)
	t.gates(r.Gates)
	_, err := io.WriteString(w, strings.ReplaceAll(t.b.String(), " \n", "\n"))
	return err
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

func (t *textTable) header() {
	fmt.Fprintf(&t.b, "%s%9s  %15s%10s%10s%8s\n", pad("detector", t.name), "AUROC ", "95 % interval", "AUPR-in ", "AUPR-out ", "FPR@95")
	t.rule()
}

func (t *textTable) rule() {
	t.b.WriteString(strings.Repeat("-", t.name+54) + "\n")
}

func (t *textTable) row(res Result, best Result) {
	t.b.WriteString(pad("  "+res.Detector, t.name))
	t.metric(9, res.AUROC, best.AUROC)
	fmt.Fprintf(&t.b, "  %6.2f - %6.2f", 100*res.AUROCLow, 100*res.AUROCHigh)
	t.metric(10, res.AUPRIn, best.AUPRIn)
	t.metric(10, res.AUPROut, best.AUPROut)
	t.metric(9, res.FPR95, best.FPR95)
	t.b.WriteByte('\n')
}

// metric writes a right-aligned percentage, marked when it is the best.
func (t *textTable) metric(width int, v, best float64) {
	cell := fmt.Sprintf("%.2f ", 100*v)
	t.b.WriteString(strings.Repeat(" ", width-len(cell)))
	if v == best {
		t.styled(bold, strings.TrimSpace(cell)+"*")
		return
	}
	t.b.WriteString(cell)
}

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

// bestOf returns the best value of each metric among the results of one OOD set. Where there is nothing to
// compare it returns values that no result has.
func bestOf(group []Result) Result {
	none := Result{AUROC: -1, AUPRIn: -1, AUPROut: -1, FPR95: 2}
	if len(group) < 2 {
		return none
	}
	best := none
	for _, res := range group {
		best.AUROC = max(best.AUROC, res.AUROC)
		best.AUPRIn = max(best.AUPRIn, res.AUPRIn)
		best.AUPROut = max(best.AUPROut, res.AUPROut)
		best.FPR95 = min(best.FPR95, res.FPR95)
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
