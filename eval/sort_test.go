package eval

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestArgsortAgainstStableSort(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	draws := map[string]func() float64{
		"ties":      func() float64 { return float64(r.IntN(5) - 2) },
		"normal":    r.NormFloat64,
		"all bits":  func() float64 { return math.Float64frombits(r.Uint64()) },
		"nll":       func() float64 { return -2500 + 1e-9*r.NormFloat64() },
		"zeros":     func() float64 { return math.Copysign(0, r.NormFloat64()) },
		"denormals": func() float64 { return math.Float64frombits(uint64(r.IntN(3)) | uint64(r.IntN(2))<<63) },
		"constant":  func() float64 { return 7 },
	}
	for name, draw := range draws {
		for _, n := range []int{0, 1, 2, 100, 3000} {
			x := make([]float64, n)
			for i := range x {
				for x[i] = draw(); math.IsNaN(x[i]) || math.IsInf(x[i], 0); x[i] = draw() {
				}
			}
			want := make([]uint32, n)
			for i := range want {
				want[i] = uint32(i)
			}
			slices.SortStableFunc(want, func(a, b uint32) int {
				switch {
				case x[a] < x[b]:
					return -1
				case x[a] > x[b]:
					return 1
				}
				return 0
			})
			values, order := argsort(x)
			if !slices.Equal(order, want) {
				t.Fatalf("%s, n = %d: order differs", name, n)
			}
			for k, at := range order {
				if values[k] != x[at] {
					t.Fatalf("%s: value %d is %v, want %v", name, k, values[k], x[at])
				}
			}
		}
	}
}
