package detect

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestRanksAgainstSorting: order statistics and percentiles of values with many ties, of both signs and zeros, are those of
// the sorted values.
func TestRanksAgainstSorting(t *testing.T) {
	r := rand.New(rand.NewPCG(41, 42))
	for _, n := range []int{1, 2, 3, 10, 257, 1000} {
		for _, distinct := range []int{1, 3, 1 << 30} {
			x32, x64 := make([]float32, n), make([]float64, n)
			for i := range x32 {
				x32[i] = float32(r.IntN(distinct))*0.37e-3 - 2*float32(r.IntN(2))
				if r.IntN(3) == 0 {
					x32[i] = 0
				}
				x64[i] = float64(x32[i])
			}
			sorted := slices.Sorted(slices.Values(x64))
			for _, k := range []int{1, (n + 1) / 2, n} {
				work := slices.Clone(x32)
				if got := kthLargest(work, k); float64(got) != sorted[n-k] || slices.Min(work[:k]) != got {
					t.Errorf("the %d-th largest of %d is %v, want %v", k, n, got, sorted[n-k])
				}
				if got := atRank(x32, k-1); float64(got) != sorted[k-1] {
					t.Errorf("rank %d of %d is %v, want %v", k-1, n, got, sorted[k-1])
				}
			}
			for _, p := range []float64{0, 33.3, 90, 100} {
				if a, b := percentile32(x32, p), percentile(x64, p); a != b {
					t.Errorf("percentile %v of %d: %v and %v", p, n, a, b)
				}
			}
		}
	}
	if got := percentile([]float64{4, 1, 3, 2}, 50); got != 2.5 {
		t.Errorf("the median of 1, 2, 3, 4 is %v", got)
	}
}
