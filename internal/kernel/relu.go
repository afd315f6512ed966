package kernel

import (
	"math"

	"gonum.org/v1/gonum/blas/blas32"
)

// BiasReLU adds the bias of a layer and applies its ReLU, in place: x_ij ← max(x_ij + bias_j, 0). x is n×h, bias is h.
func BiasReLU(x blas32.General, bias []float32) {
	check("x", x, x.Rows, len(bias))
	if x.Rows > 0 && x.Cols > 0 {
		biasReLU(x, bias)
	}
}

func biasReLUScalar(x blas32.General, bias []float32) {
	for i := range x.Rows {
		r := row(x, i)[:len(bias)]
		for j, b := range bias {
			r[j] = max(r[j]+b, 0)
		}
	}
}

// ReLUBackward takes a gradient back through a ReLU, in place: grad_ij ← 0 where act_ij ≤ 0, and adds what is left to
// the gradient of the layer's bias, sum_j ← sum_j + Σ_i grad_ij. grad and act, the ReLU's output, are n×h, sum is h.
func ReLUBackward(grad, act blas32.General, sum []float32) {
	check("grad", grad, act.Rows, len(sum))
	check("act", act, act.Rows, len(sum))
	if act.Rows > 0 && act.Cols > 0 {
		reluBackward(grad, act, sum)
	}
}

func reluBackwardScalar(grad, act blas32.General, sum []float32) {
	for i := range act.Rows {
		g, a := row(grad, i)[:len(sum)], row(act, i)[:len(sum)]
		for j, v := range a {
			keep := uint32(math.MaxUint32) // a mask, as which units are active cannot be predicted
			if v <= 0 {
				keep = 0
			}
			g[j] = math.Float32frombits(math.Float32bits(g[j]) & keep)
			sum[j] += g[j]
		}
	}
}
