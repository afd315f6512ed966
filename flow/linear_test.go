package flow

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// newTestLinear returns a map on d coordinates and room for its factors.
func newTestLinear(d int) (*linear, *factors) {
	f := &Flow{cfg: Config{Dim: d}}
	return newLinear(d, make([]float32, d*d), make([]float32, 2*d)), f.factors()
}

func composed(l *linear, s *factors) *mat.Dense {
	w := make([]float32, l.d*l.d)
	l.compose(w, s)
	return mat.NewDense(l.d, l.d, widen(nil, w))
}

// TestLinearComposesWhatItWasSetTo takes a matrix apart and puts it together again; its log-determinant is gonum's.
func TestLinearComposesWhatItWasSetTo(t *testing.T) {
	for _, d := range []int{2, 3, 5, 64, 70} {
		rng := rand.New(rand.NewPCG(uint64(d), 1))
		want := mat.NewDense(d, d, widen(nil, normals(d*d, rng)))
		l, s := newTestLinear(d)
		l.set(want)
		if err := l.check(); err != nil {
			t.Fatal(err)
		}
		if got := composed(l, s); !mat.EqualApprox(got, want, 1e-4) {
			t.Errorf("d = %d: composed another matrix", d)
		}
		if logdet, _ := mat.LogDet(want); math.Abs(l.ladj()-logdet) > 1e-4 {
			t.Errorf("d = %d: log-determinant %v, gonum's is %v", d, l.ladj(), logdet)
		}
	}
}

func TestLinearStartsAsARotation(t *testing.T) {
	for _, d := range []int{2, 3, 65} {
		l, s := newTestLinear(d)
		l.init(rand.New(rand.NewPCG(uint64(d), 2)))
		w := composed(l, s)
		var gram mat.Dense
		gram.Mul(w, w.T())
		eye := mat.NewDiagDense(d, slices.Repeat([]float64{1}, d))
		if !mat.EqualApprox(&gram, eye, 1e-5) {
			t.Errorf("d = %d: W Wᵀ is not the identity", d)
		}
		if mat.EqualApprox(w, eye, 0.1) {
			t.Errorf("d = %d: W is the identity", d)
		}
	}
}

func TestRestoreRefusesABrokenLinear(t *testing.T) {
	cfg := Config{Arch: ArchGlow, Dim: 3, Layers: 2, Hidden: 2, Clamp: 2, Whiten: WhitenNone}
	good := []float32{0, 1, 2, 1, 1, -1, 2, 0, 1, 1, -1, 1}
	for _, c := range []struct {
		at    int
		value float32
		want  string
	}{
		{0, 0, ""}, {1, 2, "permutation"}, {0, 3, "permutation"}, {2, -1, "permutation"}, {7, 0.5, "permutation"},
		{5, 0, "sign"}, {9, 2, "sign"},
	} {
		_, err := Restore(cfg, func(to Tensor) error {
			if to.Name == "flow.linear" {
				copy(to.F32, good)
				to.F32[c.at] = c.value
			}
			return nil
		})
		if (err == nil) != (c.want == "") || (err != nil && !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v at %d: error %v, want one about %q", c.value, c.at, err, c.want)
		}
	}
}

// TestConfigWithoutArchIsRealNVP reads what the first version wrote.
func TestConfigWithoutArchIsRealNVP(t *testing.T) {
	var c Config
	if err := json.Unmarshal([]byte(`{"dim":4,"layers":2,"hidden":3,"clamp":2,"whiten":"total","classes":0}`), &c); err != nil {
		t.Fatal(err)
	}
	named := c
	named.Arch = ArchRealNVP
	if err := c.Check(); err != nil || c.params() != named.params() || len(c.State()) != len(named.State()) {
		t.Errorf("%+v: %v, %d parameters; named realnvp it has %d", c, err, c.params(), named.params())
	}
}
