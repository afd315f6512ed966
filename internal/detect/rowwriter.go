package detect

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// RowWriter writes score rows one after the other. Flush must be called at the end.
type RowWriter interface {
	Write(Row) error
	Flush() error
}

// RowFormats lists the formats that [NewRowWriter] knows.
func RowFormats() []string { return []string{"csv", "jsonl"} }

// NewRowWriter returns a writer of the given format. Both hold the same columns for every detector: id, ood_score,
// log_prob, p_value, is_ood, predicted, detector. Numbers have as many digits as restore the float64 exactly.
//   - csv: a header, then a line for each image; what is not known is empty.
//   - jsonl: a JSON object for each image; what is not known is null.
func NewRowWriter(w io.Writer, format string) (RowWriter, error) {
	switch format {
	case "csv":
		c := csv.NewWriter(w)
		return &csvRows{c}, c.Write([]string{"id", "ood_score", "log_prob", "p_value", "is_ood", "predicted", "detector"})
	case "jsonl":
		return newJSONRows(w), nil
	}
	return nil, fmt.Errorf("write scores: unknown format %q (one of %s)", format, strings.Join(RowFormats(), ", "))
}

type csvRows struct{ w *csv.Writer }

func (c *csvRows) Write(r Row) error {
	logProb, predicted := "", ""
	if r.LogProb != nil {
		logProb = formatFloat(*r.LogProb)
	}
	if r.Predicted != nil {
		predicted = strconv.Itoa(*r.Predicted)
	}
	return c.w.Write([]string{r.ID, formatFloat(r.OODScore), logProb, formatFloat(r.PValue),
		strconv.FormatBool(r.IsOOD), predicted, r.Detector})
}

func (c *csvRows) Flush() error {
	c.w.Flush()
	return c.w.Error()
}

func formatFloat(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

type jsonRows struct {
	b *bufio.Writer
	e *json.Encoder
}

func newJSONRows(w io.Writer) *jsonRows {
	b := bufio.NewWriter(w)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	return &jsonRows{b, e}
}

func (j *jsonRows) Write(r Row) error { return j.e.Encode(r) }
func (j *jsonRows) Flush() error      { return j.b.Flush() }
