// Package detect owns the detectors: everything that turns a feature set into one out-of-distribution score per
// image, and the file that keeps a detector together with its threshold and reference scores.
//
// Every score follows one convention: higher means more out-of-distribution. The formulas are those of the
// papers and of OpenOOD v1.5, negated where those give a confidence. Scores are computed and returned in
// float64; the score of an image does not depend on which others are scored with it (that of a flow up to float32's
// rounding in the machine's BLAS).
package detect

import (
	"fmt"
	"strings"

	"github.com/oodflow/oodflow/features"
)

// Detector scores feature sets. Implementations are made by a fit function, so there is no state in which one is
// not fitted, and may be used from several goroutines.
type Detector interface {
	// Name is the method's name, as on the command line.
	Name() string
	// Score writes one score for each image of s to dst, which is grown as needed (nil allocates), and
	// returns it with length s.N. Higher is more out-of-distribution. s is not changed. A set without what the
	// method reads is a *NeedsError, one of another dimension a *DimensionError; a score that is not
	// finite is an error that names the image.
	Score(dst []float64, s *features.Set) ([]float64, error)
}

// warner is a detector whose fit has something to tell its user.
type warner interface{ Warnings() []string }

// warned is embedded by a detector whose fit may have something to tell.
type warned struct{ warn []string }

// Warnings implements warner.
func (w warned) Warnings() []string { return w.warn }

// Warnings returns what a reader of d's scores has to know about how d was fitted; nil when there is nothing.
func Warnings(d Detector) []string {
	if w, ok := d.(warner); ok {
		return w.Warnings()
	}
	return nil
}

// baselines are the detectors that Fit makes without further settings, in the order in which they are shown.
var baselines = []struct {
	name   string
	fit    func(train *features.Set) (Detector, error)
	learns bool // from training images; see NeedsTraining
}{
	{"msp", func(s *features.Set) (Detector, error) { return as(FitMSP(s)) }, false},
	{"maxlogit", func(s *features.Set) (Detector, error) { return as(FitMaxLogit(s)) }, false},
	{"energy", func(s *features.Set) (Detector, error) { return as(FitEnergy(s)) }, false},
	{"gen", func(s *features.Set) (Detector, error) { return as(FitGEN(s)) }, false},
	{"klm", func(s *features.Set) (Detector, error) { return as(FitKLMatching(s)) }, true},
	{"gradnorm", func(s *features.Set) (Detector, error) { return as(FitGradNorm(s)) }, false},
	{"react", func(s *features.Set) (Detector, error) { return as(FitReAct(s)) }, true},
	{"ash", func(s *features.Set) (Detector, error) { return as(FitASH(s)) }, false},
	{"scale", func(s *features.Set) (Detector, error) { return as(FitScale(s)) }, false},
	{"dice", func(s *features.Set) (Detector, error) { return as(FitDICE(s)) }, true},
	{"knn", func(s *features.Set) (Detector, error) { return as(FitKNN(s, DefaultK)) }, true},
	{"mahalanobis", func(s *features.Set) (Detector, error) { return as(FitMahalanobis(s, false)) }, true},
	{"mahalanobis++", func(s *features.Set) (Detector, error) { return as(FitMahalanobis(s, true)) }, true},
	{"rmd", func(s *features.Set) (Detector, error) { return as(FitRMD(s, false)) }, true},
	{"rmd++", func(s *features.Set) (Detector, error) { return as(FitRMD(s, true)) }, true},
	{"residual", func(s *features.Set) (Detector, error) { return as(FitResidual(s)) }, true},
	{"vim", func(s *features.Set) (Detector, error) { return as(FitViM(s)) }, true},
	{"fdbd", func(s *features.Set) (Detector, error) { return as(FitFDBD(s)) }, true},
	{"nnguide", func(s *features.Set) (Detector, error) { return as(FitNNGuide(s)) }, true},
	{"she", func(s *features.Set) (Detector, error) { return as(FitSHE(s)) }, true},
	{"fusion", fitFusion, true},
}

// as keeps a nil pointer from becoming a Detector that is not nil.
func as[D Detector](d D, err error) (Detector, error) {
	if err != nil {
		return nil, err
	}
	return d, nil
}

// Names returns the names of the baselines that [Fit] knows, in the order in which they are shown.
func Names() []string {
	names := make([]string, len(baselines))
	for i, b := range baselines {
		names[i] = b.name
	}
	return names
}

// NeedsTraining tells whether the baseline called name learns from training images. The others take no more from the set
// that they are fitted to than the number of classes and the classifier's head, so any set of the same classifier will do.
func NeedsTraining(name string) bool {
	for _, b := range baselines {
		if b.name == name {
			return b.learns
		}
	}
	return false
}

// Fit makes the baseline called name from training features, with the settings of its paper. A set without what the
// method needs is a *NeedsError. For "fusion" it trains a flow with default settings.
func Fit(name string, train *features.Set) (Detector, error) {
	for _, b := range baselines {
		if b.name == name {
			return b.fit(train)
		}
	}
	return nil, fmt.Errorf("there is no detector %q (one of %s)", name, strings.Join(Names(), ", "))
}
