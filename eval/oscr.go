package eval

import "fmt"

// OSCR returns the area under the open-set classification rate curve, in [0,1], higher is better: over all thresholds,
// the share of ID images that are accepted and correctly classified (CCR) against the share of OOD images that
// are accepted. Both grow with the threshold, so the area is
//
//	OSCR = P(an ID image is correctly classified and scores below an OOD image), ties counting one half,
//
// that is the accuracy times the AUROC of the correctly classified images, and at most the accuracy. correct says of each
// ID score whether the classifier is right about that image. Dhamija, Günther and Boult, arXiv:1811.04110.
//
// The errors are those of [Compare]; another number of ID scores than of correct is one, too. With no image
// classified correctly it is 0.
func OSCR(id []float64, correct []bool, ood []float64) (float64, error) {
	if len(correct) != len(id) {
		return 0, fmt.Errorf("OSCR: %d ID scores, but %d say whether the class is correct", len(id), len(correct))
	}
	if err := checkScores(id, ood); err != nil {
		return 0, err
	}
	var right []float64
	for i, ok := range correct {
		if ok {
			right = append(right, id[i])
		}
	}
	if right == nil {
		return 0, nil
	}
	a, err := AUROC(right, ood)
	return a * float64(len(right)) / float64(len(id)), err
}
