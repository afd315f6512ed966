package eval

import (
	"fmt"
	"io"
	"slices"
)

// Level is the confidence level of the intervals in a [Result].
const Level = 0.95

// Result is how well one detector separates the ID images from one OOD set. All metrics are fractions in [0,1].
type Result struct {
	Detector         string  `json:"detector"`
	OOD              string  `json:"ood"`                // name of the OOD set
	NID              int     `json:"n_id"`               // ID images
	NOOD             int     `json:"n_ood"`              // OOD images
	AUROC            float64 `json:"auroc"`              // see Comparison.AUROC
	AUROCLow         float64 `json:"auroc_low"`          // see Comparison.AUROCInterval, level 0.95
	AUROCHigh        float64 `json:"auroc_high"`         //
	AUPRIn           float64 `json:"aupr_in"`            // see Comparison.AUPRIn
	AUPROut          float64 `json:"aupr_out"`           // see Comparison.AUPROut
	FPR95            float64 `json:"fpr95"`              // ID positive, see Comparison.FPR95
	FPR95OODPositive float64 `json:"fpr95_ood_positive"` // as OpenOOD, see Comparison.FPR95OODPositive

	FPR95Low             float64 `json:"fpr95_low"`               // see Comparison.FPR95Interval, level 0.95
	FPR95High            float64 `json:"fpr95_high"`              //
	FPR95OODPositiveLow  float64 `json:"fpr95_ood_positive_low"`  // see Comparison.FPR95OODPositiveInterval, level 0.95
	FPR95OODPositiveHigh float64 `json:"fpr95_ood_positive_high"` //

	DetectionError float64  `json:"detection_error"` // see Comparison.DetectionError
	AUTC           float64  `json:"autc"`            // see Comparison.AUTC
	OSCR           *float64 `json:"oscr,omitempty"`  // see OSCR; nil without labels or predictions of the ID images

	// PValue belongs to the hypothesis that this detector's AUROC equals that of the detector with the highest AUROC
	// on the same OOD set: paired DeLong test, adjusted for the number of detectors by Holm's method. nil for that
	// detector itself, and where detectors were not compared.
	PValue *float64 `json:"p_vs_best,omitempty"`

	// GainSE is the standard error of what the detector under test is ahead, that is of its AUROC minus this one, see
	// Difference. nil for that detector itself, and where detectors were not compared or a side has a single image.
	GainSE *float64 `json:"gain_se,omitempty"`

	// Best tells that no other detector was significantly better on this OOD set: it has the highest AUROC, or PValue is
	// at least 0.05.
	Best bool `json:"best"`
}

// Evaluate computes every metric of a detector, given the scores of the ID images and of the OOD set named ood.
// Its errors are those of [Compare], with the detector and the set in front. [EvaluateAll] compares several
// detectors.
func Evaluate(detector, ood string, idScores, oodScores []float64) (Result, error) {
	r, _, err := evaluate("", detector, ood, idScores, oodScores)
	return r, err
}

func evaluate(convention, detector, ood string, idScores, oodScores []float64) (Result, *Comparison, error) {
	r, c, err := measureAs(convention, idScores, oodScores)
	if err != nil {
		return Result{}, nil, fmt.Errorf("evaluate %s on %s: %w", detector, ood, err)
	}
	r.Detector, r.OOD, r.Best = detector, ood, true
	return r, c, nil
}

// measure computes every metric of one comparison.
func (c *Comparison) measure() (Result, error) {
	r := Result{
		NID: c.NID(), NOOD: c.NOOD(),
		AUROC: c.AUROC(), AUPRIn: c.AUPRIn(), AUPROut: c.AUPROut(),
		FPR95: c.FPR95(), FPR95OODPositive: c.FPR95OODPositive(),
		DetectionError: c.DetectionError(), AUTC: c.AUTC(),
	}
	for _, i := range []struct {
		of        func(level float64) (low, high float64, err error)
		low, high *float64
	}{
		{c.AUROCInterval, &r.AUROCLow, &r.AUROCHigh},
		{c.FPR95Interval, &r.FPR95Low, &r.FPR95High},
		{c.FPR95OODPositiveInterval, &r.FPR95OODPositiveLow, &r.FPR95OODPositiveHigh},
	} {
		var err error
		if *i.low, *i.high, err = i.of(Level); err != nil {
			return Result{}, err
		}
	}
	return r, nil
}

// Report is what an evaluation found. The first result's detector is the one under test; gates apply to it, the
// others stand beside it for comparison.
type Report struct {
	ID       string       `json:"id"`                 // name of the ID set
	Results  []Result     `json:"results"`            //
	Gates    []GateResult `json:"gates"`              // see Apply
	Skipped  []Skip       `json:"skipped,omitempty"`  // detectors that could not run
	Warnings []string     `json:"warnings,omitempty"` // what a reader of the figures has to know
	Scores   *KeptScores  `json:"scores,omitempty"`   // of the detector under test; nil where they are not kept

	// Convention is the tool that the metrics are computed like, one of [Conventions], or "" for this package's definitions.
	Convention string `json:"convention,omitempty"`

	Benchmark *Benchmark `json:"benchmark,omitempty"` // groups of sets and runs; nil without
}

// KeptScores are the scores of the detector under test, in the order of the images. A report with them can be compared with
// a later one of the same images by a paired test.
type KeptScores struct {
	ID  []float64            `json:"id"`
	OOD map[string][]float64 `json:"ood"` // by the name of the set
}

// Skip says why a detector is missing from a report.
type Skip struct {
	Detector string `json:"detector"`
	Reason   string `json:"reason"`
}

// tested returns the name of the detector under test, or "" in a report without results.
func (r *Report) tested() string {
	if len(r.Results) == 0 {
		return ""
	}
	return r.Results[0].Detector
}

// groups returns the results by OOD set, both in the order of the report: sets as they first appear, and
// within a set the detector under test first.
func (r *Report) groups() [][]Result {
	var groups [][]Result
	at := map[string]int{}
	for _, res := range r.Results {
		k, ok := at[res.OOD]
		if !ok {
			k = len(groups)
			at[res.OOD] = k
			groups = append(groups, nil)
		}
		groups[k] = append(groups[k], res)
	}
	for _, g := range groups {
		slices.SortStableFunc(g, func(a, b Result) int {
			return order(a.Detector == r.tested()) - order(b.Detector == r.tested())
		})
	}
	return groups
}

func order(first bool) int {
	if first {
		return 0
	}
	return 1
}

// Options says how a report is rendered.
type Options struct {
	Color bool // bold, green and red by ANSI escapes in the text form; default off
}

// Formats lists the formats that [Report.Write] knows.
func Formats() []string {
	return []string{"text", "markdown", "csv", "json", "junit", "github", "gitlab"}
}

// Write renders the report in one of the [Formats].
func (r *Report) Write(w io.Writer, format string, o Options) error {
	switch format {
	case "text":
		return r.WriteText(w, o)
	case "markdown":
		return r.WriteMarkdown(w)
	case "csv":
		return r.WriteCSV(w)
	case "json":
		return r.WriteJSON(w)
	case "junit":
		return r.WriteJUnit(w)
	case "github":
		return r.WriteGitHub(w)
	case "gitlab":
		return r.WriteGitLab(w)
	}
	return fmt.Errorf("write report: unknown format %q (one of %v)", format, Formats())
}
