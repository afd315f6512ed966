package flow

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oodflow/oodflow/internal/blas"
)

// hard is a training that is meant to go wrong, drawn at random: what networks leave in their last layer, and worse.
type hard struct {
	rng    *rand.Rand
	opt    Options
	n, d   int
	told   []string // what was done to the data
	absurd bool     // rows may be too far off for a density in float32
	value  func() float64
	column []func(float64) float64 // what was done to each column
	label  func() int
	twins  bool // rows come twice
	class  int  // number of classes, 0 without labels
}

// drawHard draws a training that takes a few seconds at most.
func drawHard(seed uint64) *hard {
	h := &hard{rng: rand.New(rand.NewPCG(seed, 99))}
	h.drawSize()
	h.drawRest()
	return h
}

// drawRest draws what depends on the size.
func (h *hard) drawRest() {
	h.drawOptions()
	h.drawValues()
	h.drawColumns()
	h.drawLabels()
}

// oneOf picks one of values.
func oneOf[T any](rng *rand.Rand, values ...T) T { return values[rng.IntN(len(values))] }

// logUniform draws between lo and hi.
func logUniform(rng *rand.Rand, lo, hi float64) float64 {
	return lo * math.Pow(hi/lo, rng.Float64())
}

func (h *hard) drawSize() {
	h.d = oneOf(h.rng, 2, 2, 3, 4, 5, 7, 8, 16, 17, 31, 33, 64, 65)
	h.n = int(logUniform(h.rng, 2, 600))
	if h.rng.IntN(60) == 0 {
		h.d, h.n = 128+h.rng.IntN(400), 2+h.rng.IntN(60)
	}
}

func (h *hard) drawOptions() {
	r := h.rng
	h.opt = Options{
		Arch:         oneOf(r, ArchRealNVP, ArchGlow),
		Layers:       1 + r.IntN(6),
		Hidden:       oneOf(r, 1, 2, 5, 16, 0),
		Clamp:        oneOf(r, 0, 0, 0.1, 10, MaxClamp),
		Stop:         oneOf(r, StopModerate, StopValidation, StopNever),
		Margin:       oneOf(r, 0, 0, 1e-3, 10),
		Batch:        oneOf(r, 1, 2, 7, 64, 256, 5000),
		LearningRate: logUniform(r, 1e-6, 1e-1),
		Seed:         r.Uint64(),
	}
	steps := 60 + r.IntN(400)
	if h.d > 100 {
		h.opt.Layers, steps = 1+r.IntN(2), 12
	}
	h.opt.Epochs = max(1, steps/max(1, h.n/h.opt.Batch))
}

func (h *hard) tell(format string, args ...any) {
	h.told = append(h.told, fmt.Sprintf(format, args...))
}

// drawValues decides what a number is before its column is spoilt.
func (h *hard) drawValues() {
	r := h.rng
	switch kind := oneOf(r, "normal", "normal", "normal", "relu", "relu", "cauchy", "cauchy", "binary", "tiny", "limits", "same"); kind {
	case "normal":
		h.value = r.NormFloat64
	case "relu": // sparse and positive
		h.value = func() float64 { return max(0, r.NormFloat64()-1) }
	case "cauchy":
		h.value = func() float64 { return r.NormFloat64() / r.NormFloat64() }
		h.absurd = true
		h.tell("%s", kind)
	case "binary":
		h.value = func() float64 { return float64(r.IntN(2)) }
		h.tell("%s", kind)
	case "tiny":
		scale := oneOf(r, 1e-42, 1e-29) // the first is denormal in float32
		h.value = func() float64 { return scale * r.NormFloat64() }
		h.tell("%s %g", kind, scale)
	case "limits":
		most := oneOf(r, 0.99*largest, math.MaxFloat32)
		h.value = func() float64 { return most * (2*r.Float64() - 1) }
		h.absurd = true
		h.tell("%s %g", kind, most)
	case "same":
		h.value = func() float64 { return 0.5 }
		h.tell("%s", kind)
	}
}

