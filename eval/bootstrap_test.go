package eval

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// resampled draws images one by one, measures each draw from scratch, and returns the quantiles of 95 %.
func resampled(r *rand.Rand, id, ood []float64, draws int, measure func(c *Comparison) float64) (low, high float64) {
	again := func(x []float64) []float64 {
		out := make([]float64, len(x))
		for i := range out {
			out[i] = x[r.IntN(len(x))]
		}
		return out
	}
	var got []float64
	for range draws {
		got = append(got, measure(compared(again(id), again(ood))))
	}
	slices.Sort(got)
	return quantile(got, 0.025), quantile(got, 0.975)
}

// TestBootstrapAgainstResampling: the ends differ by what a quantile of some thousand draws is uncertain by.
func TestBootstrapAgainstResampling(t *testing.T) {
	r := rand.New(rand.NewPCG(51, 52))
	round := func(x float64) float64 { return math.Round(4*x) / 4 } // ties
	for _, gap := range []float64{0.5, 1.5, 3} {
		id, ood := apply(round, normal(r, 400, 0, 1)), normal(r, 300, gap, 1.5)
		copy(ood, apply(round, ood[:150]))
		c := compared(id, ood)
		for _, metric := range []struct {
			name     string
			measure  func(c *Comparison) float64
			interval func(level float64) (low, high float64, err error)
		}{
			{"AUROC", (*Comparison).AUROC, func(level float64) (float64, float64, error) {
				low, high := c.aurocBootstrap(level, 3000, 1)
				return low, high, nil
			}},
			{"FPR@95", (*Comparison).FPR95, c.FPR95Interval},
			{"FPR@95, OOD positive", (*Comparison).FPR95OODPositive, c.FPR95OODPositiveInterval},
		} {
			low, high := resampled(r, id, ood, 3000, metric.measure)
			gotLow, gotHigh, err := metric.interval(0.95)
			if err != nil {
				t.Fatal(err)
			}
			tol := 0.08*(high-low) + 0.003 // the share drawn from a Beta has no steps
			near(t, metric.name+" low", gotLow, low, tol)
			near(t, metric.name+" high", gotHigh, high, tol)
		}
	}
}

// TestBootstrapAgreesWithDeLong at an AUROC that is not extreme.
func TestBootstrapAgreesWithDeLong(t *testing.T) {
	r := rand.New(rand.NewPCG(53, 54))
	for _, f := range families {
		c := compared(f.draw(r, 1000, 700, 0.85))
		low, high, err := c.AUROCInterval(0.95)
		if err != nil {
			t.Fatal(err)
		}
		gotLow, gotHigh := c.aurocBootstrap(0.95, 2000, 1)
		near(t, f.name+" low", gotLow, low, 0.1*(high-low))
		near(t, f.name+" high", gotHigh, high, 0.1*(high-low))
	}
}

func TestBootstrapIsSeeded(t *testing.T) {
	r := rand.New(rand.NewPCG(55, 56))
	c := compared(normal(r, 100, 0, 1), normal(r, 100, 1, 1))
	var ends [3][2]float64
	for i := range ends {
		ends[i][0], ends[i][1] = c.aurocBootstrap(0.9, 500, uint64(i/2))
	}
	if ends[0] != ends[1] || ends[0] == ends[2] {
		t.Errorf("%v: equal seeds must agree, others differ", ends)
	}
}

// TestFPRIntervalHasAWidth where no image passes, or all do, or a side has a single one.
func TestFPRIntervalHasAWidth(t *testing.T) {
	for _, c := range []*Comparison{
		compared([]float64{1, 2, 3}, []float64{7, 8, 9}),
		compared([]float64{7, 8, 9}, []float64{1, 2, 3}),
		compared([]float64{5, 5, 5}, []float64{5, 5, 5, 5}),
		compared([]float64{1}, []float64{2}),
	} {
		for _, i := range []struct {
			value    float64
			interval func(level float64) (low, high float64, err error)
		}{{c.FPR95(), c.FPR95Interval}, {c.FPR95OODPositive(), c.FPR95OODPositiveInterval}} {
			low, high, err := i.interval(0.95)
			if err != nil || !(0 <= low && low <= i.value && i.value <= high && high <= 1 && high-low > 0.1) {
				t.Errorf("%v: [%v, %v], %v", i.value, low, high, err)
			}
		}
	}
}
