package features

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

func summarize(t *testing.T, s *Set, opt SummaryOptions) *Summary {
	t.Helper()
	sum, err := Summarize(s, opt)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(b)) }

func TestSummaryByHand(t *testing.T) {
	s := &Set{
		N: 6, D: 3, C: 2, DType: "F16",
		Features: []float32{3, 4, 0, 0, 1, 0, 6, 8, 0, 0, 1, 0, 0, 0, 0, 2, 0, 0},
		Logits:   []float32{1, 0, 1, 0, 0, 1, 0, 1, 1, 0, 0, 1},
		Labels:   []int64{0, 1, 1, -1, 0, 0},
		IDs:      []string{"a", "b", "a", "c", "a", "d"},
	}
	sum := summarize(t, s, SummaryOptions{})
	if sum.N != 6 || sum.D != 3 || sum.Classes != 2 || sum.Labelled != 5 || sum.DType != "F16" || sum.HasHead {
		t.Errorf("counts %+v", sum)
	}
	// norms 5 1 10 1 0 2: sorted 0 1 1 2 5 10
	want := Norms{Min: 0, P5: 0.25, Median: 1.5, Mean: 19.0 / 6, P95: 8.75, Max: 10, CV: math.Sqrt(131.0/6-361.0/36) / (19.0 / 6)}
	got := sum.Norms
	for _, p := range [][2]float64{{got.Min, want.Min}, {got.P5, want.P5}, {got.Median, want.Median}, {got.Mean, want.Mean},
		{got.P95, want.P95}, {got.Max, want.Max}, {got.CV, want.CV}} {
		if !near(p[0], p[1]) {
			t.Errorf("norms %+v, want %+v", got, want)
		}
	}
	if sum.ZeroVectors != 1 || sum.Dims.Dead != 1 || sum.Dims.Constant != 1 {
		t.Errorf("%d zero vectors, dimensions %+v", sum.ZeroVectors, sum.Dims)
	}
	// predicted 0 0 1 1 0 1 against 0 1 1 - 0 0
	if sum.Accuracy == nil || !near(*sum.Accuracy, 0.6) {
		t.Errorf("accuracy %v", sum.Accuracy)
	}
	if b := sum.Balance; b == nil || *b != (Balance{Classes: 2, Min: 2, Max: 3, Mean: 2.5}) {
		t.Errorf("balance %+v", b)
	}
	if sum.DuplicateRows != 1 || sum.DuplicateIDs != 2 {
		t.Errorf("duplicates: %d rows, %d ids", sum.DuplicateRows, sum.DuplicateIDs)
	}
	// Without the zero vector, class 0 holds (.6 .8) and (1 0), class 1 holds (0 1) and (.6 .8).
	if sum.ToleranceOf != "labels" || sum.Tolerance == nil || math.Abs(sum.Tolerance.Value-0.7) > 1e-7 {
		t.Errorf("tolerance %+v of %q", sum.Tolerance, sum.ToleranceOf)
	}
	u, _, _ := slowSpread([]float32{3, 4, 0, 0, 1, 0, 6, 8, 0, 0, 1, 0, 2, 0, 0}, 3, nil)
	if sum.Uniformity == nil || math.Abs(sum.Uniformity.Value-u) > 1e-6 {
		t.Errorf("uniformity %+v, want %v", sum.Uniformity, u)
	}
}

func TestSummaryWithoutLabels(t *testing.T) {
	s := &Set{
		N: 3, D: 2, C: 2, IDs: rowIDs(3), Features: []float32{3, 4, 1, 0, 0, 1}, Logits: []float32{1, 0, 0, 1, 2, 1},
		Labels: []int64{-1, -1, -1},
	}
	sum := summarize(t, s, SummaryOptions{})
	if sum.ToleranceOf != "predicted" || sum.Tolerance == nil || math.Abs(sum.Tolerance.Value-0.8) > 1e-7 {
		t.Errorf("tolerance %+v of %q", sum.Tolerance, sum.ToleranceOf)
	}
	if sum.Accuracy != nil || sum.Balance != nil || sum.Labelled != 0 {
		t.Errorf("%+v", sum)
	}
	s.Logits, s.C = nil, 0
	if sum := summarize(t, s, SummaryOptions{}); sum.Tolerance != nil || sum.ToleranceOf != "" {
		t.Errorf("tolerance %+v of %q", sum.Tolerance, sum.ToleranceOf)
	}
}

// Accuracy needs labels that are the classifier's classes.
func TestAccuracyOfForeignLabels(t *testing.T) {
	s := goldenSet() // predicted 1 0 0 0 1
	s.Labels = []int64{1, 1, 0, -1, 0}
	if a := summarize(t, s, SummaryOptions{}).Accuracy; a == nil || !near(*a, 0.5) {
		t.Errorf("accuracy %v", a)
	}
	s.Classes = []string{"three", "folder", "names"}
	if a := summarize(t, s, SummaryOptions{}).Accuracy; a != nil {
		t.Errorf("accuracy %v against three names for two logits", *a)
	}
	s.Classes, s.Labels[3] = nil, 2
	if a := summarize(t, s, SummaryOptions{}).Accuracy; a != nil {
		t.Errorf("accuracy %v with a label past the logits", *a)
	}
}