// drawColumns spoils some of the columns.
func (h *hard) drawColumns() {
	r := h.rng
	h.column = make([]func(float64) float64, h.d)
	for range r.IntN(4) {
		j := r.IntN(h.d)
		kind := oneOf(r, "dead", "constant", "nearly dead", "larger", "smaller", "shifted", "largest")
		c := oneOf(r, 1, 3, -1e4, 1e20, 1e30)
		h.column[j] = map[string]func(float64) float64{
			"dead":        func(float64) float64 { return 0 },
			"constant":    func(float64) float64 { return c },
			"nearly dead": func(v float64) float64 { return 1e-7 * v },
			"larger":      func(v float64) float64 { return 1e20 * v },
			"smaller":     func(v float64) float64 { return 1e-20 * v },
			"shifted":     func(v float64) float64 { return v + c },
			"largest":     func(v float64) float64 { return 1e36 * v },
		}[kind]
		h.tell("column %d %s %g", j, kind, c)
		h.absurd = h.absurd || kind == "largest"
	}
	if h.twins = r.IntN(4) == 0; h.twins {
		h.tell("twins")
	}
}

// drawLabels decides on classes, and on what flows with and without them may be asked for.
func (h *hard) drawLabels() {
	r := h.rng
	h.class = oneOf(r, 0, 0, 1, 2, 10, 100)
	switch kind := r.IntN(3); kind {
	case 0:
		h.label = func() int { return r.IntN(h.class) }
	case 1: // the others have one row or none
		h.label = func() int { return max(0, r.IntN(20*h.class)-19*h.class) }
	case 2:
		next := 0
		h.label = func() int { next++; return next % h.class }
	}
	h.opt.Whiten, h.opt.Base = oneOf(r, "", WhitenNone, WhitenTotal), oneOf(r, "", BaseNormal)
	if h.class > 0 {
		h.opt.Whiten = oneOf(r, "", WhitenNone, WhitenTotal, WhitenWithin)
		h.opt.Base = oneOf(r, "", BaseNormal, BaseClasses)
	}
}

// rows draws n rows.
func (h *hard) rows(n int) Data {
	var x []float32
	out := Data{Classes: h.class}
	for i := range n {
		for j := range h.d {
			v := h.value()
			if to := h.column[j]; to != nil {
				v = to(v)
			}
			x = append(x, float32(max(-math.MaxFloat32, min(v, math.MaxFloat32))))
		}
		if h.class > 0 {
			out.Labels = append(out.Labels, h.label())
		}
		if h.twins && i%2 == 1 {
			copy(x[i*h.d:], x[(i-1)*h.d:i*h.d])
		}
	}
	out.Rows = Matrix(x, h.d)
	return out
}

func (h *hard) String() string {
	return fmt.Sprintf("n %d, d %d, %d classes, %q, %+v", h.n, h.d, h.class, h.told, h.opt)
}

// FuzzHardTraining draws hard trainings. Each ends with a flow that is no worse than it began and that scores rows, or
// with an error that says why, and soon.
func FuzzHardTraining(f *testing.F) {
	seeds := uint64(60)
	if testing.Short() {
		seeds = 15
	}
	for seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) { drawHard(seed).check(t) })
}

// TestHardTrainingOfManyFeatures draws trainings on few rows of 4,096 features, whose covariance takes d³ operations.
func TestHardTrainingOfManyFeatures(t *testing.T) {
	if choice, err := blas.Use(); testing.Short() || raceEnabled || err != nil || choice.Name == "gonum" {
		t.Skip("takes a minute without a fast BLAS")
	}
	for seed := range uint64(1) {
		h := &hard{rng: rand.New(rand.NewPCG(seed, 4096)), d: 4096, n: 40}
		h.drawRest()
		h.opt.Arch, h.opt.Hidden, h.opt.Epochs = ArchRealNVP, 16, 1
		t.Run(fmt.Sprint(seed), h.check)
	}
}

// hardLimit is far above what any of these trainings takes.
const hardLimit = time.Minute

