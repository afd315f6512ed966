package eval

import "math"

// newcombe returns Newcombe's score interval for an AUROC a of m against n images: the values θ for which
//
//	(a − θ)² ≤ z²·V(θ),  V(θ) = θ(1−θ)·[1 + N·((1−θ)/(2−θ) + θ/(1+θ))] / (m·n),  N = (m+n)/2 − 1.
//
// V is Hanley and McNeil's variance (exponential scores) with both sample sizes replaced by their mean, taken
// at the hypothesis and not at the estimate, so the interval has a width at a = 1 too. Method 5 of Newcombe,
// Statistics in Medicine 25 (2006) 559-573.
func newcombe(a float64, m, n int, z float64) (low, high float64) {
	return newcombeEnd(a, 0, m, n, z), newcombeEnd(a, 1, m, n, z)
}

// newcombeEnd finds the end of the interval that lies between a and outside (0 or 1) by bisection: a itself
// satisfies the inequality and outside does not, unless a is outside.
func newcombeEnd(a, outside float64, m, n int, z float64) float64 {
	if a == outside {
		return a
	}
	inside := a
	for range 60 { // 2^-60 is below the spacing of float64 near one half
		t := (inside + outside) / 2
		if math.Abs(a-t) <= z*math.Sqrt(hanleyMcNeil(t, float64(m), float64(n))) {
			inside = t
		} else {
			outside = t
		}
	}
	return inside
}

func hanleyMcNeil(t, m, n float64) float64 {
	return t * (1 - t) * (1 + ((m+n)/2-1)*((1-t)/(2-t)+t/(1+t))) / (m * n)
}
