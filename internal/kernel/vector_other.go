//go:build !amd64

package kernel

import "gonum.org/v1/gonum/blas/blas32"

func biasReLU(x blas32.General, bias []float32) { biasReLUScalar(x, bias) }

func reluBackward(grad, act blas32.General, sum []float32) { reluBackwardScalar(grad, act, sum) }

func actNorm(dst, x blas32.General, scale, shift []float32) { actNormScalar(dst, x, scale, shift) }

func actNormBackward(grad, y blas32.General, scale, shift, sumScale, sumShift []float32) {
	actNormBackwardScalar(grad, y, scale, shift, sumScale, sumShift)
}

func affine(z, y, ut blas32.General, bias []float32, inv float32, scale, shift []float32, ladj []float64) {
	affineScalar(z, y, ut, bias, inv, scale, shift, ladj)
}

func affineBackward(grad, y, st blas32.General, inv, ladj float32, sum []float32) {
	affineBackwardScalar(grad, y, st, inv, ladj, sum)
}

func adam(p, g, m, v []float32, c *adamConstants) { adamScalar(p, g, m, v, c) }

func scale(dst, x []float32, a float32) { scaleScalar(dst, x, a) }

func sumSquares(x []float32) float64 { return sumSquaresScalar(x) }

func softmax(v []float32, offset []float64) (top, sum float64) { return softmaxScalar(v, offset) }
