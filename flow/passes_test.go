package flow

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

// wideShapes are large enough that every pass is shared out and every kernel has full and partial steps.
var wideShapes = []Config{
	{Dim: 70, Layers: 3, Hidden: 150, Clamp: 2, Whiten: WhitenTotal, Classes: 140},
	{Dim: 33, Layers: 2, Hidden: 20, Clamp: 2, Whiten: WhitenNone},
	{Arch: ArchGlow, Dim: 37, Layers: 2, Hidden: 20, Clamp: 2, Whiten: WhitenNone},
}

// TestSharesMakeUpTheWhole holds the gradient of a batch, which the cores share, against the mean of its rows' own.
func TestSharesMakeUpTheWhole(t *testing.T) {
	for _, cfg := range wideShapes {
		rng := rand.New(rand.NewPCG(uint64(cfg.Dim), 5))
		f := randomFlow(t, cfg, rng)
		const n = 101
		x := normals(n*cfg.Dim, rng)
		whole := make([]float32, len(f.params))
		for j := range whole {
			whole[j] = 1e9 // no gradient may be left out
		}
		all := newPasses(f, n, whole)
		loss, _ := all.gradient(x)

		grad := make([]float32, len(f.params))
		one := newPasses(f, 1, grad)
		var wantLoss float64
		want := make([]float64, len(grad))
		for i := range n {
			nll, _ := one.gradient(x[i*cfg.Dim : (i+1)*cfg.Dim])
			wantLoss += nll / n
			for j, g := range grad {
				want[j] += float64(g) / n
			}
		}
		if math.Abs(loss-wantLoss) > 1e-5*math.Abs(wantLoss) {
			t.Errorf("d = %d: loss %v, that of the rows is %v", cfg.Dim, loss, wantLoss)
		}
		compareGradients(t, whole, want, 1e-3)
	}
}

// TestLogProbSharesAnyNumberOfRows scores many rows at once, and from several goroutines, which share the pools; with a
// flow whose rows are shared out, and one whose products are.
func TestLogProbSharesAnyNumberOfRows(t *testing.T) {
	for _, cfg := range []Config{wideShapes[0], {Dim: 256, Layers: 1, Hidden: 2800, Clamp: 2, Whiten: WhitenTotal}} {
		testSharing(t, cfg)
	}
}

func testSharing(t *testing.T, cfg Config) {
	rng := rand.New(rand.NewPCG(1, 6))
	f := randomFlow(t, cfg, rng)
	x := normals(1100*cfg.Dim, rng)
	if f.whiten != nil {
		f.whiten.inverse(x)
	}
	want := make([]float64, 1100)
	for i := range want {
		want[i] = logProb(t, f, x[i*cfg.Dim:(i+1)*cfg.Dim])[0]
	}
	var group sync.WaitGroup
	for _, n := range []int{0, 2, 31, 64, 65, 511, 513, 1100} {
		group.Go(func() {
			first := logProb(t, f, x[:n*cfg.Dim])
			for i, p := range first {
				if math.Abs(p-want[i]) > 1e-5*(1+math.Abs(p)) {
					t.Errorf("d = %d: row %d of %d: %v, alone %v", cfg.Dim, i, n, p, want[i])
				}
			}
			if again := logProb(t, f, x[:n*cfg.Dim]); !slices.Equal(first, again) {
				t.Errorf("d = %d: %d rows score differently the second time", cfg.Dim, n)
			}
		})
	}
	group.Wait()
}

func TestNothingIsAllocated(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes pools forget")
	}
	eachShape(t, func(t *testing.T, f *Flow, rng *rand.Rand) {
		x := normals(100*f.cfg.Dim, rng)
		dst := make([]float64, 100)
		if n := testing.AllocsPerRun(50, func() { f.LogProb(dst, x) }); n != 0 {
			t.Errorf("LogProb: %v allocations", n)
		}
		tr := testTrainer(f, x)
		if n := testing.AllocsPerRun(50, func() { tr.step(1e-6, 1) }); n != 0 {
			t.Errorf("a step: %v allocations", n)
		}
	})
}
