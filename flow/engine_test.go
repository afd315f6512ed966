package flow

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// alike are the trainings that the engines are compared in.
var alike = []Options{
	{Whiten: WhitenWithin, Base: BaseClasses},
	{Whiten: WhitenTotal, Base: BaseNormal, Hidden: 9},
	{Whiten: WhitenNone, Base: BaseClasses},
	{Whiten: WhitenNone, Base: BaseNormal},
	{Arch: ArchGlow, Whiten: WhitenWithin, Base: BaseClasses, Layers: 4},
	{Arch: ArchGlow, Whiten: WhitenTotal, Base: BaseNormal, Layers: 3, Hidden: 9},
	{Arch: ArchGlow, Whiten: WhitenNone, Base: BaseClasses, Layers: 2},
	{Arch: ArchGlow, Whiten: WhitenNone, Base: BaseNormal, Layers: 3},
}

// TestEnginesTakeTheSameSteps trains with both engines side by side. From the same seed they see the same batches, and
// over a whole training the loss of every step agrees to 1e-7 of itself, the norm of its gradient to 1e-6: float32's rounding,
// which does not add up. The test leaves room for other machines' rounding.
func TestEnginesTakeTheSameSteps(t *testing.T) {
	steps := 60
	if raceEnabled { // gorgonia is slow then
		steps = 10
	}
	for i, opt := range alike {
		for _, d := range []int{2, 7, 12} {
			opt.Batch, opt.LearningRate, opt.Seed = 50, 1e-3, uint64(i)
			t.Run(fmt.Sprintf("%s,d%d,%s,%s", opt.Arch, d, opt.Whiten, opt.Base), func(t *testing.T) {
				fused, graph := beginWith(t, EngineFused, opt, d), beginWith(t, EngineGorgonia, opt, d)
				for step := range steps {
					nll, norm, err := fused.tr.step(opt.LearningRate, 100)
					wantNLL, wantNorm, err2 := graph.tr.step(opt.LearningRate, 100)
					if err != nil || err2 != nil {
						t.Fatal(err, err2)
					}
					if !near(nll, wantNLL, 5e-7) || !near(norm, wantNorm, 5e-6) {
						t.Fatalf("step %d: loss %v, gradient's norm %v; with gorgonia %v and %v", step, nll, norm, wantNLL, wantNorm)
					}
				}
			})
		}
	}
}

// beginWith sets up a training of the two rings in d dimensions.
func beginWith(t *testing.T, e Engine, opt Options, d int) *run {
	t.Helper()
	data, valid := rings(430, d, 1), rings(100, d, 2)
	opt.Engine = e
	opt, err := opt.resolve(data)
	if err != nil {
		t.Fatal(err)
	}
	r, err := begin(data, values(valid), opt, Keeping{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// near tells whether a and b differ by no more than a share of them.
func near(a, b, share float64) bool { return math.Abs(a-b) <= share*(1+math.Abs(b)) }

// TestEnginesTrainAlike holds the two results of whole trainings against each other.
func TestEnginesTrainAlike(t *testing.T) {
	for _, opt := range []Options{{Margin: 0.05}, {Arch: ArchGlow, Layers: 3, Epochs: 3, Stop: StopNever}} {
		data, valid := bananas(1500, 1), bananas(300, 2)
		opt.Batch, opt.LearningRate = 100, 2e-3
		a, report := train(t, data, valid, opt)
		opt.Engine = EngineGorgonia
		b, other := train(t, data, valid, opt)
		if report.Engine != EngineFused || other.Engine != EngineGorgonia {
			t.Errorf("reports name the engines %q and %q", report.Engine, other.Engine)
		}
		if report.Steps != other.Steps || report.Reason != other.Reason {
			t.Fatalf("%d steps, %s; with gorgonia %d, %s", report.Steps, report.Reason, other.Steps, other.Reason)
		}
		for i, p := range report.History {
			if q := other.History[i]; !near(p.TrainNLL, q.TrainNLL, 5e-7) || !near(p.ValidNLL, q.ValidNLL, 5e-7) {
				t.Errorf("%+v; with gorgonia %+v", p, q)
			}
		}
		p, q := logProb(t, a, values(valid)), logProb(t, b, values(valid))
		for i := range p {
			if !near(p[i], q[i], 1e-5) {
				t.Errorf("row %d: log p = %v, with gorgonia %v", i, p[i], q[i])
			}
		}
	}
}

// TestEnginesAgreeFarOut: sums of exponentials hold where a single one would overflow.
func TestEnginesAgreeFarOut(t *testing.T) {
	for _, cfg := range wideShapes {
		rng := rand.New(rand.NewPCG(uint64(cfg.Dim), 5))
		f := randomFlow(t, cfg, rng)
		const n = 20
		fused, graph := newPasses(f, n, make([]float32, len(f.params))), newGraph(f, n, make([]float32, len(f.params)))
		for _, scale := range []float32{0.01, 1, 30, 1000} {
			x := normals(n*cfg.Dim, rng)
			for i := range x {
				x[i] *= scale
			}
			nll, norm := fused.gradient(x)
			wantNLL, wantNorm := graph.gradient(x)
			if !near(nll, wantNLL, 1e-5) || !near(norm, wantNorm, 1e-2) {
				t.Errorf("d %d, x %v: loss %v, norm %v; with gorgonia %v and %v", cfg.Dim, scale, nll, norm, wantNLL, wantNorm)
			}
		}
	}
}

// TestGraphForgetsNaN: what a rollback undoes leaves nothing behind in the graph.
func TestGraphForgetsNaN(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	f := randomFlow(t, shapes[1], rng)
	x := normals(5*f.cfg.Dim, rng)
	g := newGraph(f, 5, make([]float32, len(f.params)))
	want, wantNorm := g.gradient(x)
	was := f.params[0]
	f.params[0] = float32(math.NaN())
	if nll, norm := g.gradient(x); !math.IsNaN(nll) || !math.IsNaN(norm) {
		t.Errorf("NaN gave loss %v, norm %v", nll, norm)
	}
	f.params[0] = was
	if nll, norm := g.gradient(x); nll != want || norm != wantNorm {
		t.Errorf("after NaN: loss %v, norm %v, before it %v and %v", nll, norm, want, wantNorm)
	}
}
