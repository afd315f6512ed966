package eval

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// drawTied returns small whole numbers, so that most values occur several times on both sides.
func drawTied(r *rand.Rand) (id, ood []float64) {
	for range 1 + r.IntN(30) {
		id = append(id, float64(r.IntN(8)))
	}
	for range 1 + r.IntN(30) {
		ood = append(ood, float64(r.IntN(8)+r.IntN(3)))
	}
	return id, ood
}

func TestAUROCAgainstAllPairs(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		id, ood := drawTied(r)
		want := 0.0
		for _, x := range id {
			for _, y := range ood {
				if y > x {
					want++
				} else if y == x {
					want += 0.5
				}
			}
		}
		want /= float64(len(id) * len(ood))
		got, err := AUROC(id, ood)
		if err != nil || math.Abs(got-want) > 2e-16 {
			t.Fatalf("AUROC(%v, %v) = %v, %v, want %v", id, ood, got, err, want)
		}
	}
}

// TestFPRAgainstAllThresholds tries every observed score as a threshold.
func TestFPRAgainstAllThresholds(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		id, ood := drawTied(r)
		best := 1.0
		for _, threshold := range id {
			accepted := func(x float64) bool { return x <= threshold }
			if fraction(id, accepted) >= 0.95 {
				best = min(best, fraction(ood, accepted))
			}
		}
		if got, _ := FPR95(id, ood); got != best {
			t.Fatalf("FPR95(%v, %v) = %v, want %v", id, ood, got, best)
		}
		// Negating all and swapping the sides exchanges the two definitions.
		if got, _ := FPR95OODPositive(negate(ood), negate(id)); got != best {
			t.Fatalf("FPR95OODPositive = %v, want %v", got, best)
		}
	}
}

func fraction(x []float64, in func(float64) bool) float64 {
	n := 0
	for _, v := range x {
		if in(v) {
			n++
		}
	}
	return float64(n) / float64(len(x))
}

func negate(x []float64) []float64 {
	out := slices.Clone(x)
	for i := range out {
		out[i] = -out[i]
	}
	return out
}

func TestNegatedScoresMirrorEverything(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		id, ood := drawTied(r)
		a, err := Compare(id, ood)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Compare(negate(id), negate(ood))
		if err != nil {
			t.Fatal(err)
		}
		if b.AUROC() != 1-a.AUROC() {
			t.Fatalf("AUROC %v, of negated scores %v", a.AUROC(), b.AUROC())
		}
		low, high, _ := a.AUROCInterval(0.95)
		mirrorLow, mirrorHigh, _ := b.AUROCInterval(0.95)
		near(t, "low end", mirrorLow, 1-high, 1e-12)
		near(t, "high end", mirrorHigh, 1-low, 1e-12)
		if !(0 <= low && low <= a.AUROC() && a.AUROC() <= high && high <= 1) {
			t.Fatalf("%v is not within [%v, %v]", a.AUROC(), low, high)
		}
		swapped, _ := Compare(negate(ood), negate(id))
		near(t, "AUPR with sides swapped", swapped.AUPRIn(), a.AUPROut(), 1e-15)
	}
}

// TestOnlyTheOrderCounts uses maps that are monotone and one-to-one on the values drawn. The last one leaves the scores
// within 1e-3 around -2500, where a float32 or a sigmoid would tie them all.
func TestOnlyTheOrderCounts(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	maps := []func(float64) float64{
		math.Exp,
		func(x float64) float64 { return x*x*x - 7 },
		func(x float64) float64 { return -2500 + 1e-4*x },
	}
	for range 100 {
		id, ood := drawTied(r)
		want, err := Evaluate("", "", id, ood)
		if err != nil {
			t.Fatal(err)
		}
		for k, f := range maps {
			got, err := Evaluate("", "", apply(f, id), apply(f, ood))
			got.AUTC = want.AUTC // which depends on the distances, too
			if err != nil || got != want {
				t.Fatalf("map %d: %+v, %v, want %+v", k, got, err, want)
			}
		}
	}
}

func apply(f func(float64) float64, x []float64) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = f(v)
	}
	return out
}

func TestBadScores(t *testing.T) {
	ok := []float64{1, 2, 3}
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		id, ood []float64
		want    string
	}{
		{nil, ok, "there are no ID scores"},
		{ok, nil, "there are no OOD scores"},
		{[]float64{1, nan}, ok, "ID score 1 is NaN"},
		{ok, []float64{1, 2, inf}, "OOD score 2 is +Inf"},
		{[]float64{-inf}, ok, "ID score 0 is -Inf"},
	} {
		_, err := Compare(c.id, c.ood)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Compare(%v, %v): %v, want %q", c.id, c.ood, err, c.want)
		}
	}
	if _, _, err := AUROCInterval(ok, ok, 1); err == nil {
		t.Error("a level of 1 was accepted")
	}
}

func TestScoresStayAsTheyWere(t *testing.T) {
	id, ood := []float64{3, 1, 2}, []float64{9, 7, 8}
	if _, err := Evaluate("", "", id, ood); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(id, []float64{3, 1, 2}) || !slices.Equal(ood, []float64{9, 7, 8}) {
		t.Errorf("changed to %v, %v", id, ood)
	}
}

// TestMillionsOfScores has two interleaved combs, whose areas are known in closed form.
func TestMillionsOfScores(t *testing.T) {
	const n = 1_000_000
	id, ood := make([]float64, n), make([]float64, n)
	for i := range n {
		id[i], ood[i] = float64(2*i), float64(2*i+1)
	}
	res, err := Evaluate("", "", id, ood)
	if err != nil {
		t.Fatal(err)
	}
	if want := float64(n+1) / (2 * n); res.AUROC != want {
		t.Errorf("AUROC = %v, want %v", res.AUROC, want)
	}
	// Precision is k/(2k-1) after the k-th ID image and 1/2 after the k-th OOD image: the area is the mean over
	// k of (1/2 + k/(2k-1))/2, but for k = 1, where precision starts at 1.
	want := 1.0
	for k := 2; k <= n; k++ {
		want += (0.5 + float64(k)/float64(2*k-1)) / 2
	}
	near(t, "AUPR-in", res.AUPRIn, want/n, 1e-12)
	if res.FPR95 != 0.95-1.0/n {
		near(t, "FPR95", res.FPR95, 0.95-1.0/n, 1e-15)
	}
}
