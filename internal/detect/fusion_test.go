package detect

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/oodflow/oodflow/features"
)

// TestFusionIsTheSum: the score is the sum of the standardised parts, and the standard comes from the images that were held
// out of the fit and are not behind the threshold.
func TestFusionIsTheSum(t *testing.T) {
	train, test := randomSet(51, 600, 6, 3), randomSet(52, 40, 6, 3)
	file, _, err := TrainFusion(t.Context(), features.NewReader(train), FlowOptions{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := file.Detector.(*Fusion)
	rest, _ := Split(600, DefaultHeld(600), 0)
	_, valid := splitRest(len(rest), DefaultHeld(600), 0)
	held := subset(train, pickRows(rest, 1, valid))
	if file.Training.Validation != held.N {
		t.Fatalf("%d images to stop by, expected %d", file.Training.Validation, held.N)
	}
	want := make([]float64, test.N)
	for _, part := range []Detector{m.flow, &Energy{logits{3}}} {
		known, err := part.Score(nil, held)
		if err != nil {
			t.Fatal(err)
		}
		got, err := part.Score(nil, test)
		if err != nil {
			t.Fatal(err)
		}
		center := middle(known)
		for i := range known {
			known[i] = math.Abs(known[i] - center)
		}
		for i, v := range got {
			want[i] += (v - center) / (1.4826 * middle(known))
		}
	}
	sameScores(t, m, test, want)
	if _, ok := file.Detector.(LogDensity); ok {
		t.Error("fusion claims to be a density")
	}
}

// middle returns the median.
func middle(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// TestFusionOfConstantLogits: energies that do not vary add nothing, and the user is told.
func TestFusionOfConstantLogits(t *testing.T) {
	train, test := randomSet(51, 300, 6, 3), randomSet(52, 40, 6, 3)
	clear(train.Logits)
	clear(test.Logits)
	d, err := Fit("fusion", train)
	if err != nil {
		t.Fatal(err)
	}
	if w := strings.Join(Warnings(d), "; "); !strings.Contains(w, "the energy is the same") {
		t.Errorf("warnings %q", w)
	}
	got, err := d.Score(nil, test)
	if err != nil {
		t.Fatal(err)
	}
	density, err := d.(*Fusion).flow.Score(nil, test)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range got {
		if w := d.(*Fusion).density.of(density[i]); v != w {
			t.Errorf("image %d scores %v, the density alone %v", i, v, w)
		}
	}
}

// TestFuseIsTrainFusion: a flow that is there already is fused as one that is trained for it, whatever share was held out and
// whatever sets the threshold.
func TestFuseIsTrainFusion(t *testing.T) {
	train, test := randomSet(51, 700, 6, 3), randomSet(52, 40, 6, 3)
	for _, opt := range []FlowOptions{{}, {TrainOptions: TrainOptions{Share: 0.02, Seed: 5}}, {TrainOptions: TrainOptions{Share: 0.3, Seed: 6}}} {
		want, _, err := TrainFusion(t.Context(), features.NewReader(train), opt, nil)
		if err != nil {
			t.Fatal(err)
		}
		f, _, err := TrainFlow(t.Context(), features.NewReader(train), opt, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Recalibrate(t.Context(), features.NewReader(test)); err != nil {
			t.Fatal(err)
		}
		got, err := Fuse(f.Detector.(*Flow), f.Training, train)
		if err != nil {
			t.Fatal(err)
		}
		if m := want.Detector.(*Fusion); got.density != m.density || got.energy != m.energy {
			t.Errorf("%+v: %v and %v, want %v and %v", opt.TrainOptions, got.density, got.energy, m.density, m.energy)
		}
	}
	f := Training{Images: 10, Validation: 5}
	if got := len(f.stoppedBy(12)); got == 0 || got >= 12 { // of another set
		t.Errorf("stopped by %d of 12", got)
	}
}

// TestStandardiseMostlyEqual: where more than half of the scores are equal, the mean deviation tells the spread.
func TestStandardiseMostlyEqual(t *testing.T) {
	var m Fusion
	if s := m.standardise("x", []float64{0, 0, 0, 0, 0, 10}); s.center != 0 || math.Abs(s.spread-1.2533*10/6) > 1e-12 || m.warn != nil {
		t.Errorf("%+v, %q", s, m.warn)
	}
}
