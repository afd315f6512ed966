package advice

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/oodflow/oodflow/features"
	"gonum.org/v1/gonum/mat"
)

// around draws n vectors of d numbers around class means of length 10: Gaussian in space, or in direction with a norm of
// its own.
func around(seed uint64, n, d, classes int, apart bool) *features.Set {
	r := rand.New(rand.NewPCG(seed, 1))
	means := make([]float64, classes*d)
	for i := range means {
		means[i] = 1 + 0.5*r.NormFloat64()
	}
	for c := range classes {
		mu := means[c*d : (c+1)*d]
		length := 0.0
		for _, v := range mu {
			length += v * v
		}
		for j := range mu {
			mu[j] *= 10 / math.Sqrt(length)
		}
	}
	s := &features.Set{N: n, D: d}
	for i := range n {
		c := i % classes
		s.Labels = append(s.Labels, int64(c))
		scale := 1.0
		if apart {
			scale = math.Exp(0.5 * r.NormFloat64())
		}
		for j := range d {
			s.Features = append(s.Features, float32(scale*(means[c*d+j]+0.3*r.NormFloat64())))
		}
	}
	return s
}

func advise(t *testing.T, s *features.Set) *Advice {
	t.Helper()
	for i := len(s.IDs); i < s.N; i++ {
		s.IDs = append(s.IDs, fmt.Sprint(i))
	}
	r := features.NewReader(s)
	sum, err := features.Summarize(r, features.SummaryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	a, err := Advise(r, sum)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// What is Gaussian in space is explained better as it is, what has a norm of its own better apart; and there the distance
// grows with the norm before normalising and not after.
func TestAdviceTellsTheTwoApart(t *testing.T) {
	for _, classes := range []int{1, 4} {
		whole, apart := advise(t, around(2, 4000, 8, classes, false)), advise(t, around(2, 4000, 8, classes, true))
		if g := whole.Likelihood.Gain(); !(g < 0.01 && g > -0.05) {
			t.Errorf("%d classes, Gaussian in space: gain %v, want about none", classes, g)
		}
		if g := apart.Likelihood.Gain(); !(g > 0.2) {
			t.Errorf("%d classes, norms of their own: gain %v, want a large one", classes, g)
		}
		if p := apart.Pull; math.Abs(p.Normalised) > 0.15 || (classes == 4 && p.Raw < 0.2) {
			t.Errorf("%d classes: pull %+v", classes, *p)
		}
	}
	if text := advise(t, around(2, 4000, 8, 4, true)).Text; !strings.HasPrefix(text[0], "Normalise, as is the default: distances of raw features grow") {
		t.Errorf("advice %q", text)
	}
}

// The Jacobian of z ↦ (r, t) against differences.
func TestJacobian(t *testing.T) {
	const d, h = 4, 1e-3
	s := around(5, 40, d, 2, true)
	a := meanDirection(s)
	at := func(z []float64) []float64 {
		one := &features.Set{N: 1, D: d}
		for _, v := range z {
			one.Features = append(one.Features, float32(v))
		}
		got := a.take(one)
		out := []float64{math.Exp(got.logR[0])}
		for _, v := range got.t {
			out = append(out, float64(v))
		}
		return out
	}
	for i := range 5 {
		z := make([]float64, d)
		for j, v := range s.Row(i) {
			z[j] = float64(v)
		}
		jac := mat.NewDense(d, d, nil)
		for j := range d {
			up, down := slices.Clone(z), slices.Clone(z)
			step := h * norm(s.Row(i)) * 10
			up[j] += step
			down[j] -= step
			hi, lo := at(up), at(down)
			for k := range d {
				jac.Set(k, j, (hi[k]-lo[k])/(2*step))
			}
		}
		want := -math.Log(math.Abs(mat.Det(jac)))
		one := &features.Set{N: 1, D: d, Features: s.Row(i)}
		if got := a.take(one).jacobian(d); math.Abs(got-want) > 1e-3 {
			t.Errorf("row %d: %v, want %v", i, got, want)
		}
	}
}

// What can be told of a whole set is told of one whose first images are all the same.
func TestAdviceBySample(t *testing.T) {
	s := around(4, mostCompared+4000, 3, 2, true)
	for i := range mostCompared {
		copy(s.Row(i), s.Row(0))
		s.Labels[i] = s.Labels[0]
	}
	if a := advise(t, s); a.Likelihood == nil || a.Pull == nil || !(a.Likelihood.Gain() > 0.1) {
		t.Errorf("%+v, %+v", a.Likelihood, a.Pull)
	}
}

func TestSpearman(t *testing.T) {
	if got := spearman([]float64{1, 2, 30, 4}, []float64{5, 6, 8, 7}); math.Abs(got-1) > 1e-15 {
		t.Errorf("one order: %v", got)
	}
	// Ranks 0.5 0.5 2 3 and 3 2 1 0: the correlation of those.
	if got := spearman([]float64{1, 1, 2, 3}, []float64{9, 8, 7, 6}); math.Abs(got+4.5/math.Sqrt(4.5*5)) > 1e-15 {
		t.Errorf("ties: %v", got)
	}
}

// Features without enough in them give advice all the same, and numbers that JSON can hold.
func TestAdviceOnLittle(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	sets := map[string]*features.Set{
		"one image":   {N: 1, D: 3, Features: []float32{1, 2, 3}},
		"one feature": around(1, 200, 1, 2, true),
		"all the same": {N: 150, D: 2, Features: slices.Repeat([]float32{1, 2}, 150),
			Labels: make([]int64, 150)},
		"no classes": {N: 150, D: 2, Features: slices.Clone(around(1, 150, 2, 1, true).Features)},
		"zeros":      {N: 150, D: 3, Features: make([]float32, 450)},
	}
	all := &features.Set{N: 300, D: 5}
	for range 1500 {
		all.Features = append(all.Features, float32(r.NormFloat64()))
	}
	sets["all directions"] = all
	partly := around(3, 300, 4, 3, true)
	partly.Labels[7], partly.Labels[8] = -1, -1
	sets["partly labelled"] = partly
	if train, test := split(partly); train.N+test.N != 298 || slices.Contains(train.Labels, -1) || slices.Contains(test.Labels, -1) {
		t.Errorf("partly labelled: %d and %d images", train.N, test.N)
	}
	for i := range 20 { // held out or not
		hardly := around(3, 100, 2, 1, true)
		for j := range hardly.Labels {
			hardly.Labels[j] = -1
		}
		hardly.Labels[5*i] = 0
		sets[fmt.Sprint("one labelled, ", i)] = hardly
	}
	for name, s := range sets {
		a := advise(t, s)
		if _, err := json.Marshal(a); err != nil || len(a.Text) < 2 || len(a.Text) > 2+mostUnusual {
			t.Errorf("%s: %q, %v", name, a.Text, err)
		}
	}
	if a := advise(t, all); a.Likelihood != nil {
		t.Errorf("directions all over the sphere were put on one chart: %+v", *a.Likelihood)
	}
	if a := advise(t, partly); !strings.Contains(strings.Join(a.Text, " "), "2 images have no label and will be left out") {
		t.Errorf("partly labelled: %q", a.Text)
	}
}

// TestUnusual wants each remark for a summary that calls for it, and none for one that does not.
func TestUnusual(t *testing.T) {
	usual := func() *features.Summary {
		accuracy := 0.93
		return &features.Summary{N: 5000, D: 64, Classes: 10, Labelled: 5000, Accuracy: &accuracy,
			Balance: &features.Balance{Classes: 10, Min: 400, Max: 600}, Tolerance: &features.Mean{Value: 0.6}}
	}
	if got := unusual(usual()); got != nil {
		t.Errorf("nothing unusual: %q", got)
	}
	for want, change := range map[string]func(*features.Summary){
		"1 vector is of zeros only":                func(s *features.Summary) { s.ZeroVectors = 1 },
		"No feature varies":                        func(s *features.Summary) { s.Dims.Constant = 64 },
		"20 % of the images have the features":     func(s *features.Summary) { s.DuplicateRows = 1000 },
		"1.6 images a dimension":                   func(s *features.Summary) { s.N, s.Labelled = 100, 100 },
		"1 image has no label":                     func(s *features.Summary) { s.Labelled-- },
		"10 of the 1000 classes":                   func(s *features.Summary) { s.Classes = 1000 },
		"largest class has 600 images, the small":  func(s *features.Summary) { s.Balance.Min = 5 },
		"right about 99.9 % of these":              func(s *features.Summary) { *s.Accuracy = 0.99999 },
		"right about 12 % of these images only":    func(s *features.Summary) { *s.Accuracy = 0.12 },
		"point almost the same way (tolerance 0.9": func(s *features.Summary) { s.Tolerance.Value = 0.9 },
		"20 of 64 features hardly vary":            func(s *features.Summary) { s.Dims.Constant = 20 },
	} {
		s := usual()
		change(s)
		if got := unusual(s); len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
