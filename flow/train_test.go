package flow

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// rings draws n points of two noisy rings in the first two of d coordinates, of class 0 and 1, and noise in the others.
func rings(n, d int, seed uint64) Data {
	rng := rand.New(rand.NewPCG(seed, 7))
	out := Data{Classes: 2}
	var x []float32
	for i := range n {
		c := i % 2
		angle, r := 2*math.Pi*rng.Float64(), 1+2*float64(c)+0.1*rng.NormFloat64()
		x = append(x, float32(r*math.Cos(angle)), float32(r*math.Sin(angle)))
		for range d - 2 {
			x = append(x, float32(rng.NormFloat64()))
		}
		out.Labels = append(out.Labels, c)
	}
	out.Rows = Matrix(x, d)
	return out
}

// values returns the numbers of rows in memory.
func values(d Data) []float32 { return d.Rows.(dense).x }

func unlabelled(d Data) Data {
	d.Labels, d.Classes = nil, 0
	return d
}

func train(t *testing.T, data, valid Data, opt Options) (*Flow, *Report) {
	t.Helper()
	f, r, err := Train(t.Context(), data, valid, opt, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f, r
}

// bananas draws n points (u, u² + 0.3 v) with u and v normal; the class is the sign of u.
func bananas(n int, seed uint64) Data {
	rng := rand.New(rand.NewPCG(seed, 8))
	out := Data{Classes: 2}
	var x []float32
	for range n {
		u, v := rng.NormFloat64(), rng.NormFloat64()
		x = append(x, float32(u), float32(u*u+0.3*v))
		c := 0
		if u > 0 {
			c = 1
		}
		out.Labels = append(out.Labels, c)
	}
	out.Rows = Matrix(x, 2)
	return out
}

// bananaEntropy is the entropy of u plus that of 0.3 v: shearing does not change it.
var bananaEntropy = math.Log(2*math.Pi*math.E) + math.Log(0.3)

func TestTrainingLearnsADensity(t *testing.T) {
	opt := Options{Layers: 6, Hidden: 32, LearningRate: 3e-3, Epochs: 60, Stop: StopValidation}
	for _, opt.Arch = range []Arch{ArchRealNVP, ArchGlow} {
		learns(t, opt)
	}
}

func learns(t *testing.T, opt Options) {
	t.Helper()
	for name, data := range map[string]Data{"classes": bananas(4000, 1), "normal": unlabelled(bananas(4000, 1))} {
		_, r := train(t, data, bananas(1500, 2), opt)
		t.Logf("%s, %s: reference %.3f, flow %.3f, entropy %.3f", opt.Arch, name, r.ReferenceNLL, r.ValidNLL, bananaEntropy)
		if math.Abs(r.ValidNLL-bananaEntropy) > 0.1 || r.ReferenceNLL < bananaEntropy+0.3 {
			t.Errorf("%s, %s: validation NLL %.3f, reference %.3f, entropy %.3f", opt.Arch, name, r.ValidNLL, r.ReferenceNLL, bananaEntropy)
		}
	}
}

func TestTrainingStartsAtTheReference(t *testing.T) {
	data, valid := rings(600, 4, 1), rings(200, 4, 2)
	for _, opt := range []Options{
		{Whiten: WhitenTotal, Base: BaseNormal},
		{Whiten: WhitenWithin, Base: BaseClasses},
		{Whiten: WhitenTotal, Base: BaseClasses},
		{Arch: ArchGlow, Whiten: WhitenTotal, Base: BaseNormal},
		{Arch: ArchGlow, Whiten: WhitenWithin, Base: BaseClasses},
		{Arch: ArchGlow, Whiten: WhitenTotal, Base: BaseClasses},
	} {
		_, r := train(t, data, valid, opt)
		if first := r.History[0].ValidNLL; math.Abs(first-r.ReferenceNLL) > 1e-5 {
			t.Errorf("%+v: starts at NLL %v, the reference has %v", opt, first, r.ReferenceNLL)
		}
	}
}

func TestModerateStopsAtTheMargin(t *testing.T) {
	data, valid := bananas(4000, 1), bananas(1000, 2)
	opt := Options{LearningRate: 1e-3, Margin: 0.05, Epochs: 50}
	f, r := train(t, data, valid, opt)
	gain := (r.ReferenceNLL - r.History[len(r.History)-1].ValidNLL) / 2
	if gain < 0.05 || gain > 0.1 || !strings.Contains(r.Reason, "Gaussian reference") {
		t.Errorf("stopped with a gain of %.3f nats per dimension: %s", gain, r.Reason)
	}
	kept, err := f.meanNLL(values(valid))
	if err != nil || kept != r.ValidNLL || kept >= r.ReferenceNLL || kept <= r.ReferenceNLL-2*gain {
		t.Errorf("kept a flow with NLL %v (%v), reported %v: want it between %v and its end", kept, err, r.ValidNLL, r.ReferenceNLL)
	}
	opt.Stop = StopNever
	opt.Epochs = 12
	if _, r = train(t, data, valid, opt); r.Epochs != 12 {
		t.Errorf("StopNever ended after %v of 12 epochs", r.Epochs)
	}
}

// TestGoHalfway wants the mean of the parameters at the start and at the end, and the end where that is worse than the reference.
func TestGoHalfway(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	f := randomFlow(t, Config{Dim: 4, Layers: 2, Hidden: 5, Clamp: 2, Whiten: WhitenNone}, rng)
	r := &run{f: f, valid: normals(30*4, rng), report: Report{Reason: "there", ReferenceNLL: math.Inf(1), ValidNLL: 7}}
	end := slices.Clone(f.params)
	for i := range end {
		r.start = append(r.start, end[i]+float32(rng.NormFloat64()))
	}
	r.goHalfway()
	for i, v := range f.params {
		if v != (r.start[i]+end[i])/2 {
			t.Fatalf("parameter %d is %v between %v and %v", i, v, r.start[i], end[i])
		}
	}
	if nll, err := f.meanNLL(r.valid); err != nil || r.report.ValidNLL != nll || !strings.HasPrefix(r.report.Reason, "there, kept halfway") {
		t.Errorf("report %+v, NLL %v, %v", r.report, nll, err)
	}
	copy(f.params, end)
	r.report = Report{Reason: "there", ReferenceNLL: math.Inf(-1), ValidNLL: 7}
	r.goHalfway()
	if !slices.Equal(f.params, end) || r.report.ValidNLL != 7 || r.report.Reason != "there" {
		t.Errorf("worse than the reference, but kept: %+v", r.report)
	}
}

// TestValidationKeepsTheBestState overfits a few rows on purpose.
func TestValidationKeepsTheBestState(t *testing.T) {
	data, valid := unlabelled(rings(40, 6, 1)), rings(400, 6, 2)
	f, r := train(t, data, valid, Options{Hidden: 64, LearningRate: 3e-3, Epochs: 2000, Stop: StopValidation})
	if !strings.Contains(r.Reason, "validation") {
		t.Fatalf("stopped because %s", r.Reason)
	}
	last := r.History[len(r.History)-1]
	got, err := f.meanNLL(values(valid))
	if err != nil || got != r.ValidNLL || got >= last.ValidNLL {
		t.Errorf("kept NLL %v (reported %v, last %v), error %v", got, r.ValidNLL, last.ValidNLL, err)
	}
}

func TestTrainingIsReproducible(t *testing.T) {
	data, valid := rings(500, 3, 1), rings(100, 3, 2)
	a, _ := train(t, data, valid, Options{Seed: 4})
	b, _ := train(t, data, valid, Options{Seed: 4})
	c, _ := train(t, data, valid, Options{Seed: 5})
	same, other := true, true
	for i := range a.params {
		same = same && a.params[i] == b.params[i]
		other = other && a.params[i] == c.params[i]
	}
	if !same || other {
		t.Errorf("equal seeds agree: %v, different seeds agree: %v", same, other)
	}
}

// TestHardDataGivesFiniteScores trains on features as networks do leave them.
func TestHardDataGivesFiniteScores(t *testing.T) {
	for name, spoil := range map[string]func(x []float32, d int){
		"dead channel": func(x []float32, d int) { column(x, d, 1, func(float32) float32 { return 0 }) },
		"nearly dead":  func(x []float32, d int) { column(x, d, 1, func(v float32) float32 { return 1e-7 * v }) },
		"constant":     func(x []float32, d int) { column(x, d, 2, func(float32) float32 { return 3 }) },
		"far larger":   func(x []float32, d int) { column(x, d, 0, func(v float32) float32 { return 1e12 * v }) },
		"duplicates":   func(x []float32, d int) { copy(x[len(x)/2:], x[:len(x)/2]) },
	} {
		for _, whiten := range []Whitening{WhitenNone, WhitenTotal, WhitenWithin} {
			data, valid := rings(400, 5, 1), rings(100, 5, 2)
			spoil(values(data), 5)
			spoil(values(valid), 5)
			f, _, err := Train(t.Context(), data, valid, Options{Whiten: whiten, LearningRate: 1e-3, Stop: StopNever, Epochs: 30}, nil)
			if err != nil {
				t.Errorf("%s, whiten %s: %v", name, whiten, err)
				continue
			}
			logProb(t, f, values(valid))
		}
	}
}

func column(x []float32, d, j int, to func(float32) float32) {
	for i := j; i < len(x); i += d {
		x[i] = to(x[i])
	}
}

func TestFewerRowsThanDimensions(t *testing.T) {
	data, valid := rings(30, 50, 1), rings(200, 50, 2)
	_, r := train(t, data, valid, Options{})
	if r.Ridge <= leastRidge {
		t.Errorf("the ridge stayed at %v with 30 rows of 50 dimensions", r.Ridge)
	}
	if r.ValidNLL > 50*3 {
		t.Errorf("validation NLL %v nats: the null space was not regularised", r.ValidNLL)
	}
	if _, r = train(t, rings(5000, 5, 1), rings(500, 5, 2), Options{}); r.Ridge > 1e-5 {
		t.Errorf("ridge %v with 5000 rows of 5 dimensions", r.Ridge)
	}
}

func TestBlownUpStepsAreRolledBack(t *testing.T) {
	data, valid := rings(500, 4, 1), rings(100, 4, 2)
	f, r := train(t, data, valid, Options{LearningRate: 1, Stop: StopNever, Epochs: 60})
	logProb(t, f, values(valid))
	t.Logf("%d rollbacks, learning rate %g", r.Rollbacks, r.LearningRate)

	run := &run{opt: Options{}, f: f, tr: newTrainer(f, data, Options{Batch: 50}), valid: values(valid)}
	run.good = append(run.good, f.params...)
	run.report.LearningRate = 1
	f.params[0] = float32(math.NaN())
	run.rollback()
	if f.params[0] != run.good[0] || run.report.LearningRate != 0.1 {
		t.Errorf("after a rollback: parameter %v, learning rate %v", f.params[0], run.report.LearningRate)
	}
	run.best, run.bestNLL = make([]float32, len(f.params)), 5
	for range maxRollbacks - 1 {
		run.rollback()
	}
	if run.report.Diverged || run.report.Reason != "" {
		t.Errorf("gave up after %d rollbacks", run.report.Rollbacks)
	}
	run.rollback()
	if r := run.report; !r.Diverged || r.Reason == "" || r.ValidNLL != 5 || r.Rollbacks != maxRollbacks || f.params[0] != 0 {
		t.Errorf("rollback %d gave %+v", maxRollbacks+1, r)
	}
}

func TestTrainRefuses(t *testing.T) {
	good, valid := rings(50, 3, 1), rings(20, 3, 2)
	with := func(spoil func(*Data)) Data {
		d := rings(50, 3, 1)
		spoil(&d)
		return d
	}
	for name, c := range map[string]struct {
		data Data
		opt  Options
		want string
	}{
		"one row":     {with(func(d *Data) { d.Rows, d.Labels = first{d.Rows, 1}, d.Labels[:1] }), Options{}, "1 training rows"},
		"NaN":         {with(func(d *Data) { values(*d)[4] = float32(math.NaN()) }), Options{}, "row 1"},
		"Inf":         {with(func(d *Data) { values(*d)[7] = float32(math.Inf(1)) }), Options{}, "row 2"},
		"no variance": {with(func(d *Data) { clear(values(*d)) }), Options{}, "do not vary"},
		"too large":   {with(func(d *Data) { values(*d)[7] = 2e37 }), Options{}, "training row 2: value 1 is 2e+37: want at most 1e+37"},
		"too small": {with(func(d *Data) {
			for i := range values(*d) {
				values(*d)[i] *= 1e-38
			}
		}), Options{}, "standard deviation of 1e-38, too small for float32"},
		"one row each": {with(func(d *Data) {
			d.Classes = d.Len()
			for i := range d.Labels {
				d.Labels[i] = i
			}
		}), Options{Whiten: WhitenWithin}, "do not vary within the classes"},
		"within, none":   {unlabelled(good), Options{Whiten: WhitenWithin}, "needs labels"},
		"classes, none":  {unlabelled(good), Options{Base: BaseClasses}, "needs labels"},
		"base":           {good, Options{Base: "student"}, "unknown base"},
		"architecture":   {good, Options{Arch: "maf"}, "unknown architecture"},
		"engine":         {good, Options{Engine: "torch"}, "unknown engine"},
		"rule":           {good, Options{Stop: "soon"}, "unknown stopping rule"},
		"learning rate":  {good, Options{LearningRate: 2}, "learning rate"},
		"negative width": {good, Options{Hidden: -1}, "hidden units"},
		"margin":         {good, Options{Margin: -1}, "margin"},
		"noise":          {good, Options{Noise: 1.5}, "noise 1.5"},
	} {
		_, _, err := Train(t.Context(), c.data, valid, c.opt, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one about %q", name, err, c.want)
		}
	}
}

func TestTrainStopsWhenCancelled(t *testing.T) {
	for _, e := range []Engine{EngineFused, EngineGorgonia} {
		ctx, cancel := context.WithCancel(t.Context())
		_, _, err := Train(ctx, rings(500, 3, 1), rings(50, 3, 2), Options{Engine: e, Stop: StopNever}, func(p Point) {
			if p.Step == 10 {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v", e, err)
		}
	}
}

// TestAdam follows three steps by hand, in float64.
func TestAdam(t *testing.T) {
	a, p := newAdam(1), []float32{0.5}
	var m, v float64
	want := 0.5
	for step, g := range []float64{0.3, -2, 0.01} {
		a.step(p, []float32{float32(2 * g)}, 0.1, 0.5)
		m, v = 0.9*m+0.1*g, 0.999*v+0.001*g*g
		c := float64(step + 1)
		want -= 0.1 * (m / (1 - math.Pow(0.9, c))) / (math.Sqrt(v/(1-math.Pow(0.999, c))) + 1e-8)
		if math.Abs(float64(p[0])-want) > 1e-5 {
			t.Errorf("step %d: %v, by hand %v", step, p[0], want)
		}
	}
}

func TestClip(t *testing.T) {
	if s := clip(5, 10); s != 1 {
		t.Errorf("a short gradient: scale %v", s)
	}
	if s := clip(50, 10); s != 0.2 {
		t.Errorf("a long gradient: scale %v", s)
	}
}

func TestAnEpochVisitsEveryRowOnceInANewOrder(t *testing.T) {
	f := randomFlow(t, shapes[0], rand.New(rand.NewPCG(1, 1)))
	x := make([]float32, 2*20)
	for i := range x {
		x[i] = float32(i / 2)
	}
	tr := newTrainer(f, Matrix(x, 2), Options{Batch: 5, Seed: 3})
	var orders [3][]float32
	for epoch := range orders {
		seen := map[float32]bool{}
		for range 4 {
			batch, err := tr.draw()
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range batch {
				if i%2 == 0 {
					seen[v] = true
					orders[epoch] = append(orders[epoch], v)
				}
			}
		}
		if len(seen) != 20 {
			t.Errorf("epoch %d visited %d of 20 rows", epoch, len(seen))
		}
	}
	if slices.Equal(orders[0], orders[1]) || slices.Equal(orders[1], orders[2]) || slices.IsSorted(orders[0]) {
		t.Errorf("orders %v", orders)
	}
}

// TestRidgeGrowsPastOverflow: a dead coordinate that a validation row has far off overflows float32 at the least ridge.
func TestRidgeGrowsPastOverflow(t *testing.T) {
	data, valid := unlabelled(rings(400, 5, 1)), rings(100, 5, 2)
	column(values(data), 5, 1, func(float32) float32 { return 0 })
	values(valid)[1] = 1e35
	ref, err := fitReference(data, values(valid), false, false)
	if err != nil || !finite(ref.nll) || ref.ridge <= leastRidge {
		t.Fatalf("reference %+v, error %v", ref, err)
	}
}
