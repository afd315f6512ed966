package kernel

import "gonum.org/v1/gonum/blas/blas32"

// maxClamp bounds |s| so that exp need not look at its argument.
const maxClamp = 80

// Affine moves a batch through an affine coupling and the scaling and shifting of the layer after it. With the two
// halves of a row of ut as a = u + bias_u and b = t + bias_t,
//
//	s    = a / (1 + |a|/clamp)
//	z    = (y ⊙ exp(s) + b) ⊙ scale + shift
//	ladj ← ladj + Σ_j s_j
//
// and u becomes s, t becomes exp(s). z and y are n×m and may be the same, ut is n×2m, bias 2m, scale and shift m,
// ladj n. clamp is positive and at most 80. The sum of a row is made of float32 sums of a few hundred terms at most, its
// error is below m·2⁻²⁷·Σ|s|; what is added to ladj is float64. exp is right to 2 ulp.
func Affine(z, y, ut blas32.General, bias []float32, clamp float32, scale, shift []float32, ladj []float64) {
	n, m := y.Rows, y.Cols
	check("z", z, n, m)
	check("y", y, n, m)
	check("ut", ut, n, 2*m)
	checkClamp(clamp)
	checkLen("bias", len(bias), 2*m)
	checkLen("scale", len(scale), m)
	checkLen("shift", len(shift), m)
	checkLen("ladj", len(ladj), n)
	if n > 0 && m > 0 {
		affine(z, y, ut, bias, 1/clamp, scale, shift, ladj)
	}
}

func checkClamp(clamp float32) {
	if !(clamp > 0 && clamp <= maxClamp) {
		panic("kernel: clamp is not in (0, 80]")
	}
}

func affineScalar(z, y, ut blas32.General, bias []float32, inv float32, scale, shift []float32, ladj []float64) {
	m := y.Cols
	biasU, biasT := bias[:m], bias[m:][:m]
	scale, shift = scale[:m], shift[:m]
	for i := range y.Rows {
		out, in, st := row(z, i)[:m], row(y, i), row(ut, i)
		u, t := st[:m], st[m:][:m]
		var sum float64
		for j, v := range in[:m] {
			a := u[j] + biasU[j]
			s := a / (1 + abs(a)*inv)
			e := exp(s)
			out[j] = (v*e+(t[j]+biasT[j]))*scale[j] + shift[j]
			u[j], t[j] = s, e
			sum += float64(s)
		}
		ladj[i] += sum
	}
}

// AffineBackward takes a gradient back through a coupling z = y ⊙ exp(s) + b: with v = ∂L/∂z in grad, s and
// exp(s) in st as Affine left them, and ladj = ∂L/∂s of the log-determinant, the same for all,
//
//	∂L/∂a = (v ⊙ y ⊙ exp(s) + ladj) ⊙ (1 − |s|/clamp)²      to the first half of st, in place of s
//	∂L/∂b = v                                              to the second half of st, in place of exp(s)
//	∂L/∂y = v ⊙ exp(s)                                     to grad
//
// and adds the sums of st's columns to sum, the gradient of the bias. grad and y are n×m, st is n×2m, sum is 2m.
func AffineBackward(grad, y, st blas32.General, clamp, ladj float32, sum []float32) {
	n, m := y.Rows, y.Cols
	check("grad", grad, n, m)
	check("y", y, n, m)
	check("st", st, n, 2*m)
	checkClamp(clamp)
	checkLen("sum", len(sum), 2*m)
	if n > 0 && m > 0 {
		affineBackward(grad, y, st, 1/clamp, ladj, sum)
	}
}

func affineBackwardScalar(grad, y, st blas32.General, inv, ladj float32, sum []float32) {
	m := y.Cols
	sumA, sumB := sum[:m], sum[m:][:m]
	for i := range y.Rows {
		g, in, halves := row(grad, i)[:m], row(y, i)[:m], row(st, i)
		first, second := halves[:m], halves[m:][:m]
		for j, v := range g {
			slope := 1 - abs(first[j])*inv // √ds/da
			moved := v * second[j]
			ga := (moved*in[j] + ladj) * (slope * slope)
			g[j], first[j], second[j] = moved, ga, v
			sumA[j] += ga
			sumB[j] += v
		}
	}
}
