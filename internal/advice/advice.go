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
	// mostCompared bounds the images that models are fitted to and measured on, spread evenly over the set: enough for the
	// covariance of 2,048 dimensions, and some seconds of work.
	mostCompared = 20_000
	// leastCompared is what a tenth to measure on can be taken from.
	leastCompared = 100
	// heldShare of them is what the models are measured on.
	heldShare = 0.1
)

// Advise looks at s, of which sum is the summary.
func Advise(s *features.Set, sum *features.Summary) *Advice {
	a := &Advice{}
	if sum.ZeroVectors == 0 && s.N >= leastCompared {
		class := classesOf(s, sum)
		fit, held := sample(s.N, class)
		a.Likelihood = likelihood(s, class, fit, held)
		a.Pull = pull(s, class, fit, held)
	}
	a.Text = append(a.normalising(sum), recipe(sum)...)
	a.Text = append(a.Text, unusual(sum)...)
	return a
}

// classesOf returns the class of every image, labelled or else predicted; -1 where one is not known among others that
// are, nil where none is.
func classesOf(s *features.Set, sum *features.Summary) []int64 {
	if sum.Labelled > 0 {
		return s.Labels
	}
	if s.Logits == nil {
		return nil
	}
	class := make([]int64, s.N)
	for i, p := range s.Predicted() {
		class[i] = int64(p)
	}
	return class
}

// sample divides up to mostCompared images, spread over the set, into those to fit on and those to measure on. Images without a
// class are left out where others have one.
func sample(n int, class []int64) (fit, held []int) {
	m := min(n, mostCompared)
	fit, held = detect.Split(m, heldShare, 0)
	for _, rows := range []*[]int{&fit, &held} {
		for k, i := range *rows {
			(*rows)[k] = int(int64(i) * int64(n) / int64(m))
		}
		if class != nil {
			*rows = slices.DeleteFunc(*rows, func(i int) bool { return class[i] < 0 })
		}
	}
	return fit, held
}
