package flow

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distmv"
)

// shapes are the configurations that the mathematics is checked at.
var shapes = []Config{
	{Dim: 2, Layers: 1, Hidden: 3, Clamp: 2, Whiten: WhitenNone},
	{Dim: 2, Layers: 4, Hidden: 8, Clamp: 1, Whiten: WhitenTotal, Classes: 3},
	{Dim: 3, Layers: 2, Hidden: 5, Clamp: 2, Whiten: WhitenTotal},
	{Dim: 7, Layers: 3, Hidden: 4, Clamp: 0.5, Whiten: WhitenWithin, Classes: 2},
	{Dim: 8, Layers: 4, Hidden: 16, Clamp: 2, Whiten: WhitenNone, Classes: 1},
	{Dim: 5, Layers: 0, Whiten: WhitenTotal},
	{Arch: ArchGlow, Dim: 2, Layers: 2, Hidden: 8, Clamp: 1, Whiten: WhitenTotal, Classes: 2},
	{Arch: ArchGlow, Dim: 3, Layers: 1, Hidden: 4, Clamp: 2, Whiten: WhitenNone},
	{Arch: ArchGlow, Dim: 7, Layers: 2, Hidden: 5, Clamp: 2, Whiten: WhitenWithin, Classes: 3},
}

func eachShape(t *testing.T, check func(t *testing.T, f *Flow, rng *rand.Rand)) {
	for _, cfg := range shapes {
		t.Run(fmt.Sprintf("%sd%d,K%d,%s,C%d", cfg.Arch, cfg.Dim, cfg.Layers, cfg.Whiten, cfg.Classes), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(uint64(cfg.Dim), 99))
			check(t, randomFlow(t, cfg, rng), rng)
		})
	}
}

