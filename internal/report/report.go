// Package report owns what people look at after an evaluation: the HTML page, a single file that needs no network, and
// the plots in it, which it also draws as PNG and SVG. It computes no metrics; those come from eval, and everything
// else is handed over as plain values.
//
// Higher scores mean more out-of-distribution (OOD), as everywhere.
package report

import (
	"math"
	"slices"

	"github.com/oodflow/oodflow/eval"
)

// Evaluation is what one run of eval found and what a reader has to know about it.
type Evaluation struct {
	Figures   *eval.Report // the table; the first result's detector is the one under test
	Threshold *Threshold   // nil when there is none
	Training  *Training    // nil when the detector says nothing of its training
	Sets      []Set        // the ID set first, then the OOD sets in the order of Figures
	Inputs    []Input
	Facts     []Fact // versions, seed, engine: what it takes to do it again

	pairs []*pair // a detector on an OOD set each, in the order in which they were added
}

// Threshold is the score above which the detector under test flags an image.
type Threshold struct {
	Score   float64
	HeldOut int // training images that were held out to set it
}

// Set is a set of images.
type Set struct {
	Name   string
	Images int

	Uniformity, Tolerance *float64 // see package features; nil where there is nothing to compute them from
	ToleranceOf           string   // "labels" or "predicted"
	Norm                  float64  // median L2 norm of the features
	Sample                int      // images that these are from; 0 for all

	Most, Least []Picture // with the highest scores, from the highest; with the lowest, from the lowest
	NoPictures  string    // why some or all of them have no image
}

// Picture is an image with its score.
type Picture struct {
	ID    string
	Score float64
	Taken string     // class that the classifier takes it for; "" when not known
	Image *Thumbnail // nil when it is not at hand
}

// Input is a file that went into the evaluation.
type Input struct {
	Role, Name, SHA256 string // SHA256 may be empty
	Source             string // where its images came from, as named when it was made; may be empty
}

// Fact is something else that is worth knowing, by name.
type Fact struct{ Name, Value string }

// Training is how the detector under test came about.
type Training struct {
	Images, Validation int
	Reason             string  // why it stopped
	Reference          float64 // validation NLL of the Gaussian model it is measured against
	Kept               float64 // validation NLL of the flow that was kept
	History            []Step
}

// Step is one look at a training, with mean negative log-likelihoods in nats per image.
type Step struct {
	Step         int
	Train, Valid float64
}

// pair is what is drawn of one detector on one OOD set.
type pair struct {
	detector, ood string
	nID, nOOD     int
	roc           []point // (share of ID flagged, share of OOD flagged)
	pr            []point // (recall, precision), OOD positive
	histogram     *histogram
	id, strange   int // images flagged by the threshold; of the detector under test
}

// Add takes the scores of one detector on the ID set and on the OOD set named ood, and keeps what is drawn of them: a few
// kilobytes, however many there are. The first detector that is added is the one under test. The scores must be
// finite; they are not kept and not changed.
func (e *Evaluation) Add(detector, ood string, id, strange []float64) error {
	c, err := eval.Compare(id, strange)
	if err != nil {
		return err
	}
	p := &pair{detector: detector, ood: ood, nID: c.NID(), nOOD: c.NOOD()}
	p.roc, p.pr = curves(c)
	if len(e.pairs) == 0 || detector == e.pairs[0].detector {
		p.histogram = newHistogram(id, strange, e.limit())
		p.id, p.strange = above(id, e.limit()), above(strange, e.limit())
	}
	e.pairs = append(e.pairs, p)
	return nil
}

// limit is the threshold's score, above all others when there is no threshold.
func (e *Evaluation) limit() float64 {
	if e.Threshold == nil {
		return math.Inf(1)
	}
	return e.Threshold.Score
}

// above counts the scores above the threshold.
func above(scores []float64, threshold float64) int {
	n := 0
	for _, s := range scores {
		if s > threshold {
			n++
		}
	}
	return n
}

// Detector is the name of the detector under test.
func (e *Evaluation) detector() string {
	if len(e.pairs) == 0 {
		return ""
	}
	return e.pairs[0].detector
}

// tested are the pairs of the detector under test, one for each OOD set.
func (e *Evaluation) tested() []*pair {
	var own []*pair
	for _, p := range e.pairs {
		if p.detector == e.detector() {
			own = append(own, p)
		}
	}
	return own
}

// on are all pairs on an OOD set with the figures they belong to, the detector under test first. A detector without
// figures is left out.
func (e *Evaluation) on(ood string) []rated {
	var all []rated
	for _, p := range e.pairs {
		if p.ood != ood {
			continue
		}
		k := slices.IndexFunc(e.Figures.Results, func(r eval.Result) bool { return r.OOD == ood && r.Detector == p.detector })
		if k >= 0 {
			all = append(all, rated{p, e.Figures.Results[k]})
		}
	}
	return all
}

// rated is a pair with its figures.
type rated struct {
	*pair
	eval.Result
}

// rival is the index of the best detector but the first by AUROC; 0 when there is no other.
func rival(all []rated) int {
	best := 0
	for i := range all {
		if i > 0 && (best == 0 || all[i].AUROC > all[best].AUROC) {
			best = i
		}
	}
	return best
}
