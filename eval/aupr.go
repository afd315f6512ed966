package eval

import (
	"iter"
	"math"
)

// AUPRIn returns the area under the precision-recall curve with ID as the positive class, in [0,1]: images
// are accepted as ID from the lowest score upwards.
//
// As OpenOOD does, the area is the trapezoid over scikit-learn's precision_recall_curve, one point for
// each distinct score and (recall 0, precision 1) in front; it is not average precision. A precision-recall
// curve depends on how many images there are of each kind: compare it only at equal n_id and n_ood.
func (c *Comparison) AUPRIn() float64 {
	return aupr(c.ties(true), len(c.id), func(t tie) (int, int) { return t.id, t.ood })
}

// AUPROut returns the area under the precision-recall curve with OOD as the positive class, in [0,1]: images
// are rejected as OOD from the highest score downwards. The area is taken as in [Comparison.AUPRIn].
func (c *Comparison) AUPROut() float64 {
	return aupr(c.ties(false), len(c.ood), func(t tie) (int, int) { return t.ood, t.id })
}

// AUPRIn is [Comparison.AUPRIn] of two sets of scores. Its errors are those of [Compare].
func AUPRIn(id, ood []float64) (float64, error) {
	c, err := Compare(id, ood)
	if err != nil {
		return 0, err
	}
	return c.AUPRIn(), nil
}

// AUPROut is [Comparison.AUPROut] of two sets of scores. Its errors are those of [Compare].
func AUPROut(id, ood []float64) (float64, error) {
	c, err := Compare(id, ood)
	if err != nil {
		return 0, err
	}
	return c.AUPROut(), nil
}

// aupr walks the thresholds from the most to the least positive; split gives the positives and negatives
// that each one adds.
func aupr(thresholds iter.Seq[tie], positives int, split func(tie) (pos, neg int)) float64 {
	var area sum
	tp, fp, before := 0, 0, 1.0
	for t := range thresholds {
		pos, neg := split(t)
		tp += pos
		fp += neg
		precision := float64(tp) / float64(tp+fp)
		area.add(float64(pos) * (before + precision) / 2)
		before = precision
	}
	return area.value() / float64(positives)
}

// sum is Neumaier's compensated sum: with millions of thresholds a plain one loses digits.
type sum struct {
	total, lost float64
}

func (s *sum) add(x float64) {
	t := s.total + x
	if math.Abs(s.total) >= math.Abs(x) {
		s.lost += (s.total - t) + x
	} else {
		s.lost += (x - t) + s.total
	}
	s.total = t
}

func (s *sum) value() float64 { return s.total + s.lost }