// randomFlow has no weight at zero, so that every term of the mathematics counts.
func randomFlow(t testing.TB, cfg Config, rng *rand.Rand) *Flow {
	t.Helper()
	f, err := layout(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i := range f.params {
		f.params[i] = float32(rng.NormFloat64() / math.Sqrt(float64(4+cfg.Hidden)))
	}
	for _, b := range f.blocks {
		if b.linear == nil {
			continue
		}
		for i, k := range rng.Perm(cfg.Dim) {
			b.linear.rows[i], b.linear.signs[i] = float32(k), float32(1-2*rng.IntN(2))
		}
		for i := range b.linear.lu { // still well conditioned
			b.linear.lu[i] = float32(rng.NormFloat64() / (2 * math.Sqrt(float64(cfg.Dim))))
		}
	}
	if f.whiten != nil {
		f.whiten = randomWhiten(t, cfg.Dim, rng)
	}
	if m, ok := f.base.(*mixture); ok {
		for i := range m.means {
			m.means[i] *= 4
		}
		counts := make([]int, cfg.Classes)
		for c := range counts {
			counts[c] = 1 + 2*c
		}
		for c, s := range classShares(counts) {
			m.logWeight[c] = math.Log(s)
		}
	}
	return f
}

func randomWhiten(t testing.TB, d int, rng *rand.Rand) *whiten {
	t.Helper()
	x := normals(3*d*d, rng)
	for i := range x {
		x[i] = x[i]*float32(1+i%d)*0.3 + 0.5*x[i/d*d] + 1
	}
	m, err := Data{Rows: Matrix(x, d)}.moments(false)
	if err != nil {
		t.Fatal(err)
	}
	w, err := fitWhiten(m.mean, m.cov, leastRidge)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func meanRow(t testing.TB, x []float32, d int) []float64 {
	t.Helper()
	m, err := Data{Rows: Matrix(x, d)}.means()
	if err != nil {
		t.Fatal(err)
	}
	return m.mean
}

func normals(n int, rng *rand.Rand) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

func logProb(t testing.TB, f *Flow, x []float32) []float64 {
	t.Helper()
	p, err := f.LogProb(nil, x)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestInverseUndoesForward(t *testing.T) {
	eachShape(t, func(t *testing.T, f *Flow, rng *rand.Rand) {
		x := normals(700*f.cfg.Dim, rng) // more than one scoring batch
		z, _ := f.Forward(x)
		back := f.Inverse(z)
		for i, v := range x {
			if d := math.Abs(float64(back[i] - v)); d > 2e-4*(1+math.Abs(float64(v))) {
				t.Fatalf("element %d: %v came back as %v", i, v, back[i])
			}
		}
	})
}

// TestLogDetIsThatOfTheJacobian compares with the determinant of central differences.
func TestLogDetIsThatOfTheJacobian(t *testing.T) {
	eachShape(t, func(t *testing.T, f *Flow, rng *rand.Rand) {
		d := f.cfg.Dim
		const h = 3e-4
		for range 5 {
			x := normals(d, rng)
			_, logdet := f.Forward(x)
			jac := mat.NewDense(d, d, nil)
			for j := range d {
				for _, sign := range []float32{1, -1} {
					moved := append([]float32(nil), x...)
					moved[j] += sign * h
					z, _ := f.Forward(moved)
					for i, v := range z {
						jac.Set(i, j, jac.At(i, j)+float64(sign*v)/(2*h))
					}
				}
			}
			want, sign := mat.LogDet(jac)
			if sign == 0 || math.Abs(want-logdet[0]) > 0.03 {
				t.Fatalf("log-determinant %v, the Jacobian's is %v", logdet[0], want)
			}
		}
	})
}

func TestDensityIntegratesToOne(t *testing.T) {
	eachShape(t, func(t *testing.T, f *Flow, rng *rand.Rand) {
		if f.cfg.Dim != 2 {
			t.Skip("only in two dimensions")
		}
		// the grid covers where samples fall, and twice as much around it
		s := f.Sample(4000, 1)
		lo, hi := [2]float64{math.Inf(1), math.Inf(1)}, [2]float64{math.Inf(-1), math.Inf(-1)}
		for i, v := range s {
			lo[i%2], hi[i%2] = min(lo[i%2], float64(v)), max(hi[i%2], float64(v))
		}
		const side = 1000
		var x []float32
		area := 1.0
		for k := range 2 {
			lo[k], hi[k] = lo[k]-(hi[k]-lo[k])/2, hi[k]+(hi[k]-lo[k])/2
			area *= (hi[k] - lo[k]) / side
		}
		for i := range side {
			for j := range side {
				x = append(x, float32(lo[0]+(hi[0]-lo[0])*(float64(i)+0.5)/side), float32(lo[1]+(hi[1]-lo[1])*(float64(j)+0.5)/side))
			}
		}
		var sum float64
		for _, p := range logProb(t, f, x) {
			sum += math.Exp(p) * area
		}
		if math.Abs(sum-1) > 0.01 {
			t.Errorf("the density integrates to %v", sum)
		}
	})
}

// TestSamplesFollowTheDensity maps samples back and holds their latent means against those of fresh draws of the base.
func TestSamplesFollowTheDensity(t *testing.T) {
	eachShape(t, func(t *testing.T, f *Flow, rng *rand.Rand) {
		x := f.Sample(20000, 5)
		z, _ := f.Forward(x)
		want := f.base.sample(20000, rand.New(rand.NewPCG(8, 8)))
		d := f.cfg.Dim
		got, expected := meanRow(t, z, d), meanRow(t, want, d)
		for j := range d {
			if math.Abs(got[j]-expected[j]) > 0.1 {
				t.Errorf("coordinate %d: the latent mean of samples is %v, the base's is %v", j, got[j], expected[j])
			}
		}
	})
}

func TestLogProbOfGaussianIsGonums(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	f := randomFlow(t, Config{Dim: 6, Whiten: WhitenTotal}, rng)
	w := f.whiten
	mu, sigma := make([]float64, 6), mat.NewSymDense(6, nil)
	u := mat.NewDense(6, 6, nil)
	for i := range 6 {
		mu[i] = float64(w.mean[i])
		for j := range 6 {
			u.Set(i, j, float64(w.inv[i*6+j]))
		}
	}
	sigma.SymOuterK(1, u.T()) // Σ = UᵀU
	oracle, ok := distmv.NewNormal(mu, sigma, nil)
	if !ok {
		t.Fatal("the covariance is not positive definite")
	}
	x := normals(6*20, rng)
	for i, got := range logProb(t, f, x) {
		row := make([]float64, 6)
		for j := range row {
			row[j] = float64(x[i*6+j])
		}
		if want := oracle.LogProb(row); math.Abs(got-want) > 1e-4*(1+math.Abs(want)) {
			t.Errorf("row %d: %v, gonum says %v", i, got, want)
		}
	}
}

func TestRowsDoNotInfluenceEachOther(t *testing.T) {
	eachShape(t, func(t *testing.T, f *Flow, rng *rand.Rand) {
		x := normals(40*f.cfg.Dim, rng)
		all := logProb(t, f, x)
		for i := range all {
			one := logProb(t, f, x[i*f.cfg.Dim:(i+1)*f.cfg.Dim])
			if math.Abs(one[0]-all[i]) > 1e-5*(1+math.Abs(all[i])) {
				t.Fatalf("row %d: %v alone, %v among others", i, one[0], all[i])
			}
		}
	})
}

func TestRestoreGivesTheSameFlow(t *testing.T) {
	eachShape(t, func(t *testing.T, f *Flow, rng *rand.Rand) {
		state := map[string]Tensor{}
		for _, s := range f.State() {
			state[s.Name] = s
		}
		g, err := Restore(f.Config(), func(to Tensor) error {
			copy(to.F32, state[to.Name].F32)
			copy(to.F64, state[to.Name].F64)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		x := normals(10*f.cfg.Dim, rng)
		a, b := logProb(t, f, x), logProb(t, g, x)
		for i := range a {
			if a[i] != b[i] {
				t.Fatalf("row %d: %v, restored %v", i, a[i], b[i])
			}
		}
	})
}

func TestRestoreRefusesNumbersThatAreNotFinite(t *testing.T) {
	cfg := Config{Dim: 2, Layers: 1, Hidden: 2, Clamp: 2, Whiten: WhitenNone}
	_, err := Restore(cfg, func(to Tensor) error {
		to.F32[3] = float32(math.NaN())
		return nil
	})
	if err == nil {
		t.Error("NaN was accepted")
	}
}

func TestLogProbNeverReturnsNaN(t *testing.T) {
	f := randomFlow(t, shapes[2], rand.New(rand.NewPCG(1, 1)))
	x := make([]float32, 4*f.cfg.Dim)
	x[2*f.cfg.Dim] = math.MaxFloat32
	_, err := f.LogProb(nil, x)
	var row *RowError
	if !errors.As(err, &row) || row.Row != 2 || !errors.Is(err, ErrNotFinite) {
		t.Errorf("got error %v, want ErrNotFinite in row 2", err)
	}
}

func TestConfigCheck(t *testing.T) {
	good := Config{Dim: 4, Layers: 2, Hidden: 4, Clamp: 2, Whiten: WhitenTotal}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Config){
		"one dimension":   func(c *Config) { c.Dim = 1 },
		"negative layers": func(c *Config) { c.Layers = -1 },
		"no hidden units": func(c *Config) { c.Hidden = 0 },
		"no clamp":        func(c *Config) { c.Clamp = 0 },
		"NaN clamp":       func(c *Config) { c.Clamp = math.NaN() },
		"classes":         func(c *Config) { c.Classes = -1 },
		"architecture":    func(c *Config) { c.Arch = "maf" },
		"whitening":       func(c *Config) { c.Whiten = "zca" },
		"huge":            func(c *Config) { c.Dim, c.Hidden = math.MaxInt32, math.MaxInt32 },
	} {
		c := good
		spoil(&c)
		if c.Check() == nil {
			t.Errorf("%s: accepted %+v", name, c)
		}
	}
}
