package features

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// slowSpread is the definition of both measures, pair by pair in float64.
func slowSpread(x []float32, d int, class []int64) (uniformity, tolerance float64, same int64) {
	n := len(x) / d
	var kernel, cosine float64
	for i := range n {
		for j := range i {
			a, b := x[i*d:(i+1)*d], x[j*d:(j+1)*d]
			na, nb := norm(a), norm(b)
			var squared, dot float64
			for k := range d {
				u, v := float64(a[k])/na, float64(b[k])/nb
				squared += (u - v) * (u - v)
				dot += u * v
			}
			kernel += math.Exp(-2 * squared)
			if class != nil && class[i] == class[j] && class[i] >= 0 {
				cosine += dot
				same++
			}
		}
	}
	return math.Log(kernel / float64(n*(n-1)/2)), cosine / float64(same), same
}

// clustered is features as a classifier leaves them: non-negative, around class means, with norms of their own.
func clustered(seed uint64, n, d, classes int) ([]float32, []int64) {
	r := rand.New(rand.NewPCG(seed, 3))
	means := random(seed+1, classes, d, true)
	x, class := make([]float32, 0, n*d), make([]int64, n)
	for i := range n {
		class[i] = int64(r.IntN(classes))
		scale := math.Exp(r.NormFloat64())
		for j := range d {
			v := float64(means[int(class[i])*d+j]) + 0.5*r.NormFloat64()
			x = append(x, float32(scale*max(v, 0)))
		}
	}
	return x, class
}

func TestSpreadAgainstTheDefinition(t *testing.T) {
	for _, c := range []struct{ n, d, classes int }{{2, 1, 1}, {3, 2, 1}, {50, 7, 3}, {600, 20, 5}} {
		x, class := clustered(uint64(c.n), c.n, c.d, c.classes)
		for i := range c.n { // no zero row
			x[i*c.d] += 0.1
		}
		if c.n > 10 {
			class[4] = -1
		}
		before := slices.Clone(x)
		u, err := Uniformity(x, c.d, PairOptions{})
		if err != nil {
			t.Fatal(err)
		}
		tol, err := Tolerance(x, c.d, class)
		if err != nil {
			t.Fatal(err)
		}
		wantU, wantT, same := slowSpread(x, c.d, class)
		if math.Abs(u.Value-wantU) > 1e-6 || !u.Exact || u.Pairs != pairs(c.n) {
			t.Errorf("%v: uniformity %+v, want %v", c, u, wantU)
		}
		if math.Abs(tol.Value-wantT) > 1e-12 || !tol.Exact || tol.Pairs != same {
			t.Errorf("%v: tolerance %+v, want %v over %d", c, tol, wantT, same)
		}
		if !slices.Equal(x, before) {
			t.Error("x was changed")
		}
	}
}

// Two opposite vectors are 2 apart: exp(−2·4). Two equal ones agree wholly.
func TestSpreadByHand(t *testing.T) {
	u, _ := Uniformity([]float32{1, 0, -3, 0}, 2, PairOptions{})
	if math.Abs(u.Value+8) > 1e-12 {
		t.Errorf("opposite: %v", u.Value)
	}
	u, _ = Uniformity([]float32{1, 2, 3, 6}, 2, PairOptions{})
	if math.Abs(u.Value) > 1e-6 {
		t.Errorf("parallel: %v", u.Value)
	}
	tol, _ := Tolerance([]float32{1, 0, 0, 2, 5, 0}, 2, []int64{0, 0, 0})
	if math.Abs(tol.Value-1.0/3) > 1e-15 {
		t.Errorf("two right angles and one agreement: %v", tol.Value)
	}
}

// The sample takes about as many pairs as asked, agrees with all pairs within the stated error, and depends on
// nothing but the seed.
func TestSampledUniformity(t *testing.T) {
	const n, d, limit = 1500, 16, 100_000
	x, class := clustered(9, n, d, 10)
	order := make([]int, n) // sorted by class: neighbours are no fair sample
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return int(class[a] - class[b]) })
	var sorted []float32
	for _, i := range order {
		sorted = append(sorted, x[i*d:(i+1)*d]...)
	}
	exact, err := Uniformity(sorted, d, PairOptions{MaxPairs: n * n})
	if err != nil || !exact.Exact {
		t.Fatal(exact, err)
	}
	var squares float64
	const seeds = 20
	for seed := range uint64(seeds) {
		opt := PairOptions{MaxPairs: limit, Seed: seed}
		u, err := Uniformity(sorted, d, opt)
		if err != nil || u.Exact || u.Pairs < limit*9/10 || u.Pairs > limit*12/10 {
			t.Fatal(u, err)
		}
		if again, _ := Uniformity(sorted, d, opt); again != u {
			t.Errorf("seed %d gave %v and %v", seed, u, again)
		}
		squares += (u.Value - exact.Value) * (u.Value - exact.Value)
	}
	// A twentieth of the default number of pairs may be wrong by √20 times as much.
	if rms := math.Sqrt(squares / seeds); rms > 0.01*math.Sqrt(20)/3 || rms == 0 {
		t.Errorf("a sample of %d pairs is wrong by %v, in three standard errors %v", limit, rms, 3*rms)
	}
}

