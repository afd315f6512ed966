package eval

import "iter"

// Flagged counts the images above a threshold.
type Flagged struct {
	ID, OOD int
}

// Thresholds walks the thresholds from one that flags nothing to one that flags every image, a step for each distinct
// score, and yields how many images each one flags. ID/n_id against OOD/n_ood are the points of the ROC curve; joined by
// straight lines, the area under them is [Comparison.AUROC]. OOD/n_ood against OOD/(ID+OOD) are those of the
// precision-recall curve of [Comparison.AUPROut], which has the point (0, 1) instead of the first.
func (c *Comparison) Thresholds() iter.Seq[Flagged] {
	return func(yield func(Flagged) bool) {
		var f Flagged
		if !yield(f) {
			return
		}
		for t := range c.ties(false) {
			f.ID += t.id
			f.OOD += t.ood
			if !yield(f) {
				return
			}
		}
	}
}
