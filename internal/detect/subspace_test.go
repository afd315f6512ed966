package detect

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestOrigin: for more classes than features, fewer, and layers with equal rows or none that is not zero, −W⁺·b is the
// same by either factorisation, and the shortest of the points where ‖W·u + b‖ is least.
func TestOrigin(t *testing.T) {
	r := rand.New(rand.NewPCG(61, 62))
	for _, c := range []struct {
		name             string
		classes, d, same int // so many rows are like the first
	}{{"wide", 3, 8, 0}, {"tall", 9, 4, 0}, {"square", 5, 5, 0}, {"one class", 1, 4, 0}, {"equal rows", 6, 7, 2}, {"tall, equal rows", 7, 6, 4}, {"zero", 2, 3, -1}} {
		w, b := make([]float32, c.classes*c.d), make([]float32, c.classes)
		for i := range w {
			w[i] = float32(r.NormFloat64())
		}
		for i := range b {
			b[i] = float32(r.NormFloat64())
		}
		for k := 1; k <= c.same; k++ {
			copy(w[k*c.d:(k+1)*c.d], w[:c.d])
		}
		if c.same < 0 {
			clear(w)
		}
		h := newHead(c.classes, c.d, w, b)
		u, err := origin(&h)
		if err != nil {
			t.Fatal(err)
		}
		slow, err := originBySVD(&h)
		if err != nil {
			t.Fatal(err)
		}
		for j := range u {
			if math.Abs(u[j]-slow[j]) > 1e-12*length(slow) {
				t.Errorf("%s: %v by QR, %v by singular values", c.name, u, slow)
				break
			}
		}
		miss := func(u []float64) float64 {
			l := make([]float64, c.classes)
			h.logits(l, u, 1)
			return length(l)
		}
		for range 20 {
			near := make([]float64, c.d)
			for j := range near {
				near[j] = u[j] + 1e-3*r.NormFloat64()
			}
			if a, b := miss(near), miss(u); a < b-1e-12 || a < b+1e-9 && length(near) < length(u)-1e-9 {
				t.Errorf("%s: a better point than %v is %v", c.name, u, near)
			}
		}
	}
}

// TestSubspaceOfFewDimensions: features that span less than what should be principal leave half of that, and a warning.
func TestSubspaceOfFewDimensions(t *testing.T) {
	train := randomSet(63, 60, 10, 3)
	for i := range train.Features {
		if i%10 > 2 {
			train.Features[i] = 0
		}
	}
	for name, fit := range map[string]func() (Detector, error){
		"vim":      func() (Detector, error) { return as(FitViM(train)) },
		"residual": func() (Detector, error) { return as(FitResidual(train)) },
	} {
		d, err := fit()
		if err != nil {
			t.Fatal(err)
		}
		// the origin, which is not in the span, takes a dimension of its own
		if w := Warnings(d); len(w) != 1 || !strings.Contains(w[0], name+": the training features span 4 of 10 dimensions, so 2 instead of 5") {
			t.Errorf("%s: warnings %q", name, w)
		}
	}
}

// TestPrincipal: ViM's dimensions by OpenOOD's steps.
func TestPrincipal(t *testing.T) {
	for d, want := range map[int]int{64: 32, 767: 383, 768: 512, 2047: 512, 2048: 1000} {
		if got := principal(d); got != want {
			t.Errorf("%d of %d dimensions, want %d", got, d, want)
		}
	}
}
