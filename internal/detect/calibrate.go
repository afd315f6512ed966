package detect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/oodflow/oodflow/features"
)

// File is a detector with all that scoring new images needs. [Save] and [Load] keep it on disk.
type File struct {
	Detector   Detector
	Threshold  float64             // an image is called OOD when its score is above it; see Calibrate
	Reference  []float64           // scores of the held-out ID images, ascending, at least one
	D, C       int                 // features and logits per image of the training set; C is 0 when it had no logits
	Provenance features.Provenance // where the training features came from
	Training   Training
	Warnings   []string // what a reader of the scores has to know
}

// Training says what a detector was made from.
type Training struct {
	Images     int `json:"images"`               // images it was fitted on
	Validation int `json:"validation,omitempty"` // further images that decided when to stop, for a flow
	HeldOut    int `json:"held_out"`             // further images behind Threshold and Reference
	// Calibration is the source of those images where they were not held out of the training images; see File.Recalibrate.
	Calibration string          `json:"calibration,omitempty"`
	Seed        uint64          `json:"seed"`             // of the split and of everything random in the fit
	Version     string          `json:"version"`          // version of oodflow that trained it
	Report      json.RawMessage `json:"report,omitempty"` // what the method has to tell about its fit
}

// TrainOptions are the settings of [Train].
type TrainOptions struct {
	Share   float64 // share of the images to hold out; 0 means DefaultHeld
	Seed    uint64  // of the split
	Version string  // goes into Training.Version
}

// Train fits the baseline called name on a random part of s and calibrates it on the rest; see [Split], [Fit] and
// [Calibrate].
func Train(name string, s *features.Set, opt TrainOptions) (*File, error) {
	if opt.Share == 0 {
		opt.Share = DefaultHeld(s.N)
	}
	fitted, held := Split(s.N, opt.Share, opt.Seed)
	if len(held) == 0 {
		return nil, fmt.Errorf("train %s: %d images are too few to fit on some and hold out others", name, s.N)
	}
	d, err := Fit(name, subset(s, fitted))
	if err != nil {
		return nil, err
	}
	f, err := Calibrate(d, subset(s, held))
	if err != nil {
		return nil, err
	}
	f.Training = Training{Images: len(fitted), HeldOut: len(held), Seed: opt.Seed, Version: opt.Version}
	return f, nil
}

// Calibrate scores ID images that d was not fitted on and sets the threshold so that 95 % of such images pass: it is
// the ⌈0.95·(n+1)⌉-th smallest of the n reference scores. As in split conformal prediction, a new ID image exceeds
// it with a probability of at most 5 %, whatever the distribution of the scores; is_ood is the same as
// p_value ≤ 0.05. With fewer than 19 images no score can promise that: the threshold is the largest one, with a
// warning.
//
// The caller fills in Training. Neither d nor held is changed.
func Calibrate(d Detector, held *features.Set) (*File, error) {
	return calibrate(context.Background(), d, features.NewReader(held), features.Span(0, held.N))
}

// Recalibrate sets the threshold and the reference scores by the images of r instead of those that training held out. These should
// be ID images that the classifier was not trained on: of those that it knows by heart a classifier makes more typical features
// than it will of new ones, and too many new ones are then called OOD. Features that do not fit the detector are an error as in
// [File.Fits].
func (f *File) Recalibrate(ctx context.Context, r *features.Reader) error {
	if err := f.Fits(r); err != nil {
		return err
	}
	by, err := calibrate(ctx, f.Detector, r, features.Span(0, r.N))
	if err != nil {
		return err
	}
	f.Threshold, f.Reference = by.Threshold, by.Reference
	f.Training.HeldOut, f.Training.Calibration = r.N, r.Provenance.Source
	f.Warnings = slices.DeleteFunc(f.Warnings, func(w string) bool { return strings.HasPrefix(w, fewHeld) })
	for _, w := range by.Warnings {
		if !slices.Contains(f.Warnings, w) {
			f.Warnings = append(f.Warnings, w)
		}
	}
	if source := r.Provenance.Source; source != "" && source == f.Provenance.Source {
		f.Warnings = append(f.Warnings, "the threshold was set by images of "+source+", which the detector was trained on")
	}
	if w := f.Unverified(r.Provenance); w != "" {
		f.Warnings = append(f.Warnings, "calibration: "+w)
	}
	return nil
}

// fewHeld begins the warning about few reference scores.
const fewHeld = "the threshold was set by only "

// calibrate is Calibrate with the held-out images of r.
func calibrate(ctx context.Context, d Detector, r *features.Reader, held []int) (*File, error) {
	if len(held) == 0 {
		return nil, errors.New("calibrate the detector: there are no images")
	}
	scores := make([]float64, 0, len(held))
	for part := range slices.Chunk(held, readTile) {
		set, err := r.Read(part)
		var some []float64
		if err == nil {
			some, err = d.Score(nil, set)
			err = features.NameRow(err, func(row int) (int, string) { return part[row], r.ID(part[row]) })
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return nil, fmt.Errorf("calibrate the detector: %w", err)
		}
		scores = append(scores, some...)
	}
	slices.Sort(scores)
	f := &File{
		Detector: d, Reference: scores, Threshold: threshold(scores), D: r.D, C: r.C,
		Provenance: r.Provenance, Warnings: slices.Clone(Warnings(d)),
		Training: Training{HeldOut: len(held)},
	}
	if len(held) < leastForThreshold {
		f.Warnings = append(f.Warnings, fmt.Sprintf(
			fewHeld+"%d images: with fewer than %d it cannot promise to pass 95 %% of new ones",
			len(held), leastForThreshold))
	}
	return f, nil
}

// readTile is the number of images that are read at a time.
const readTile = 4096

// leastForThreshold is the least n with ⌈0.95·(n+1)⌉ ≤ n.
const leastForThreshold = 19

// threshold returns the ⌈0.95·(n+1)⌉-th of n ascending scores, or the last. In integers, because 0.95 is no binary
// fraction.
func threshold(ascending []float64) float64 {
	n := len(ascending)
	rank := (n + 1) - (n+1)/20
	return ascending[min(rank, n)-1]
}

// PValue returns the share of ID images that score at least as high, estimated from the reference scores:
//
//	p = (1 + #{reference ≥ score}) / (n + 1),  in (0, 1].
//
// Of ID images, at most a share of p have a p-value of p or less. A NaN score panics.
func (f *File) PValue(score float64) float64 {
	if math.IsNaN(score) {
		panic("detect: p-value of NaN")
	}
	n := len(f.Reference)
	below, _ := slices.BinarySearch(f.Reference, score)
	return float64(1+n-below) / float64(n+1)
}

// IsOOD tells whether a score is above the threshold.
func (f *File) IsOOD(score float64) bool { return score > f.Threshold }
