package features

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

func summarize(t *testing.T, s *Set, opt SummaryOptions) *Summary {
	t.Helper()
	sum, err := Summarize(NewReader(s), opt)
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
	if _, err := Summarize(NewReader(s), SummaryOptions{}); err == nil || !strings.Contains(err.Error(), "column 1") {
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

// A set that is read in pieces is described as a whole, and so are its faults.
func TestSummaryInPieces(t *testing.T) {
	const n, d = 1400, 200
	s := &Set{N: n, D: d, C: 4, IDs: rowIDs(n), Logits: random(3, n, 4, false)}
	s.Features, s.Labels = clustered(7, n, d, 4)
	if rows := rowsAtATime(s.D + s.C); rows >= n {
		t.Fatalf("%d images make one piece", rows)
	}
	copy(s.Row(n-1), s.Row(0))
	copy(s.Row(n-2), s.Row(0))
	s.IDs[n-1], s.Labels[5], s.Labels[n-1] = s.IDs[0], -1, s.Labels[0]
	path := filepath.Join(t.TempDir(), "dump.safetensors")
	if err := Save(path, s); err != nil {
		t.Fatal(err)
	}
	sum, err := Summarize(open(t, path), SummaryOptions{Pairs: PairOptions{MaxPairs: n * n}})
	if err != nil {
		t.Fatal(err)
	}
	u, tol, same := slowSpread(s.Features, d, s.Labels)
	if math.Abs(sum.Uniformity.Value-u) > 1e-6 || math.Abs(sum.Tolerance.Value-tol) > 1e-8 || sum.Tolerance.Pairs != same {
		t.Errorf("uniformity %v, tolerance %+v; want %v, %v over %d", sum.Uniformity.Value, sum.Tolerance, u, tol, same)
	}
	if want := slowRank(t, s.Features, d); math.Abs(*sum.Dims.EffectiveRank/want-1) > 1e-4 {
		t.Errorf("effective rank %v, want %v", *sum.Dims.EffectiveRank, want)
	}
	if want := slowRatio(t, s.Features, d); !near(*sum.Dims.VarianceRatio, want) {
		t.Errorf("variance ratio %v, want %v", *sum.Dims.VarianceRatio, want)
	}
	right, norms := 0, make([]float64, n)
	for i, p := range s.Predicted() {
		norms[i] = norm(s.Row(i))
		if int64(p) == s.Labels[i] {
			right++
		}
	}
	mean, sd := stat.PopMeanStdDev(norms, nil)
	if !near(*sum.Accuracy, float64(right)/(n-1)) || !near(sum.Norms.Mean, mean) || !near(sum.Norms.CV, sd/mean) || sum.Norms.Max != slices.Max(norms) {
		t.Errorf("accuracy %v, norms %+v", *sum.Accuracy, sum.Norms)
	}
	if sum.DuplicateRows != 2 || sum.DuplicateIDs != 1 || sum.Labelled != n-1 {
		t.Errorf("%d rows and %d ids twice, %d labelled", sum.DuplicateRows, sum.DuplicateIDs, sum.Labelled)
	}

	s.Features[3*d+8], s.Features[(n-1)*d], s.Logits[0] = float32(math.Inf(1)), float32(math.NaN()), float32(math.NaN())
	if err := Save(path, s); err != nil {
		t.Fatal(err)
	}
	want := "read " + path + `: image "3" has +Inf in feature column 8 (2 of 1400 images hold NaN or Inf)`
	if _, err := Summarize(open(t, path), SummaryOptions{}); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, want %s", err, want)
	}
}

// slowRatio is the largest variance of a column of the normalised rows over the smallest.
func slowRatio(t *testing.T, x []float32, d int) float64 {
	z, err := Normalize(nil, x, d)
	if err != nil {
		t.Fatal(err)
	}
	var all []float64
	for j := range d {
		var column []float64
		for i := j; i < len(z); i += d {
			column = append(column, float64(z[i]))
		}
		all = append(all, stat.PopVariance(column, nil))
	}
	return slices.Max(all) / slices.Min(all)
}

// What is taken from a sample is that of the whole set, though its images change from the first to the last and from one to the
// next.
func TestSummaryBySample(t *testing.T) {
	const n, d, most = 20_000, 8, 5_000
	defer func(m int) { mostSampled = m }(mostSampled)
	mostSampled = most
	r := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, 0, n*d)
	for i := range n {
		row := make([]float64, d)
		row[i%2], row[2] = 1, 2*float64(i)/n
		for _, v := range row {
			x = append(x, float32(v+float64(i)/n*0.3*r.NormFloat64()))
		}
	}
	sum := summarize(t, inMemory(x, d), SummaryOptions{Pairs: PairOptions{MaxPairs: n * n}})
	all, err := Uniformity(x, d, PairOptions{MaxPairs: 10_000_000})
	if err != nil {
		t.Fatal(err)
	}
	if u := sum.Uniformity; u.Exact || u.Pairs != pairs(most) || math.Abs(u.Value-all.Value) > 0.01 {
		t.Errorf("uniformity %+v, of the whole %v", u, all.Value)
	}
	if rank, want := *sum.Dims.EffectiveRank, slowRank(t, x, d); math.Abs(rank/want-1) > 0.02 || sum.Dims.RankImages != rankRows {
		t.Errorf("effective rank %v over %d images, of the whole %v", rank, sum.Dims.RankImages, want)
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
