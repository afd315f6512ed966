package detect

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/oodflow/oodflow/features"
	"gonum.org/v1/gonum/mat"
)

// TestWhiteningInverts checks Σ·(W·Wᵀ)·Σ = Σ and the rank, for covariances that take the Cholesky path, the eigenvalues, and
// those with features that do not vary.
func TestWhiteningInverts(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 32))
	const d = 9
	for _, c := range []struct {
		name string
		rank int
		make func(x *mat.Dense) // from 9 columns of noise
	}{
		{"full rank", 9, func(x *mat.Dense) {}},
		{"condition 1e6", 9, func(x *mat.Dense) { scaleColumn(x, 4, 1e-3) }},
		{"condition 1e12", 9, func(x *mat.Dense) { scaleColumn(x, 4, 1e-6) }},
		{"dead channels", 7, func(x *mat.Dense) { scaleColumn(x, 0, 0); scaleColumn(x, 8, 0) }},
		{"below the cut", 8, func(x *mat.Dense) { scaleColumn(x, 3, 1e-9) }},
		{"a copy", 8, func(x *mat.Dense) {
			for i := range 40 {
				x.Set(i, 6, x.At(i, 2))
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := mat.NewDense(40, d, nil)
			x.Apply(func(_, _ int, _ float64) float64 { return r.NormFloat64() }, x)
			c.make(x)
			var sigma mat.Dense
			sigma.Mul(x.T(), x)
			w, rank, err := whitening(slices.Clone(sigma.RawMatrix().Data), d)
			if err != nil {
				t.Fatal(err)
			}
			if rank != c.rank {
				t.Fatalf("rank %d, want %d", rank, c.rank)
			}
			white := mat.NewDense(d, rank, w)
			var inner, product mat.Dense
			inner.Mul(&sigma, white)
			product.Mul(&inner, inner.T())
			if !mat.EqualApprox(&product, &sigma, 1e-9*mat.Max(&sigma)) {
				t.Errorf("Σ·W·Wᵀ·Σ is not Σ")
			}
		})
	}
}

func scaleColumn(x *mat.Dense, j int, by float64) {
	n, _ := x.Dims()
	for i := range n {
		x.Set(i, j, by*x.At(i, j))
	}
}

// TestWhiteningPathsAgree: the fast path gives the distances of the slow one.
func TestWhiteningPathsAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(33, 34))
	x := mat.NewDense(50, 8, nil)
	x.Apply(func(_, j int, _ float64) float64 { return r.NormFloat64() * math.Pow(10, -float64(j)/4) }, x)
	var sigma mat.SymDense
	sigma.SymOuterK(1, x.T())
	fast, err := whitenFullRank(&sigma)
	if err != nil {
		t.Fatal(err)
	}
	slow, err := whitenEigen(&sigma, 8*0x1p-52)
	if err != nil {
		t.Fatal(err)
	}
	var a, b mat.Dense
	a.Mul(fast, fast.T())
	b.Mul(slow, slow.T())
	if !mat.EqualApprox(&a, &b, 1e-10*mat.Max(&b)) {
		t.Error("the inverses differ")
	}
}

// TestMahalanobisInvariance: an invertible linear map and a shift of all features change no distance.
func TestMahalanobisInvariance(t *testing.T) {
	train, test := randomSet(9, 200, 6, 3), randomSet(10, 50, 6, 3)
	want := scoresOf(t, train, test)
	moved := func(s *features.Set) *features.Set {
		out := clone(s)
		for i := range s.N {
			for j := range 6 {
				out.Features[i*6+j] = 2*s.Row(i)[j] - s.Row(i)[(j+1)%6] + 1000
			}
		}
		return out
	}
	got := scoresOf(t, moved(train), moved(test))
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-3*want[i] { // float32 holds 1000 + x to 6e-5
			t.Fatalf("score %d: %v became %v", i, want[i], got[i])
		}
	}
}

func scoresOf(t *testing.T, train, test *features.Set) []float64 {
	t.Helper()
	m, err := FitMahalanobis(train, false)
	if err != nil {
		t.Fatal(err)
	}
	scores, err := m.Score(nil, test)
	if err != nil {
		t.Fatal(err)
	}
	return scores
}

func TestMahalanobisTellsWhereClassesComeFrom(t *testing.T) {
	for _, c := range []struct {
		change func(s *features.Set)
		want   string
	}{
		{func(s *features.Set) {}, ""},
		{func(s *features.Set) { s.Labels[3], s.Labels[5] = -1, -1 }, "2 of 60 training images have no label"},
		{func(s *features.Set) { s.Labels = nil }, "the predicted classes stand in"},
		{func(s *features.Set) { clear(s.Labels) }, "only one class"},
	} {
		s := randomSet(11, 60, 4, 3)
		c.change(s)
		m, err := FitMahalanobis(s, true)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(Warnings(m), "; "); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("warnings %q, want %q", got, c.want)
		}
	}
}

// TestMahalanobisLeavesOutUnlabelled: images without a label count as if they were not there.
func TestMahalanobisLeavesOutUnlabelled(t *testing.T) {
	s, test := randomSet(12, 60, 4, 3), randomSet(13, 10, 4, 3)
	var known []int
	for i := range s.N {
		if i%4 == 0 {
			s.Labels[i] = -1
		} else {
			known = append(known, i)
		}
	}
	want := scoresOf(t, subset(s, known), test)
	got := scoresOf(t, s, test)
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-12*want[i] {
			t.Fatalf("score %d is %v, want %v", i, got[i], want[i])
		}
	}
}

func TestFitSaysWhatItNeeds(t *testing.T) {
	bare := randomSet(14, 30, 4, 2)
	bare.Logits, bare.Labels, bare.C = nil, nil, 0
	for name, want := range map[string]string{
		"msp": "logits", "maxlogit": "logits", "energy": "logits",
		"mahalanobis": "labels or logits", "mahalanobis++": "labels or logits",
	} {
		var needs *NeedsError
		if _, err := Fit(name, bare); !errors.As(err, &needs) || needs.Detector != name || needs.What != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Fit("knn", bare); err != nil {
		t.Errorf("knn: %v", err)
	}
	one := randomSet(14, 30, 4, 1)
	var needs *NeedsError
	if _, err := Fit("msp", one); !errors.As(err, &needs) {
		t.Errorf("msp with one class: %v", err)
	}
	if _, err := Fit("vmi", bare); err == nil || !strings.Contains(err.Error(), "mahalanobis++") {
		t.Errorf("unknown name: %v", err)
	}
}

func TestFitRefusesWhatHasNoDirectionOrSpread(t *testing.T) {
	zero := randomSet(15, 30, 4, 2)
	clear(zero.Row(7))
	for _, name := range []string{"knn", "mahalanobis++"} {
		var e *features.ZeroVectorError
		if _, err := Fit(name, zero); !errors.As(err, &e) || e.Row != 7 || e.ID != "image7" {
			t.Errorf("%s: %v", name, err)
		}
		d, err := Fit(name, randomSet(15, 30, 4, 2))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Score(nil, zero); !errors.As(err, &e) || e.Row != 7 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Fit("mahalanobis", zero); err != nil {
		t.Errorf("mahalanobis does not normalise, yet: %v", err)
	}
	same := randomSet(15, 30, 4, 2)
	for i := range same.Features {
		same.Features[i] = 1
	}
	if _, err := Fit("mahalanobis", same); err == nil || !strings.Contains(err.Error(), "do not vary") {
		t.Errorf("constant features: %v", err)
	}
}
