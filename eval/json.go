package eval

import (
	"encoding/json"
	"io"
)

// WriteJSON renders the report as indented JSON: {"id", "results": [...], "gates": [...]}, metrics as fractions in
// [0,1]. Both lists are present when empty.
func (r *Report) WriteJSON(w io.Writer) error {
	out := *r
	if out.Results == nil {
		out.Results = []Result{}
	}
	if out.Gates == nil {
		out.Gates = []GateResult{}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(out)
}
