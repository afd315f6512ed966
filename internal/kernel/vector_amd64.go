package kernel

import (
	"golang.org/x/sys/cpu"
	"gonum.org/v1/gonum/blas/blas32"
)

// vector tells whether the AVX2 forms are used. GODEBUG=cpu.avx2=off turns them off.
var vector = cpu.X86.HasAVX2 && cpu.X86.HasFMA

const bytes = 4 // of a float32: the assembly takes strides in bytes

func biasReLU(x blas32.General, bias []float32) {
	if !vector {
		biasReLUScalar(x, bias)
		return
	}
	biasReLUAVX2(&x.Data[0], bytes*x.Stride, &bias[0], x.Rows, x.Cols)
}

func reluBackward(grad, act blas32.General, sum []float32) {
	if !vector {
		reluBackwardScalar(grad, act, sum)
		return
	}
	reluBackwardAVX2(&grad.Data[0], bytes*grad.Stride, &act.Data[0], bytes*act.Stride, &sum[0], act.Rows, act.Cols)
}

func actNorm(dst, x blas32.General, scale, shift []float32) {
	if !vector {
		actNormScalar(dst, x, scale, shift)
		return
	}
	actNormAVX2(&dst.Data[0], bytes*dst.Stride, &x.Data[0], bytes*x.Stride, &scale[0], &shift[0], x.Rows, x.Cols)
}

func actNormBackward(grad, y blas32.General, scale, shift, sumScale, sumShift []float32) {
	if !vector {
		actNormBackwardScalar(grad, y, scale, shift, sumScale, sumShift)
		return
	}
	actNormBackwardAVX2(&grad.Data[0], bytes*grad.Stride, &y.Data[0], bytes*y.Stride,
		&scale[0], &shift[0], &sumScale[0], &sumShift[0], y.Rows, y.Cols)
}

func affine(z, y, ut blas32.General, bias []float32, inv float32, scale, shift []float32, ladj []float64) {
	if !vector {
		affineScalar(z, y, ut, bias, inv, scale, shift, ladj)
		return
	}
	affineAVX2(&z.Data[0], bytes*z.Stride, &y.Data[0], bytes*y.Stride, &ut.Data[0], bytes*ut.Stride,
		&bias[0], &scale[0], &shift[0], inv, &ladj[0], y.Rows, y.Cols)
}

func affineBackward(grad, y, st blas32.General, inv, ladj float32, sum []float32) {
	if !vector {
		affineBackwardScalar(grad, y, st, inv, ladj, sum)
		return
	}
	affineBackwardAVX2(&grad.Data[0], bytes*grad.Stride, &y.Data[0], bytes*y.Stride, &st.Data[0], bytes*st.Stride,
		&sum[0], inv, ladj, y.Rows, y.Cols)
}

func adam(p, g, m, v []float32, c *adamConstants) {
	if !vector {
		adamScalar(p, g, m, v, c)
		return
	}
	adamAVX2(&p[0], &g[0], &m[0], &v[0], &c[0], len(p))
}

func scale(dst, x []float32, a float32) {
	if !vector {
		scaleScalar(dst, x, a)
		return
	}
	scaleAVX2(&dst[0], &x[0], a, len(x))
}

func sumSquares(x []float32) float64 {
	if !vector {
		return sumSquaresScalar(x)
	}
	return sumSquaresAVX2(&x[0], len(x))
}

func softmax(v []float32, offset []float64) (top, sum float64) {
	if !vector {
		return softmaxScalar(v, offset)
	}
	return softmaxAVX2(&v[0], &offset[0], len(v))
}
