package detect

import (
	"fmt"

	"github.com/oodflow/oodflow/features"
)

// Row is what a detector says about one image. The JSON keys are also the columns of the CSV form.
type Row struct {
	ID        string   `json:"id"`
	OODScore  float64  `json:"ood_score"` // higher is more out-of-distribution
	LogProb   *float64 `json:"log_prob"`  // log density in nats, −ood_score; nil for a method that is no density
	PValue    float64  `json:"p_value"`   // see File.PValue
	IsOOD     bool     `json:"is_ood"`    // ood_score > threshold
	Predicted *int     `json:"predicted"` // class with the largest logit; nil without logits
	Detector  string   `json:"detector"`  // the detector and which one of its name it is; Rows leaves it to the caller
}

// LogDensity is implemented by detectors whose score is −log p(z) in nats.
type LogDensity interface {
	// LogDensity tells whether the score is −log p(z).
	LogDensity() bool
}

// Rows scores every image of s, in order. An image whose score is not finite is an error that names it. s must pass
// [File.Check].
func (f *File) Rows(s *features.Set) ([]Row, error) {
	if err := f.Check(s); err != nil {
		return nil, err
	}
	scores, err := f.Detector.Score(nil, s)
	if err != nil {
		return nil, fmt.Errorf("score with %s: %w", f.Detector.Name(), err)
	}
	if err := checkScores(scores, s); err != nil {
		return nil, err
	}
	density, ok := f.Detector.(LogDensity)
	predicted := s.Predicted()
	rows := make([]Row, s.N)
	for i, score := range scores {
		rows[i] = Row{ID: imageID(s, i), OODScore: score, PValue: f.PValue(score), IsOOD: f.IsOOD(score)}
		if ok && density.LogDensity() {
			logProb := -score
			rows[i].LogProb = &logProb
		}
		if predicted != nil {
			rows[i].Predicted = &predicted[i]
		}
	}
	return rows, nil
}
