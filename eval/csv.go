package eval

import (
	"encoding/csv"
	"io"
	"slices"
	"strconv"
)

// csvHeader names the columns of [Report.WriteCSV] after the JSON keys. Columns are added at the end only.
var csvHeader = []string{"id", "ood", "detector", "n_id", "n_ood", "auroc", "auroc_low", "auroc_high",
	"aupr_in", "aupr_out", "fpr95", "fpr95_ood_positive", "fpr95_low", "fpr95_high",
	"fpr95_ood_positive_low", "fpr95_ood_positive_high", "detection_error", "autc", "oscr", "p_vs_best", "best"}

// WriteCSV renders the results as CSV with a header: fractions in [0,1] with as many digits as restore the float64
// exactly, empty where there is none; means over groups of sets follow, ood being the group. Gates, skipped detectors
// and warnings are not in it.
func (r *Report) WriteCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	if err := c.Write(csvHeader); err != nil {
		return err
	}
	for _, g := range r.groups() {
		for _, res := range g {
			row := []string{r.ID, res.OOD, res.Detector, strconv.Itoa(res.NID), strconv.Itoa(res.NOOD)}
			for _, v := range []float64{res.AUROC, res.AUROCLow, res.AUROCHigh,
				res.AUPRIn, res.AUPROut, res.FPR95, res.FPR95OODPositive, res.FPR95Low, res.FPR95High,
				res.FPR95OODPositiveLow, res.FPR95OODPositiveHigh, res.DetectionError, res.AUTC} {
				row = append(row, csvNumber(&v))
			}
			row = append(row, csvNumber(res.OSCR), csvNumber(res.PValue), strconv.FormatBool(res.Best))
			if err := c.Write(row); err != nil {
				return err
			}
		}
	}
	for _, g := range r.groupResults() {
		for _, m := range g {
			if err := c.Write(csvMean(r.ID, m)); err != nil {
				return err
			}
		}
	}
	c.Flush()
	return c.Error()
}

// csvMean is the row of a mean over a group.
func csvMean(id string, m Result) []string {
	row := make([]string, len(csvHeader))
	for name, v := range map[string]float64{
		"auroc": m.AUROC, "aupr_in": m.AUPRIn, "aupr_out": m.AUPROut, "fpr95": m.FPR95, "fpr95_ood_positive": m.FPR95OODPositive,
	} {
		row[slices.Index(csvHeader, name)] = csvNumber(&v)
	}
	row[0], row[1], row[2] = id, m.OOD, m.Detector
	return row
}

func csvNumber(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'g', -1, 64)
}
