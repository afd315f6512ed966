package kernel

import "gonum.org/v1/gonum/blas/blas32"

// ActNorm scales and shifts columns: dst_ij = x_ij·scale_j + shift_j. dst and x are n×d and may be the same; scale and
// shift are d.
func ActNorm(dst, x blas32.General, scale, shift []float32) {
	check("dst", dst, x.Rows, x.Cols)
	check("x", x, x.Rows, x.Cols)
	checkLen("scale", len(scale), x.Cols)
	checkLen("shift", len(shift), x.Cols)
	if x.Rows > 0 && x.Cols > 0 {
		actNorm(dst, x, scale, shift)
	}
}

func actNormScalar(dst, x blas32.General, scale, shift []float32) {
	shift = shift[:len(scale)]
	for i := range x.Rows {
		to, from := row(dst, i)[:len(scale)], row(x, i)[:len(scale)]
		for j, v := range from {
			to[j] = v*scale[j] + shift[j]
		}
	}
}

// ActNormBackward takes a gradient back through y = x ⊙ exp(l) + shift with scale = exp(l): it adds the gradients of
// the parameters, but for the log-determinant's part in that of l,
//
//	sumScale_j ← sumScale_j + Σ_i grad_ij·(y_ij − shift_j)
//	sumShift_j ← sumShift_j + Σ_i grad_ij
//
// and replaces ∂L/∂y by ∂L/∂x, grad_ij ← grad_ij·scale_j. grad and y are n×d, the others d.
func ActNormBackward(grad, y blas32.General, scale, shift, sumScale, sumShift []float32) {
	check("grad", grad, y.Rows, y.Cols)
	check("y", y, y.Rows, y.Cols)
	checkLen("scale", len(scale), y.Cols)
	checkLen("shift", len(shift), y.Cols)
	checkLen("sumScale", len(sumScale), y.Cols)
	checkLen("sumShift", len(sumShift), y.Cols)
	if y.Rows > 0 && y.Cols > 0 {
		actNormBackward(grad, y, scale, shift, sumScale, sumShift)
	}
}

func actNormBackwardScalar(grad, y blas32.General, scale, shift, sumScale, sumShift []float32) {
	d := len(scale)
	shift, sumScale, sumShift = shift[:d], sumScale[:d], sumShift[:d]
	for i := range y.Rows {
		g, out := row(grad, i)[:d], row(y, i)[:d]
		for j, v := range g {
			sumScale[j] += v * (out[j] - shift[j])
			sumShift[j] += v
			g[j] = v * scale[j]
		}
	}
}