// Every pair is as likely as any other, at block sizes that do not divide n, down to pairs.
func TestSampleIsUnbiased(t *testing.T) {
	const n, d = 11, 3
	x := random(4, n, d, false)
	exact, _ := Uniformity(x, d, PairOptions{})
	for _, limit := range []int{1, 12, 25} {
		var mean float64
		const seeds = 6000
		for seed := range uint64(seeds) {
			u, err := Uniformity(x, d, PairOptions{MaxPairs: limit, Seed: seed})
			if err != nil || u.Exact || u.Pairs < n/2 {
				t.Fatal(u, err)
			}
			mean += math.Exp(u.Value) / seeds
		}
		if want := math.Exp(exact.Value); math.Abs(mean/want-1) > 0.025 {
			t.Errorf("limit %d: mean over seeds %v, exact %v", limit, mean, want)
		}
	}
}

// Of more classes than there is room for some speak for all.
func TestToleranceOfSomeClasses(t *testing.T) {
	const n, d, classes, most = 20_000, 16, 400, 100
	x, class := clustered(2, n, d, classes)
	want, err := Tolerance(x, d, class)
	if err != nil {
		t.Fatal(err)
	}
	all := make([]int64, classes)
	for k := range all {
		all[k] = int64(k)
	}
	sums := newClassSums(all, d, most)
	for i, k := range class {
		row := x[i*d : (i+1)*d]
		sums.add(row, norm(row), k)
	}
	got, ok := sums.mean()
	if share := float64(got.Pairs) / float64(want.Pairs) * classes / most; !ok || got.Exact || len(sums.of) != most || share < 0.9 || share > 1.1 {
		t.Errorf("%+v of %d classes", got, len(sums.of))
	}
	if math.Abs(got.Value-want.Value) > 0.02 {
		t.Errorf("tolerance %v, of all classes %v", got.Value, want.Value)
	}
}

func TestSpreadErrors(t *testing.T) {
	if _, err := Uniformity([]float32{1, 2}, 2, PairOptions{}); err == nil {
		t.Error("uniformity of one row")
	}
	for _, class := range [][]int64{{0, 1}, {-1, -1}} {
		if _, err := Tolerance([]float32{1, 2}, 1, class); !errors.Is(err, errNoPair) {
			t.Errorf("tolerance of %v: %v", class, err)
		}
	}
	x := random(5, 40, 2, false)
	x[2*33], x[2*33+1] = 0, 0
	for _, limit := range []int{10, 1000} {
		var zero *ZeroVectorError
		if _, err := Uniformity(x, 2, PairOptions{MaxPairs: limit}); !errors.As(err, &zero) || zero.Row != 33 {
			t.Errorf("limit %d: %v", limit, err)
		}
	}
	var zero *ZeroVectorError
	if _, err := Tolerance(x, 2, make([]int64, 40)); !errors.As(err, &zero) || zero.Row != 33 {
		t.Errorf("tolerance: %v", err)
	}
	x[2*33] = float32(math.NaN())
	if _, err := Uniformity(x, 2, PairOptions{}); err == nil || !strings.Contains(err.Error(), "NaN") {
		t.Error(err)
	}
	if _, err := Tolerance(x, 2, make([]int64, 40)); err == nil || !strings.Contains(err.Error(), "NaN") {
		t.Error(err)
	}
}

func BenchmarkSummarize(b *testing.B) {
	for _, c := range []struct{ n, d int }{{30_000, 128}, {10_000, 2048}} {
		x, class := clustered(1, c.n, c.d, 10)
		s := inMemory(x, c.d)
		s.Labels = class
		b.Run(fmt.Sprintf("%dx%d", c.n, c.d), func(b *testing.B) {
			for b.Loop() {
				if _, err := Summarize(NewReader(s), SummaryOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
