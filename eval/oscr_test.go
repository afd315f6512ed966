package eval

import (
	"math/rand/v2"
	"testing"
)

// TestOSCRAgainstTheCurve walks the thresholds and adds up trapezoids.
func TestOSCRAgainstTheCurve(t *testing.T) {
	r := rand.New(rand.NewPCG(61, 62))
	for range 200 {
		id, ood := drawTied(r)
		correct := make([]bool, len(id))
		for i := range correct {
			correct[i] = r.IntN(3) > 0
		}
		want, ccr, fpr := 0.0, 0.0, 0.0
		for threshold := -1.0; threshold < 12; threshold++ {
			accepted := func(x float64) bool { return x <= threshold }
			n := 0
			for i, ok := range correct {
				if ok && accepted(id[i]) {
					n++
				}
			}
			newCCR, newFPR := float64(n)/float64(len(id)), fraction(ood, accepted)
			want += (newFPR - fpr) * (ccr + newCCR) / 2
			ccr, fpr = newCCR, newFPR
		}
		got, err := OSCR(id, correct, ood)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "OSCR", got, want, 1e-14)
	}
	if _, err := OSCR([]float64{1, 2}, []bool{true}, []float64{1}); err == nil {
		t.Error("fewer classes than images were accepted")
	}
	if got, err := OSCR([]float64{1, 2}, []bool{false, false}, []float64{1}); got != 0 || err != nil {
		t.Errorf("nothing correct: %v, %v", got, err)
	}
}
