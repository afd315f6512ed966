package eval

import (
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown renders the report as a Markdown table, one row for each OOD set and detector, metrics in percent, the best
// of a set in bold, followed by the definitions, skipped detectors, warnings and gates.
func (r *Report) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString("| OOD set | detector | n_id | n_ood | AUROC | 95 % interval | AUPR-in | AUPR-out | FPR@95 |\n")
	b.WriteString("|---|---|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, g := range r.groups() {
		best := bestOf(g)
		for _, res := range g {
			fmt.Fprintf(&b, "| %s | %s | %d | %d | %s | %.2f - %.2f | %s | %s | %s |\n",
				markdownText(res.OOD), markdownText(res.Detector), res.NID, res.NOOD,
				markdownMetric(res.AUROC, best.AUROC), 100*res.AUROCLow, 100*res.AUROCHigh,
				markdownMetric(res.AUPRIn, best.AUPRIn), markdownMetric(res.AUPROut, best.AUPROut),
				markdownMetric(res.FPR95, best.FPR95))
		}
	}
	fmt.Fprintf(&b, "\nID set: %s. Metrics in percent.\n", markdownText(r.ID))
	b.WriteString(strings.Join(definitions, "\n") + "\n")
	list(&b, r)
	_, err := io.WriteString(w, b.String())
	return err
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

func markdownMetric(v, best float64) string {
	if v == best {
		return fmt.Sprintf("**%.2f**", 100*v)
	}
	return fmt.Sprintf("%.2f", 100*v)
}

// markdownText keeps a name from breaking the table or becoming markup.
func markdownText(s string) string {
	return strings.NewReplacer("\\", "\\\\", "|", "\\|", "*", "\\*", "_", "\\_", "`", "\\`", "<", "&lt;", "\n", " ").Replace(s)
}
