package kernel

import "math"

// AdamStep holds the constants of one step of Adam (Kingma & Ba, arXiv:1412.6980).
type AdamStep struct {
	Scale        float32 // factor of the gradient: what clipping left of it
	Beta1, Beta2 float32
	Rate         float32 // learning rate / (1 − β₁^t)
	Norm         float32 // 1 / √(1 − β₂^t)
	Epsilon      float32
}

// adamConstants are, as the assembly reads them: Scale, β₁, 1 − β₁, β₂, 1 − β₂, Rate, Norm, Epsilon.
type adamConstants [8]float32

// Adam moves parameters p against their gradient g and updates the moments m and v: with x = Scale·g,
//
//	m ← β₁·m + (1 − β₁)·x
//	v ← β₂·v + (1 − β₂)·x²
//	p ← p − Rate·m / (√v·Norm + Epsilon)
//
// All four are of one length; g is not changed.
func Adam(p, g, m, v []float32, step AdamStep) {
	checkLen("g", len(g), len(p))
	checkLen("m", len(m), len(p))
	checkLen("v", len(v), len(p))
	if len(p) > 0 {
		adam(p, g, m, v, &adamConstants{
			step.Scale, step.Beta1, 1 - step.Beta1, step.Beta2, 1 - step.Beta2, step.Rate, step.Norm, step.Epsilon,
		})
	}
}

func adamScalar(p, g, m, v []float32, c *adamConstants) {
	g, m, v = g[:len(p)], m[:len(p)], v[:len(p)]
	scale, keep1, take1, keep2, take2, rate, norm, eps := c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]
	for i, x := range g {
		x *= scale
		first := keep1*m[i] + take1*x
		second := keep2*v[i] + take2*x*x
		m[i], v[i] = first, second
		p[i] -= rate * first / (float32(math.Sqrt(float64(second)))*norm + eps)
	}
}