// Degenerate sets: figures that do not exist are nil, and everything is JSON.
func TestSummaryOfDegenerateSets(t *testing.T) {
	for name, x := range map[string][]float32{
		"one row": {1, 2}, "one zero": {0, 0}, "all zero": {0, 0, 0, 0}, "one direction": {1, 2, 2, 4, 3, 6, 7, 14}, "two": {1, 2, 2, 1},
	} {
		sum := summarize(t, inMemory(x, 2), SummaryOptions{})
		if _, err := json.Marshal(sum); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		spread := sum.Dims.EffectiveRank != nil && sum.Dims.VarianceRatio != nil && sum.Dims.Constant == 0
		if spread != (name == "two") || !spread && (sum.Dims.Constant != 2 || sum.Dims.EffectiveRank != nil) {
			t.Errorf("%s: %+v", name, sum.Dims)
		}
	}
	s := inMemory([]float32{1, float32(math.Inf(1))}, 2)
	if _, err := Summarize(s, SummaryOptions{}); err == nil || !strings.Contains(err.Error(), "column 1") {
		t.Errorf("Inf: %v", err)
	}
}

// A dimension whose spread is rounding is constant; a small honest one is not.
func TestConstantDimensions(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	const n = 500
	var x []float32
	for range n {
		a := r.Float64() * math.Pi / 2
		x = append(x, float32(math.Cos(a)), float32(math.Sin(a)), float32(1e-8*r.NormFloat64()), float32(1e-4*r.NormFloat64()), 0)
	}
	dims := summarize(t, inMemory(x, 5), SummaryOptions{}).Dims
	if dims.Dead != 1 || dims.Constant != 2 {
		t.Errorf("%+v", dims)
	}
	if v := *dims.VarianceRatio; v < 1e6 || v > 1e8 {
		t.Errorf("variance ratio %v", v)
	}
}

// slowRank is the definition, from gonum's covariance of the normalised rows.
func slowRank(t *testing.T, x []float32, d int) float64 {
	z, err := Normalize(nil, x, d)
	if err != nil {
		t.Fatal(err)
	}
	m := mat.NewDense(len(x)/d, d, nil)
	for i, v := range z {
		m.Set(i/d, i%d, float64(v))
	}
	var c mat.SymDense
	stat.CovarianceMatrix(&c, m, nil)
	var eig mat.EigenSym
	eig.Factorize(&c, false)
	var total, entropy float64
	for _, v := range eig.Values(nil) {
		total += v
	}
	for _, v := range eig.Values(nil) {
		if v > 0 {
			entropy -= v / total * math.Log(v/total)
		}
	}
	return math.Exp(entropy)
}

func TestEffectiveRank(t *testing.T) {
	for _, c := range []struct{ n, d int }{{400, 10}, {300, 270}, {30, 300}, {260, 280}} {
		x, _ := clustered(8, c.n, c.d, 4)
		got := summarize(t, inMemory(x, c.d), SummaryOptions{}).Dims
		want := slowRank(t, x, c.d)
		if got.EffectiveRank == nil || math.Abs(*got.EffectiveRank/want-1) > 1e-4 || got.RankImages != c.n {
			t.Errorf("%v: %v over %d images, want %v", c, got.EffectiveRank, got.RankImages, want)
		}
	}
	// More dimensions than allowed: fewer images, a little too low.
	x, _ := clustered(8, 3000, 60, 10)
	s := inMemory(x, 60)
	whole := summarize(t, s, SummaryOptions{}).Dims
	part := summarize(t, s, SummaryOptions{MaxRankDim: 50}).Dims
	if part.RankImages != 50 || *part.EffectiveRank > *whole.EffectiveRank || *part.EffectiveRank < *whole.EffectiveRank/2 {
		t.Errorf("%v over 50 images, %v over all", *part.EffectiveRank, *whole.EffectiveRank)
	}
	if none := summarize(t, s, SummaryOptions{MaxRankDim: -1}).Dims; none.EffectiveRank != nil || none.RankImages != 0 {
		t.Errorf("left out: %+v", none)
	}
}

// The keys are an interface.
func TestSummaryKeys(t *testing.T) {
	b, err := json.Marshal(summarize(t, goldenSet(), SummaryOptions{}))
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	for _, key := range strings.Fields("n d classes labelled dtype has_head norms zero_vectors dims uniformity tolerance tolerance_of " +
		"accuracy balance duplicate_rows duplicate_ids provenance") {
		if _, ok := m[key]; !ok {
			t.Errorf("no key %s", key)
		}
		delete(m, key)
	}
	if len(m) > 0 {
		t.Errorf("further keys %v", m)
	}
}
