package flow

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/oodflow/oodflow/internal/kernel"
)

// testTrainer returns a trainer whose next batch is all of x.
func testTrainer(f *Flow, x []float32) *trainer {
	return newTrainer(f, Matrix(x, f.cfg.Dim), Options{Batch: rows(x, f.cfg.Dim)})
}

// TestGradientMatchesGorgonia compares the loss and every parameter's gradient, again and again on one graph, for batches
// down to one row.
func TestGradientMatchesGorgonia(t *testing.T) {
	eachShape(t, func(t *testing.T, f *Flow, rng *rand.Rand) {
		if f.cfg.Layers == 0 {
			t.Skip("nothing to learn")
		}
		for _, n := range []int{9, 2, 1, f.cfg.Dim, f.cfg.Hidden} { // equal extents are easily mixed up
			tr := testTrainer(f, normals(n*f.cfg.Dim, rng))
			oracle := newGraph(f, n, make([]float32, len(f.params)))
			for range 3 {
				x := normals(n*f.cfg.Dim, rng)
				loss, norm := tr.gradient(x)
				wantLoss, wantNorm := oracle.gradient(x)
				if !(math.Abs(loss-wantLoss) <= 1e-6*(1+math.Abs(wantLoss))) {
					t.Errorf("%d rows: loss %v, gorgonia's is %v", n, loss, wantLoss)
				}
				compareGradients(t, tr.grad, widen(nil, oracle.grad), 1e-4)
				if full := math.Sqrt(kernel.SumSquares(tr.grad)); math.Abs(norm-full) > 1e-9*full || math.Abs(norm-wantNorm) > 1e-5*full {
					t.Errorf("%d rows: norm %v, that of all parameters is %v, gorgonia's %v", n, norm, full, wantNorm)
				}
				for i := range f.params {
					f.params[i] *= 0.95
				}
			}
		}
	})
}

// TestGradientMatchesDifferences is a check by central differences of our own loss, independent of gorgonia: along the
// gradient the loss rises by the gradient's squared norm. One direction through all parameters, because a single one
// may sit on a ReLU's kink.
func TestGradientMatchesDifferences(t *testing.T) {
	eachShape(t, func(t *testing.T, f *Flow, rng *rand.Rand) {
		if len(f.params) == 0 {
			t.Skip("nothing to learn")
		}
		x := normals(200*f.cfg.Dim, rng)
		tr := testTrainer(f, x)
		_, norm := tr.gradient(x)
		grad, was := slices.Clone(tr.grad), slices.Clone(f.params)
		h := 2e-3 / norm
		along := func(h float64) float64 {
			for i, g := range grad {
				f.params[i] = was[i] + float32(h)*g
			}
			nll, _ := tr.gradient(x)
			return nll
		}
		slope := (along(h) - along(-h)) / (2 * h)
		if math.Abs(slope-norm*norm) > 0.02*norm*norm {
			t.Errorf("the loss rises by %v along the gradient, whose squared norm is %v", slope, norm*norm)
		}
	})
}

func compareGradients(t *testing.T, got []float32, want []float64, tol float64) {
	t.Helper()
	var norm float64
	for _, w := range want {
		norm = max(norm, math.Abs(w))
	}
	for i, w := range want {
		if !(math.Abs(float64(got[i])-w) <= tol*(norm*0.01+math.Abs(w))) { // NaN is no match
			t.Errorf("parameter %d of %d: gradient %v, gorgonia's is %v", i, len(want), got[i], w)
		}
	}
}
