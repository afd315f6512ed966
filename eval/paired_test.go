package eval

import (
	"math"
	"math/rand/v2"
	"testing"
)

// scored draws scores of two detectors on the same images, which agree in part.
func scored(r *rand.Rand, m, n int, gapA, gapB, noise float64) (a, b *Comparison) {
	side := func(size int, shift func(gap float64) float64) (x, y []float64) {
		for range size {
			common := r.NormFloat64()
			x = append(x, common+shift(gapA)+noise*r.NormFloat64())
			y = append(y, common+shift(gapB)+noise*r.NormFloat64())
		}
		return x, y
	}
	idA, idB := side(m, func(float64) float64 { return 0 })
	oodA, oodB := side(n, func(gap float64) float64 { return gap })
	return compared(idA, oodA), compared(idB, oodB)
}

func compared(id, ood []float64) *Comparison {
	c, err := Compare(id, ood)
	if err != nil {
		panic(err)
	}
	return c
}

// TestPairedTestAgainstAllPairs computes DeLong's covariances by their definition.
func TestPairedTestAgainstAllPairs(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 32))
	for range 50 {
		m, n := 2+r.IntN(20), 2+r.IntN(20)
		draw := func(size int) (x []float64) {
			for range size {
				x = append(x, float64(r.IntN(9)))
			}
			return x
		}
		idA, oodA, idB, oodB := draw(m), draw(n), draw(m), draw(n)
		wins := func(id, ood float64) float64 {
			switch {
			case ood > id:
				return 1
			case ood == id:
				return 0.5
			}
			return 0
		}
		ofID, ofOOD := make([]float64, m), make([]float64, n)
		total := 0.0
		for i := range m {
			for o := range n {
				d := wins(idA[i], oodA[o]) - wins(idB[i], oodB[o])
				ofID[i] += d / float64(n)
				ofOOD[o] += d / float64(m)
				total += d / float64(m*n)
			}
		}
		variance := func(x []float64) (v float64) {
			for _, d := range x {
				v += (d - total) * (d - total) / float64(len(x)-1)
			}
			return v
		}
		got, err := compared(idA, oodA).PairedTest(compared(idB, oodB))
		if err != nil {
			t.Fatal(err)
		}
		near(t, "difference", got.Value, total, 1e-14)
		near(t, "standard error", got.SE, math.Sqrt(variance(ofID)/float64(m)+variance(ofOOD)/float64(n)), 1e-14)
	}
}

// TestPairedTestHoldsItsLevel: of two detectors that are equally good, one is called worse in 5 % of the draws; a small
// true difference is found in most, though the intervals of the two AUROCs overlap.
func TestPairedTestHoldsItsLevel(t *testing.T) {
	r := rand.New(rand.NewPCG(33, 34))
	const draws = 1000
	rejected, found, overlapping := 0, 0, 0
	for range draws {
		a, b := scored(r, 300, 200, 1.5, 1.5, 0.5)
		if d, _ := a.PairedTest(b); d.PValue < 0.05 {
			rejected++
		}
		a, b = scored(r, 300, 200, 1.6, 1.4, 0.2)
		d, _ := a.PairedTest(b)
		if d.PValue < 0.05 && d.Value > 0 {
			found++
		}
		low, _, _ := a.AUROCInterval(0.95)
		_, high, _ := b.AUROCInterval(0.95)
		if low < high {
			overlapping++
		}
	}
	t.Logf("rejects %d, finds %d, overlapping %d of %d", rejected, found, overlapping, draws)
	if rejected < 0.03*draws || rejected > 0.07*draws { // 3 standard errors are 0.02
		t.Errorf("rejects %d of %d", rejected, draws)
	}
	if found < 0.9*draws || overlapping < 0.9*draws {
		t.Errorf("finds %d of %d, with %d overlapping intervals", found, draws, overlapping)
	}
}

func TestPairedTestDegenerate(t *testing.T) {
	for _, c := range []struct {
		name     string
		a, b     *Comparison
		value, p float64
	}{
		{"the same", compared([]float64{1, 2, 3}, []float64{2, 5}), compared([]float64{1, 2, 3}, []float64{2, 5}), 0, 1},
		{"perfect and inverted", compared([]float64{1, 2}, []float64{3, 4}), compared([]float64{3, 4}, []float64{1, 2}), 1, 0},
		{"all tied", compared([]float64{1, 1}, []float64{1, 1}), compared([]float64{1, 1}, []float64{1, 1}), 0, 1},
		{"one image on a side", compared([]float64{1}, []float64{3, 4}), compared([]float64{3}, []float64{1, 2}), 1, 1},
	} {
		d, err := c.a.PairedTest(c.b)
		if err != nil || d.Value != c.value || d.PValue != c.p {
			t.Errorf("%s: %+v, %v", c.name, d, err)
		}
		low, high, err := d.Interval(0.95)
		if err != nil || !(low <= d.Value && d.Value <= high) {
			t.Errorf("%s: interval [%v, %v], %v", c.name, low, high, err)
		}
	}
	if _, err := compared([]float64{1}, []float64{1}).PairedTest(compared([]float64{1}, []float64{1, 2})); err == nil {
		t.Error("different images were compared")
	}
}
