package eval

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// WriteMarkdown renders the report as a Markdown table, one row for each OOD set and detector, metrics in percent,
// AUROCs that are [Result.Best] and the best of the other metrics of a set in bold, followed by the definitions,
// skipped detectors, warnings and gates. p is [Result.PValue]; OSCR has a column where it is known.
func (r *Report) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	oscr := slices.ContainsFunc(r.Results, func(res Result) bool { return res.OSCR != nil })
	head := []string{"AUROC", r.within(), "p", "AUPR-in", "AUPR-out", "FPR@95", r.within(), "detection error", "AUTC"}
	if oscr {
		head = append(head, "OSCR")
	}
	b.WriteString("| OOD set | detector | n_id | n_ood | " + strings.Join(head, " | ") + " |\n")
	b.WriteString("|---|---|---:|---:|" + strings.Repeat("---:|", len(head)) + "\n")
	compared := false
	for _, g := range r.groups() {
		best := bestOf(g)
		spreads := r.means(g[0].OOD)
		for i, res := range g {
			fmt.Fprintf(&b, "| %s | %s | %d | %d |", markdownText(res.OOD), markdownText(res.Detector), res.NID, res.NOOD)
			cells := markdownCells(res, best, len(g) > 1, oscr)
			if i < len(spreads) {
				cells[markdownAUROCInterval] = strings.TrimSpace(spreads[i].AUROC.String())
				cells[markdownFPRInterval] = strings.TrimSpace(spreads[i].FPR95.String())
			}
			b.WriteString(" " + strings.Join(cells, " | ") + " |\n")
		}
		compared = compared || len(g) > 1
	}
	for _, name := range r.groupNames() {
		for _, m := range r.means(name) {
			b.WriteString(markdownMean(m, len(head)))
		}
	}
	fmt.Fprintf(&b, "\nID set: %s. ", markdownText(r.ID))
	b.WriteString(strings.Join(r.legend("bold", compared), "\n") + "\n")
	list(&b, r)
	_, err := io.WriteString(w, b.String())
	return err
}

// Where intervals are in the cells of a row.
const (
	markdownAUROCInterval = 1
	markdownFPRInterval   = 6
)

// markdownMean is the row of a mean over a group.
func markdownMean(m Mean, cells int) string {
	row := make([]string, cells)
	row[0], row[markdownAUROCInterval] = percent(m.AUROC.Mean), strings.TrimSpace(m.AUROC.String())
	row[3], row[4], row[5] = percent(m.AUPRIn.Mean), percent(m.AUPROut.Mean), percent(m.FPR95.Mean)
	row[markdownFPRInterval] = strings.TrimSpace(m.FPR95.String())
	return fmt.Sprintf("| %s | %s | | | %s |\n", markdownText(m.title()), markdownText(m.Detector), strings.Join(row, " | "))
}

func markdownCells(res, best Result, compared, oscr bool) []string {
	cells := []string{
		emphasis(percent(res.AUROC), compared && res.Best),
		percent(res.AUROCLow) + " - " + percent(res.AUROCHigh),
		pValue(res.PValue),
		emphasis(percent(res.AUPRIn), res.AUPRIn == best.AUPRIn),
		emphasis(percent(res.AUPROut), res.AUPROut == best.AUPROut),
		emphasis(percent(res.FPR95), res.FPR95 == best.FPR95),
		percent(res.FPR95Low) + " - " + percent(res.FPR95High),
		emphasis(percent(res.DetectionError), res.DetectionError == best.DetectionError),
		emphasis(percent(res.AUTC), res.AUTC == best.AUTC),
	}
	switch {
	case oscr && res.OSCR != nil:
		cells = append(cells, emphasis(percent(*res.OSCR), best.OSCR != nil && *res.OSCR == *best.OSCR))
	case oscr:
		cells = append(cells, "")
	}
	return cells
}

// pValue writes a p-value with two digits, or nothing where there is none.
func pValue(p *float64) string {
	switch {
	case p == nil:
		return ""
	case *p < 0.0001:
		return "<0.0001"
	}
	return fmt.Sprintf("%.2g", *p)
}

func list(b *strings.Builder, r *Report) {
	if len(r.Skipped)+len(r.Warnings)+len(r.Gates) > 0 {
		b.WriteByte('\n')
	}
	for _, s := range r.Skipped {
		fmt.Fprintf(b, "- skipped %s: %s\n", markdownText(s.Detector), markdownText(s.Reason))
	}
	for _, s := range r.Warnings {
		fmt.Fprintf(b, "- warning: %s\n", markdownText(s))
	}
	for _, g := range r.Gates {
		fmt.Fprintf(b, "- gate %s\n", markdownText(g.String()))
	}
}

func emphasis(s string, on bool) string {
	if on {
		return "**" + s + "**"
	}
	return s
}

// markdownText keeps a name from breaking the table or becoming markup.
func markdownText(s string) string {
	return strings.NewReplacer("\\", "\\\\", "|", "\\|", "*", "\\*", "_", "\\_", "`", "\\`", "<", "&lt;", "\n", " ").Replace(s)
}
