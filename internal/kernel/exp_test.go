package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// exponentials lets Affine compute exp(s) of as many arguments, and returns s and exp(s) as it left them.
func exponentials(a []float32, clamp float32) (s, e []float32) {
	m := len(a)
	r := &rig{rng: rand.New(rand.NewPCG(1, 1)), value: func(*rand.Rand) float32 { return 0 }}
	z, y, ut := r.matrix(1, m), r.matrix(1, m), r.matrix(1, 2*m)
	copy(ut.slice(), a)
	Affine(z.values, y.values, ut.values, make([]float32, 2*m), clamp, make([]float32, m), make([]float32, m), make([]float64, 1))
	return ut.slice()[:m], ut.slice()[m:]
}

func TestExpIsRightToTwoUlp(t *testing.T) {
	defer forms()["scalar"]()
	rng := rand.New(rand.NewPCG(5, 5))
	for form, use := range forms() {
		use()
		var worst float64
		for range 200 {
			a := make([]float32, 4096)
			for i := range a {
				a[i] = float32(rng.NormFloat64() * math.Exp(8*rng.NormFloat64()))
			}
			s, e := exponentials(a, maxClamp)
			for i, v := range s {
				want := math.Exp(float64(v))
				ulp := float64(math.Nextafter32(float32(want), math.MaxFloat32) - float32(want))
				worst = max(worst, math.Abs(float64(e[i])-want)/ulp)
			}
		}
		t.Logf("%s: %.3f ulp at worst", form, worst)
		if worst > 2 {
			t.Errorf("%s: exp is off by %v ulp", form, worst)
		}
	}
}

// TestLogDeterminantIsAccurate checks the documented bound of a row's sum, and that long rows do not come near it.
func TestLogDeterminantIsAccurate(t *testing.T) {
	defer forms()["scalar"]()
	rng := rand.New(rand.NewPCG(6, 6))
	for form, use := range forms() {
		use()
		const m = 4096
		r := &rig{rng: rng, value: normal}
		z, y, ut, ladj := r.matrix(1, m), r.matrix(1, m), r.matrix(1, 2*m), []float64{0}
		Affine(z.values, y.values, ut.values, make([]float32, 2*m), 2, make([]float32, m), make([]float32, m), ladj)
		var sum, size float64
		for _, s := range ut.slice()[:m] {
			sum += float64(s)
			size += math.Abs(float64(s))
		}
		if off := math.Abs(ladj[0] - sum); off > m*0x1p-27*size || off > 1e-6*size {
			t.Errorf("%s: Σ s is %v, want %v", form, ladj[0], sum)
		}
	}
}
