package eval

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestIntervalCoverage draws scores whose AUROC is known and counts how often the interval holds it: with normal scores
// of equal and of unequal spread, and with a share of OOD images that look like ID ones.
func TestIntervalCoverage(t *testing.T) {
	const draws = 400
	for _, size := range [][2]int{{50, 50}, {200, 200}, {800, 80}} {
		for _, auroc := range []float64{0.8, 0.95, 0.995} {
			for _, sd := range []float64{1, 3} {
				t.Run(fmt.Sprint(size, auroc, sd), func(t *testing.T) {
					shift := math.Sqrt2 * math.Erfinv(2*auroc-1) * math.Hypot(1, sd)
					r := rand.New(rand.NewPCG(11, 12))
					covered, above := 0, 0
					for range draws {
						low, high, err := AUROCInterval(normal(r, size[0], 0, 1), normal(r, size[1], shift, sd), 0.95)
						if err != nil {
							t.Fatal(err)
						}
						if low > auroc {
							above++
						} else if auroc <= high {
							covered++
						}
					}
					t.Logf("covers %.3f, lies above %.3f", float64(covered)/draws, float64(above)/draws)
					// 3 standard errors of a share of 0.95 are 0.033, those of 0.06 are 0.036.
					if covered < 0.91*draws || above > 0.09*draws {
						t.Errorf("covers %d of %d, lies above %d times", covered, draws, above)
					}
				})
			}
		}
	}
}

func normal(r *rand.Rand, n int, mean, sd float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = mean + sd*r.NormFloat64()
	}
	return x
}

// TestIntervalNarrows: a hundred times the images make the interval about a tenth as wide.
func TestIntervalNarrows(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	width := func(n int) float64 {
		low, high, err := AUROCInterval(normal(r, n, 0, 1), normal(r, n, 1, 1), 0.95)
		if err != nil {
			t.Fatal(err)
		}
		return high - low
	}
	if ratio := width(100) / width(10_000); ratio < 7 || ratio > 14 {
		t.Errorf("ratio of widths %v", ratio)
	}
}

// TestPerfectSeparation: how far below 1 the interval reaches depends on the number of images.
func TestPerfectSeparation(t *testing.T) {
	last := 0.0
	for _, n := range []int{1, 10, 100, 1000} {
		low, high, err := AUROCInterval(make([]float64, n), apply(func(x float64) float64 { return x + 1 }, make([]float64, n)), 0.95)
		if err != nil {
			t.Fatal(err)
		}
		if high != 1 || low <= last || low >= 1-1e-4 {
			t.Errorf("n = %d: [%v, %v]", n, low, high)
		}
		last = low
	}
}
