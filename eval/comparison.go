// Package eval measures how well a score separates in-distribution (ID) from out-of-distribution (OOD)
// images: AUROC with a confidence interval, AUPR, FPR@95, gates on them, and the tables that show them. It
// takes plain []float64 and knows no model.
//
// Everywhere in this package a higher score means more out-of-distribution. A detector that has it the
// wrong way round gets an AUROC below one half; nothing is ever flipped. A score that is NaN or infinite is
// an error. Scores are compared as the float64 values they are: no sigmoid, no rounding, no binning, so that
// negative log-likelihoods in the thousands keep their order.
package eval

import (
	"fmt"
	"iter"
	"math"
	"sync"
)

// Comparison holds the scores of one set of ID images and one set of OOD images, sorted once for all the
// metrics. Its memory is 12 bytes a score.
type Comparison struct {
	id, ood           []float64 // ascending
	idOrder, oodOrder []uint32  // which of the scores given each of them is
}

// Compare sorts copies of both sets of scores. An empty set and a score that is NaN or infinite are errors;
// the latter names the set and the index.
func Compare(id, ood []float64) (*Comparison, error) {
	if err := checkScores(id, ood); err != nil {
		return nil, err
	}
	c := &Comparison{}
	var other sync.WaitGroup
	other.Go(func() { c.id, c.idOrder = argsort(id) })
	c.ood, c.oodOrder = argsort(ood)
	other.Wait()
	return c, nil
}

func checkScores(id, ood []float64) error {
	if err := check("ID", id); err != nil {
		return err
	}
	return check("OOD", ood)
}

func check(side string, x []float64) error {
	if len(x) == 0 {
		return fmt.Errorf("compare scores: there are no %s scores", side)
	}
	for i, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("compare scores: %s score %d is %v", side, i, v)
		}
	}
	return nil
}

// NID returns the number of ID scores.
func (c *Comparison) NID() int { return len(c.id) }

// NOOD returns the number of OOD scores.
func (c *Comparison) NOOD() int { return len(c.ood) }

// tie is one distinct score: how many ID and OOD images have it.
type tie struct {
	id, ood int
}

// ties walks the distinct scores of both sets together, upwards or downwards.
func (c *Comparison) ties(up bool) iter.Seq[tie] {
	return func(yield func(tie) bool) {
		i, o := 0, 0
		for i < len(c.id) || o < len(c.ood) {
			var t tie
			switch {
			case i == len(c.id):
				t.ood = run(c.ood, o, up)
			case o == len(c.ood):
				t.id = run(c.id, i, up)
			default:
				a, b := nth(c.id, i, up), nth(c.ood, o, up)
				if a == b || (a < b) == up {
					t.id = run(c.id, i, up)
				}
				if a == b || (b < a) == up {
					t.ood = run(c.ood, o, up)
				}
			}
			if !yield(t) {
				return
			}
			i += t.id
			o += t.ood
		}
	}
}

// nth returns the k-th value of ascending s, counted from its low end (up) or its high end.
func nth(s []float64, k int, up bool) float64 {
	if up {
		return s[k]
	}
	return s[len(s)-1-k]
}

// run returns how many values from the k-th on equal the k-th.
func run(s []float64, k int, up bool) int {
	n := 1
	for k+n < len(s) && nth(s, k+n, up) == nth(s, k, up) {
		n++
	}
	return n
}