func (h *hard) check(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), hardLimit)
	defer cancel()
	data, valid, fresh := h.rows(h.n), h.rows(1+h.rng.IntN(100)), h.rows(20)
	f, r, err := Train(ctx, data, valid, h.opt, nil)
	if err != nil {
		if !h.mayFail(data, err) {
			t.Fatalf("%v\nerror: %v", h, err)
		}
		t.Logf("%v\nerror: %v", h, err)
		return
	}
	if r.Rollbacks > 0 {
		t.Logf("%v\nreport: %+v", h, summary(r))
	}
	for name, rows := range map[string]Data{"training": data, "validation": valid, "fresh": fresh} {
		if _, err := f.LogProb(nil, values(rows)); err != nil && !(h.absurd && name == "fresh" && errors.As(err, new(*RowError))) {
			t.Errorf("%v\nscore %s rows: %v\nreport: %+v", h, name, err, summary(r))
		}
	}
	for _, fault := range faults(f, r, h.opt, valid) {
		t.Errorf("%v\n%s\nreport: %+v", h, fault, summary(r))
	}
}

// summary is a report without most of its history.
func summary(r *Report) Report {
	s := *r
	s.History = append(s.History[:1:1], s.History[len(s.History)-1])
	return s
}

// mayFail tells whether an error is one of those that Train has to give.
func (h *hard) mayFail(train Data, err error) bool {
	x := values(train)
	switch {
	case errors.Is(err, errNoVariance):
		return same(x, make([]int, h.n), h.d)
	case errors.Is(err, errNoVarianceWithin):
		return same(x, train.Labels, h.d)
	case strings.Contains(err.Error(), "too small for float32"):
		for i, v := range x {
			if math.Abs(float64(v)-float64(x[i%h.d])) > 10*leastSpread {
				return false
			}
		}
		return true
	}
	row := (*RowError)(nil)
	return h.absurd && errors.As(err, &row) && strings.Contains(err.Error(), "want at most 1e+37")
}

// same tells whether the rows of each class are equal.
func same(x []float32, class []int, d int) bool {
	first := map[int][]float32{}
	for i, c := range class {
		row := x[i*d : (i+1)*d]
		if first[c] == nil {
			first[c] = row
		}
		if !slices.Equal(row, first[c]) {
			return false
		}
	}
	return true
}

// faults says what is wrong with the outcome of a training.
func faults(f *Flow, r *Report, opt Options, valid Data) []string {
	var found []string
	fault := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	if !allFinite([]float64{r.Epochs, r.ReferenceNLL, r.ValidNLL, r.Ridge, r.LearningRate}) || r.Reason == "" {
		fault("the report is not finite or gives no reason")
	}
	for _, p := range r.History {
		if !allFinite([]float64{p.TrainNLL, p.ValidNLL, p.Epoch}) {
			fault("check %+v", p)
		}
	}
	for _, s := range f.State() {
		if !allFinite(s.F32) || !allFinite(s.F64) {
			fault("%s is not finite", s.Name)
		}
	}
	if opt.LearningRate == 0 {
		opt.LearningRate = DefaultOptions().LearningRate
	}
	if want := opt.LearningRate * math.Pow(10, -float64(r.Rollbacks)); math.Abs(r.LearningRate-want) > 1e-6*want {
		fault("learning rate %g after %d rollbacks", r.LearningRate, r.Rollbacks)
	}
	first, last := r.History[0], r.History[len(r.History)-1]
	d := float64(f.cfg.Dim)
	if got, err := f.meanNLL(values(valid)); err != nil || got != r.ValidNLL {
		fault("validation NLL %v (%v), reported %v", got, err, r.ValidNLL)
	}
	if opt.Stop != StopNever && r.ValidNLL > first.ValidNLL {
		fault("validation NLL %v, at the start %v", r.ValidNLL, first.ValidNLL)
	}
	if worst := first.ValidNLL + d; min(r.ValidNLL, last.TrainNLL) > worst+1e-6*math.Abs(worst) {
		fault("NLL %v, in training %v, above %v", r.ValidNLL, last.TrainNLL, worst)
	}
	return found
}

