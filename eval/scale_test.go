package eval

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
)

// TestMemoryIsBounded: all metrics and intervals of n scores on each side take some ten bytes a score, and no more where
// there are more scores.
func TestMemoryIsBounded(t *testing.T) {
	for _, n := range []int{100_000, 400_000} {
		r := rand.New(rand.NewPCG(71, 72))
		id, ood := normal(r, n, -2500, 1), normal(r, n, -2499, 2)
		allocated := func(f func()) float64 {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			f()
			runtime.ReadMemStats(&after)
			return float64(after.TotalAlloc-before.TotalAlloc) / float64(2*n)
		}
		var c *Comparison
		measured := allocated(func() {
			if _, err := Evaluate("x", "y", id, ood); err != nil {
				t.Fatal(err)
			}
		})
		tested := allocated(func() {
			c = compared(id, ood)
			if _, err := c.PairedTest(c); err != nil {
				t.Fatal(err)
			}
		})
		t.Logf("%d scores: %.1f bytes each for the metrics, %.1f for a paired test", 2*n, measured, tested)
		if measured > 40 || tested > 60 {
			t.Errorf("%d scores: %.1f bytes each for the metrics, %.1f for a paired test", 2*n, measured, tested)
		}
	}
}

// BenchmarkEvaluate measures all metrics and intervals, and BenchmarkPairedTest what comparing two detectors adds.
func BenchmarkEvaluate(b *testing.B) {
	for _, n := range []int{10_000, 1_000_000, 10_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := rand.New(rand.NewPCG(73, 74))
			id, ood := normal(r, n/2, -2500, 1), normal(r, n/2, -2499, 2)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Evaluate("x", "y", id, ood); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "scores/s")
		})
	}
}

func BenchmarkPairedTest(b *testing.B) {
	const n = 1_000_000
	r := rand.New(rand.NewPCG(75, 76))
	x, y := scored(r, n/2, n/2, 1.5, 1.4, 0.5)
	for b.Loop() {
		if _, err := x.PairedTest(y); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "scores/s")
}
