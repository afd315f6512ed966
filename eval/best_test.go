package eval

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestHolm has the example of Holm's paper's method worked by hand: 4·0.01, 3·0.013, kept monotone, 2·0.03, 0.2.
func TestHolm(t *testing.T) {
	got := holm([]float64{0.03, 0.01, 0.2, 0.013})
	for i, want := range []float64{0.06, 0.04, 0.2, 0.04} {
		near(t, "adjusted p-value", got[i], want, 1e-15)
	}
	if got := holm([]float64{0.9, 0.8}); got[0] != 1 || got[1] != 1 {
		t.Errorf("%v", got)
	}
}

func TestBestAreThoseNotSignificantlyWorse(t *testing.T) {
	r := rand.New(rand.NewPCG(41, 42))
	id, far, near := normal(r, 500, 0, 1), normal(r, 400, 3, 1), normal(r, 400, 0.5, 1)
	blur := func(x []float64, sd float64) []float64 {
		return apply(func(v float64) float64 { return v + sd*r.NormFloat64() }, x)
	}
	detectors := []Scores{
		{Detector: "sharp", ID: id, OOD: [][]float64{far, near}},
		{Detector: "blurred", ID: blur(id, 2), OOD: [][]float64{blur(far, 2), blur(near, 2)}},
		{Detector: "alike", ID: blur(id, 0.01), OOD: [][]float64{blur(far, 0.01), blur(near, 0.01)}},
	}
	results, err := EvaluateAll([]string{"far", "near"}, detectors)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{"sharp": true, "alike": true, "blurred": false}
	leaders := 0
	for i, res := range results {
		if res.Detector != detectors[i/2].Detector || res.OOD != []string{"far", "near"}[i%2] {
			t.Errorf("result %d is %s on %s", i, res.Detector, res.OOD)
		}
		if res.Best != want[res.Detector] {
			t.Errorf("%s on %s: best %v, p %v", res.Detector, res.OOD, res.Best, *res.PValue)
		}
		if first := i/2 == 0; first != (res.GainSE == nil) || !first && *res.GainSE <= 0 {
			t.Errorf("%s on %s: standard error of the gain %v", res.Detector, res.OOD, res.GainSE)
		}
		if res.PValue == nil {
			leaders++
		} else if res.Best != (*res.PValue >= 0.05) {
			t.Errorf("%s on %s: best %v with p %v", res.Detector, res.OOD, res.Best, *res.PValue)
		}
	}
	if leaders != 2 {
		t.Errorf("%d results without a p-value for 2 sets", leaders)
	}
	detectors[1].ID = detectors[1].ID[1:]
	if _, err := EvaluateAll([]string{"far", "near"}, detectors); err == nil || !strings.Contains(err.Error(), "same images") {
		t.Errorf("detectors that scored other images: %v", err)
	}
}

// TestEachPairIsTestedOnce, whichever detector is the best, and with the figures of the test the other way round.
func TestEachPairIsTestedOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(43, 44))
	for best, want := range []int{3, 5, 5, 5} { // 3 against the first, and 2 more against another best one
		var results []Result
		tests := &pairedTests{}
		for d := range 4 {
			gap := 1.0
			if d == best {
				gap = 2
			}
			c := compared(normal(r, 100, 0, 1), normal(r, 80, gap, 1))
			tests.of = append(tests.of, c)
			results = append(results, Result{AUROC: c.AUROC()})
		}
		if err := errors.Join(markBest(results, tests), compareWithFirst(results, tests)); err != nil {
			t.Fatal(err)
		}
		if len(tests.done) != want {
			t.Errorf("best %d: %d tests, want %d", best, len(tests.done), want)
		}
		var p []float64
		for d, c := range tests.of {
			if d != best {
				test, _ := tests.of[best].PairedTest(c)
				p = append(p, test.PValue)
			}
			if test, _ := tests.of[0].PairedTest(c); d > 0 && *results[d].GainSE != test.SE {
				t.Errorf("best %d: standard error %v of %d, want %v", best, *results[d].GainSE, d, test.SE)
			}
		}
		for i, adjusted := range holm(p) {
			d := i
			if d >= best {
				d++
			}
			if *results[d].PValue != adjusted {
				t.Errorf("best %d: p-value %v of %d, want %v", best, *results[d].PValue, d, adjusted)
			}
		}
		done := &pairedTests{done: tests.done} // has no scores to test again
		for pair, want := range tests.done {
			if d, err := done.between(pair[1], pair[0]); err != nil || d != want {
				t.Errorf("%v: %v, %v", pair, d, err)
			}
		}
	}
}