// TestHardTrainings are trainings that once went wrong, and one too wide to be drawn.
func TestHardTrainings(t *testing.T) {
	cauchy := func(r *rand.Rand) float64 { return r.NormFloat64() / r.NormFloat64() }
	for name, c := range map[string]struct {
		n, d  int
		value func(r *rand.Rand) float64
		spoil func(train, valid []float32, d int)
		opt   Options
		ends  string
	}{
		"worse than the start after all epochs": {n: 17, d: 64, opt: Options{LearningRate: 6e-4, Margin: 10, Epochs: 160}, ends: "best state kept"},
		"constant column of 1e30, not whitened": {n: 300, d: 5, value: cauchy, spoil: func(train, valid []float32, d int) {
			column(train, d, 0, func(float32) float32 { return 1e30 })
			column(valid, d, 0, func(float32) float32 { return 1e30 })
		}, opt: Options{Whiten: WhitenNone}},
		"dead column, not whitened, that is 1e36 later": {n: 20, d: 5, spoil: func(train, valid []float32, d int) {
			column(train, d, 1, func(float32) float32 { return 0 })
			valid[d+1] = 1e36
		}, opt: Options{Whiten: WhitenNone}},
		"blows up and ends worse": {n: 200, d: 6, opt: Options{LearningRate: 1, Clamp: 20, Stop: StopNever, Epochs: 40}, ends: "all 40 epochs"},
		"4096 dimensions": {n: 3, d: 4096, spoil: func(train, valid []float32, d int) {
			for i := 0; i < len(valid); i += d {
				copy(valid[i:], train[:d]) // or else the search for the ridge goes on for long
			}
		}, opt: Options{Layers: 1, Hidden: 8, Epochs: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.d > 1000 && testing.Short() {
				t.Skip("takes long")
			}
			rng := rand.New(rand.NewPCG(5, uint64(c.d)))
			if c.value == nil {
				c.value = (*rand.Rand).NormFloat64
			}
			draw := func(n int) Data {
				x := make([]float32, n*c.d)
				for i := range x {
					x[i] = float32(c.value(rng))
				}
				return Data{Rows: Matrix(x, c.d)}
			}
			data, valid := draw(c.n), draw(20)
			if c.spoil != nil {
				c.spoil(values(data), values(valid), c.d)
			}
			f, r := train(t, data, valid, c.opt)
			logProb(t, f, values(valid))
			t.Logf("%+v", summary(r))
			if !strings.Contains(r.Reason, c.ends) {
				t.Errorf("ended with %q, want %q", r.Reason, c.ends)
			}
			for _, fault := range faults(f, r, c.opt, valid) {
				t.Error(fault)
			}
		})
	}
}

// TestStandardizeBesideAHugeConstant: rounding of the constant must neither drown the other columns nor be blown up itself.
func TestStandardizeBesideAHugeConstant(t *testing.T) {
	const n, d = 301, 16
	x := normals(n*d, rand.New(rand.NewPCG(1, 1)))
	column(x, d, 0, func(float32) float32 { return 1.1e30 })
	data := Data{Rows: Matrix(x, d), Labels: make([]int, n), Classes: 7}
	for i := range data.Labels {
		data.Labels[i] = i % 7
	}
	f, err := layout(Config{Dim: d, Layers: 1, Hidden: 2, Clamp: 2, Whiten: WhitenNone})
	if err == nil {
		err = f.blocks[0].standardize(data, leastRidge)
	}
	if err != nil {
		t.Fatal(err)
	}
	if far := float64(x[0]) * math.Exp(float64(f.blocks[0].logScale[0])); far > 1.001*(1<<23) {
		t.Errorf("the constant is scaled to %g, whose rounding is more than 1", far)
	}
	var sum, squares [d]float64
	latent, _ := f.Forward(x) // the coupling is the identity
	for i, v := range latent {
		sum[i%d] += float64(v) / n
		squares[i%d] += float64(v) * float64(v) / n
	}
	for j := range d {
		if math.Abs(sum[j]) > 2 || (j > 0 && math.Abs(squares[j]-1) > 0.01) {
			t.Errorf("column %d: mean %v, mean square %v", j, sum[j], squares[j])
		}
	}
}
