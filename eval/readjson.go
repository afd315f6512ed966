package eval

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
)

// ReadJSON reads a report that [Report.WriteJSON] wrote, of this or a former version: keys that are not known are left out, the
// names, numbers of images and AUROCs with their intervals have to be there and to make sense. What is no such
// report is an error.
func ReadJSON(r io.Reader) (*Report, error) {
	var out Report
	d := json.NewDecoder(r)
	if err := d.Decode(&out); err != nil {
		return nil, fmt.Errorf("not a report in JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("not a report in JSON: something follows it")
	}
	if len(out.Results) == 0 {
		return nil, errors.New("the report has no results")
	}
	seen := map[[2]string]bool{}
	for _, res := range out.Results {
		of := [2]string{res.Detector, res.OOD}
		if err := res.check(); err != nil {
			return nil, fmt.Errorf("result of %q on %q: %w", res.Detector, res.OOD, err)
		}
		if seen[of] {
			return nil, fmt.Errorf("result of %q on %q: is there twice", res.Detector, res.OOD)
		}
		seen[of] = true
	}
	return &out, out.checkScores()
}

// check refuses what Evaluate does not make.
func (r Result) check() error {
	switch {
	case r.Detector == "" || r.OOD == "":
		return errors.New("detector or ood is missing")
	case r.NID < 1 || r.NOOD < 1:
		return fmt.Errorf("numbers of images %d and %d", r.NID, r.NOOD)
	case !(0 <= r.AUROCLow && r.AUROCLow <= r.AUROC && r.AUROC <= r.AUROCHigh && r.AUROCHigh <= 1):
		return fmt.Errorf("AUROC %v with the interval %v to %v", r.AUROC, r.AUROCLow, r.AUROCHigh)
	}
	return nil
}

// checkScores refuses kept scores that do not give the AUROCs they stand beside.
func (r *Report) checkScores() error {
	if r.Scores == nil {
		return nil
	}
	for _, group := range r.groups() {
		res, err := r.find(group, r.tested())
		if err != nil {
			continue // of another detector
		}
		c, err := r.compared(res.OOD)
		if err != nil {
			return fmt.Errorf("scores of %q on %q: %w", res.Detector, res.OOD, err)
		}
		if a := c.AUROC(); math.Abs(a-res.AUROC) > 1e-9 {
			return fmt.Errorf("scores of %q on %q: their AUROC is %v, the result's %v", res.Detector, res.OOD, a, res.AUROC)
		}
	}
	return nil
}
