package kernel

import "math"

// How both forms compute e^x: x = n·ln 2 + r with the nearest integer n, so |r| ≤ ln 2 / 2; e^r = 1 + r + r²·q(r); the
// product with 2^n adds n to the exponent's bits. ln 2 comes in two parts, the first with so few bits that n times
// it is exact. q is the polynomial of degree 4 with the least largest relative error of e^r on that interval, 3e-9,
// found by iteratively reweighted least squares; its coefficients are then rounded to float32. What remains is
// rounding: less than 1 ulp with FMA, 2 ulp without.
const (
	log2e = 1.4426950408889634
	ln2hi = 0.693359375
	ln2lo = -2.12194440e-4 // ln 2 − ln2hi
	q0    = 0.49999994
	q1    = 0.16666521
	q2    = 0.04166839
	q3    = 0.008368745
	q4    = 0.0013814539

	// shifter added to a small number leaves the nearest integer in the lowest bits.
	shifter = 1.5 * (1 << 23)
	// least is where float32 exponentials are cut off to 0: they lose bits from -87.3 on.
	least = -87
)

// exp returns e^x for |x| < 87, and NaN for NaN.
func exp(x float32) float32 {
	if x != x {
		return x
	}
	shifted := x*log2e + shifter
	n := shifted - shifter
	r := x - n*ln2hi - n*ln2lo
	q := q0 + r*(q1+r*(q2+r*(q3+r*q4)))
	return math.Float32frombits(math.Float32bits(1+(r+r*r*q)) + math.Float32bits(shifted)<<23)
}

// expFlushed is exp for all x ≤ 0, with 0 for x < least.
func expFlushed(x float32) float32 {
	if x < least {
		return 0
	}
	return exp(x)
}

func abs(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }
