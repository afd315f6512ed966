// Package advice owns what is said about a feature set before a detector is trained on it: whether normalising helps, what
// the default recipe will do with it, and what is unusual about it. It looks at no OOD images.
package advice

import (
	"slices"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/detect"
)

// Advice is what there is to say about a set. Pointers are nil where the set has too few images or too little in it.
type Advice struct {
	Likelihood *Likelihood `json:"likelihood"`
	Pull       *Pull       `json:"pull"`
	Text       []string    `json:"text"` // sentences: on normalising, on the default recipe, on what is unusual
}

const (
	// mostCompared bounds the images that models are fitted to and measured on, drawn at random: enough for the covariance of
	// 2,048 dimensions, and some seconds of work.
	mostCompared = 20_000
	// leastCompared is what a tenth to measure on can be taken from.
	leastCompared = 100
	// heldShare of them is what the models are measured on.
	heldShare = 0.1
)

// Advise looks at what r reads, of which sum is the summary. Errors are those of reading.
func Advise(r *features.Reader, sum *features.Summary) (*Advice, error) {
	a := &Advice{}
	if sum.ZeroVectors == 0 && r.N >= leastCompared {
		s, err := r.Read(features.Sample(r.N, mostCompared))
		if err != nil {
			return nil, err
		}
		train, test := split(s)
		a.Likelihood = likelihood(train, test)
		a.Pull = pull(train, test)
	}
	a.Text = append(a.normalising(sum), recipe(sum)...)
	a.Text = append(a.Text, unusual(sum)...)
	return a, nil
}

// split divides the images of s into those to fit models to and those to measure them on, with their classes: the labels or, where
// none is known, the predicted classes, or nil. Images without a label are left out where others have one.
func split(s *features.Set) (train, test *features.Set) {
	class := s.Labels
	if !slices.ContainsFunc(class, known) {
		class = nil
		for _, p := range s.Predicted() {
			class = append(class, int64(p))
		}
	}
	fit, held := detect.Split(s.N, heldShare, 0)
	return subset(s, class, fit), subset(s, class, held)
}

func known(class int64) bool { return class >= 0 }

// subset copies features and classes of some images of s.
func subset(s *features.Set, class []int64, index []int) *features.Set {
	out := &features.Set{D: s.D, Features: make([]float32, 0, len(index)*s.D)}
	for _, i := range index {
		if class != nil {
			if !known(class[i]) {
				continue
			}
			out.Labels = append(out.Labels, class[i])
		}
		out.Features = append(out.Features, s.Row(i)...)
		out.N++
	}
	return out
}
