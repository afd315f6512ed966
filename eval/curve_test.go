package eval

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestThresholdsAgainstAreas wants the areas under the curves that Thresholds draws.
func TestThresholdsAgainstAreas(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 300 {
		id, ood := drawTied(r)
		c, err := Compare(id, ood)
		if err != nil {
			t.Fatal(err)
		}
		var roc, pr float64
		last, precision := Flagged{}, 1.0
		for f := range c.Thresholds() {
			if f == (Flagged{}) {
				continue
			}
			roc += float64(f.ID-last.ID) * float64(f.OOD+last.OOD) / 2
			p := float64(f.OOD) / float64(f.ID+f.OOD)
			pr += float64(f.OOD-last.OOD) * (p + precision) / 2
			last, precision = f, p
		}
		if last != (Flagged{ID: len(id), OOD: len(ood)}) {
			t.Fatalf("the last threshold flags %+v of %d and %d", last, len(id), len(ood))
		}
		roc /= float64(len(id) * len(ood))
		pr /= float64(len(ood))
		if math.Abs(roc-c.AUROC()) > 1e-12 || math.Abs(pr-c.AUPROut()) > 1e-12 {
			t.Fatalf("areas %v and %v, want %v and %v", roc, pr, c.AUROC(), c.AUPROut())
		}
	}
}
