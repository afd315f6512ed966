package eval

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Scores are what one detector says about the ID images and about the images of every OOD set. All detectors of
// an evaluation score the same images in the same order.
type Scores struct {
	Detector string
	ID       []float64
	OOD      [][]float64 // one for each set
	Correct  []bool      // whether the classifier is right about each ID image, for the OSCR; nil where that is not known
}

// EvaluateAll computes every metric of every detector on every OOD set, and compares the detectors with the best one of
// the set, see [Result.Best], and with the first, which is the one under test, see [Result.GainSE]. The results are in the order of detectors, and within one of sets. Its errors are those of
// [Evaluate] and of [Comparison.PairedTest].
func EvaluateAll(sets []string, detectors []Scores) ([]Result, error) {
	return EvaluateAs("", sets, detectors)
}

// EvaluateAs is [EvaluateAll] with the metrics as another tool computes them: convention is one of [Conventions], or ""
// for the definitions of this package.
func EvaluateAs(convention string, sets []string, detectors []Scores) ([]Result, error) {
	if err := checkConvention(convention); err != nil {
		return nil, err
	}
	results := make([]Result, len(detectors)*len(sets))
	for s, set := range sets {
		onSet := make([]Result, len(detectors))
		compared := make([]*Comparison, len(detectors))
		for d, scores := range detectors {
			var err error
			if onSet[d], compared[d], err = evaluate(convention, scores.Detector, set, scores.ID, scores.OOD[s]); err != nil {
				return nil, err
			}
		}
		tests := &pairedTests{of: compared}
		if err := markBest(onSet, tests); err != nil {
			return nil, err
		}
		if err := compareWithFirst(onSet, tests); err != nil {
			return nil, err
		}
		if err := addOSCR(onSet, detectors, s); err != nil {
			return nil, err
		}
		for d, r := range onSet {
			results[d*len(sets)+s] = r
		}
	}
	return results, nil
}

// addOSCR fills in the OSCR on set s where it is known which ID images are classified correctly.
func addOSCR(results []Result, detectors []Scores, s int) error {
	for d, scores := range detectors {
		if scores.Correct == nil {
			continue
		}
		oscr, err := OSCR(scores.ID, scores.Correct, scores.OOD[s])
		if err != nil {
			return fmt.Errorf("evaluate %s on %s: %w", results[d].Detector, results[d].OOD, err)
		}
		results[d].OSCR = &oscr
	}
	return nil
}

// pairedTests are paired DeLong tests between the detectors on a set, each pair's done once: the best detector of a set is often
// the one under test.
type pairedTests struct {
	of   []*Comparison
	done map[[2]int]Difference
}

// between tests detectors a and b. It is the same test for b and a, and Value is that of the one that comes first in of.
func (t *pairedTests) between(a, b int) (Difference, error) {
	pair := [2]int{min(a, b), max(a, b)}
	if d, ok := t.done[pair]; ok {
		return d, nil
	}
	d, err := t.of[pair[0]].PairedTest(t.of[pair[1]])
	if err != nil {
		return Difference{}, err
	}
	if t.done == nil {
		t.done = map[[2]int]Difference{}
	}
	t.done[pair] = d
	return d, nil
}

// Significance is the error rate of the test behind [Result.Best].
const Significance = 0.05

// markBest compares every result with the one of the highest AUROC, of equal ones the first, by the paired DeLong test,
// and adjusts the p-values by Holm's method (Scandinavian Journal of Statistics 6, 1979): with several
// comparisons some come out small by chance. That the best is picked by the same images it is then compared on makes
// it look a little too good, which Holm's caution outweighs.
func markBest(results []Result, tests *pairedTests) error {
	best := 0
	for d, r := range results {
		if r.AUROC > results[best].AUROC {
			best = d
		}
	}
	p := make([]float64, 0, len(results))
	for d := range results {
		if d == best {
			continue
		}
		test, err := tests.between(best, d)
		if err != nil {
			return err
		}
		p = append(p, test.PValue)
	}
	p = holm(p)
	for d := range results {
		if d == best {
			continue
		}
		adjusted := p[0]
		p = p[1:]
		results[d].PValue, results[d].Best = &adjusted, adjusted >= Significance
	}
	return nil
}

// compareWithFirst fills in the standard errors of the differences to the first detector.
func compareWithFirst(results []Result, tests *pairedTests) error {
	for d := 1; d < len(results); d++ {
		test, err := tests.between(0, d)
		if err != nil {
			return err
		}
		if !math.IsNaN(test.SE) {
			results[d].GainSE = &test.SE
		}
	}
	return nil
}

// holm returns p-values adjusted for their number: the smallest of k times k, the next one times k − 1, and so on,
// none smaller than the one before it or greater than 1.
func holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	adjusted := make([]float64, len(p))
	least := 0.0
	for rank, i := range order {
		least = max(least, min(1, float64(len(p)-rank)*p[i]))
		adjusted[i] = least
	}
	return adjusted
}
