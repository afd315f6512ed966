package blas

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"gonum.org/v1/gonum/blas"
)

// TestConcurrent: products asked for by several goroutines at once have the bits that each has alone, however many
// of the workers are free.
func TestConcurrent(t *testing.T) {
	shapes := [][3]int{{256, 64, 64}, {256, 200, 100}, {31, 33, 35}, {128, 300, 256}}
	for _, l := range libraries(t) {
		b := Implementation{lib: l, parts: 4}
		var wait sync.WaitGroup
		for i, s := range shapes {
			m, n, k := s[0], s[1], s[2]
			r := rand.New(rand.NewPCG(uint64(i), 5))
			x, y, c := random[float32](r, m*k), random[float32](r, k*n), random[float32](r, m*n)
			product := func() []float32 {
				p := slices.Clone(c)
				b.Sgemm(blas.NoTrans, blas.NoTrans, m, n, k, 0.5, x, k, y, n, 2, p, n)
				return p
			}
			want := product()
			for range 2 {
				wait.Go(func() {
					for range 25 {
						if !slices.Equal(product(), want) {
							t.Errorf("%s: a %v product has other bits", l.choice.Name, s)
							return
						}
					}
				})
			}
		}
		wait.Wait()
	}
}

// TestNoAllocation: what a training step calls allocates nothing, split or not.
func TestNoAllocation(t *testing.T) {
	if raceEnabled {
		t.Skip("under the race detector sync.Pool drops things at random")
	}
	const m, n, k = 256, 64, 256
	x, y, c := make([]float32, m*k), make([]float32, k*n), make([]float32, m*n)
	v, w := make([]float64, m*m), make([]float64, m*m)
	for i := range m {
		v[i*m+i] = 1
	}
	for _, l := range libraries(t) {
		for _, parts := range []int{1, 2} {
			b := Implementation{lib: l, parts: parts}
			allocs := testing.AllocsPerRun(200, func() {
				b.Sgemm(blas.NoTrans, blas.Trans, m, n, k, 1, x, k, y, k, 0, c, n)
				b.Ssyrk(blas.Upper, blas.Trans, n, m, 1, x, k, 0, c, n)
				b.Dtrsm(blas.Left, blas.Upper, blas.Trans, blas.NonUnit, m, n, 1, v, m, w, m)
			})
			if allocs != 0 {
				t.Errorf("%s, %d parts: %v allocations", l.choice.Name, parts, allocs)
			}
		}
	}
}
