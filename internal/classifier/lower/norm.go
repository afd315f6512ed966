package lower

import (
	"fmt"
	"math"

	"github.com/oodflow/oodflow/internal/onnx"
)

// affine is what a batch normalisation does in inference: y = scale·x + shift per channel.
type affine struct{ scale, shift []float64 }

// normOf reads a batch normalisation's scale·(x − mean)/√(variance + ε) + bias.
func (l *lowerer) normOf(n *onnx.Node, channels int) (affine, error) {
	if n.Int("training_mode", 0) != 0 {
		return affine{}, fmt.Errorf("it is in training mode: export the model in inference mode (model.eval() in PyTorch)")
	}
	var p [4][]float32 // scale, bias, mean, variance
	for i := range p {
		shape, data, err := l.weights(n, i+1, 1)
		if err != nil {
			return affine{}, err
		}
		if shape[0] != channels {
			return affine{}, fmt.Errorf("its input %d has %d values for %d channels", i+1, shape[0], channels)
		}
		p[i] = data
	}
	a := affine{make([]float64, channels), make([]float64, channels)}
	epsilon := float64(n.Float("epsilon", 1e-5))
	for c := range channels {
		a.scale[c] = float64(p[0][c]) / math.Sqrt(float64(p[3][c])+epsilon)
		a.shift[c] = float64(p[1][c]) - float64(p[2][c])*a.scale[c]
	}
	return a, nil
}

// foldNorm takes a batch normalisation that alone reads the convolution n into its kernel.
func (l *lowerer) foldNorm(n *onnx.Node, k *kernel) error {
	out := n.Outputs[0]
	norm := l.reader[out]
	if l.uses[out] != 1 || norm == nil || norm.Op != "BatchNormalization" || norm.Domain != "" ||
		len(norm.Outputs) == 0 || norm.Input(0) != out {
		return nil
	}
	a, err := l.normOf(norm, k.out)
	if err != nil {
		return fail(norm, err.Error())
	}
	taps := k.in * k.h * k.w
	scaled := make([]float32, len(k.weights))
	bias := make([]float32, k.out)
	for c := range k.out {
		for t := c * taps; t < (c+1)*taps; t++ {
			scaled[t] = float32(float64(k.weights[t]) * a.scale[c])
		}
		bias[c] = float32(a.shift[c])
		if k.bias != nil {
			bias[c] = float32(float64(k.bias[c])*a.scale[c] + a.shift[c])
		}
	}
	k.weights, k.bias = scaled, bias
	l.merged[norm.Outputs[0]] = out
	return nil
}

// batchNorm rewrites a normalisation on its own: a product and a sum with constants. One that went into the
// convolution before it hands its input on.
func (l *lowerer) batchNorm(n *onnx.Node) (value, error) {
	x, err := l.dynamic(n, 0, -1)
	if err != nil {
		return value{}, err
	}
	if len(n.Outputs) > 0 && l.merged[n.Outputs[0]] != "" {
		return x, nil
	}
	if len(x.shape) < 2 {
		return value{}, fmt.Errorf("its input has shape %v", x.shape)
	}
	a, err := l.normOf(n, x.shape[1])
	if err != nil {
		return value{}, err
	}
	perChannel := make([]int, len(x.shape)-1)
	for i := range perChannel {
		perChannel[i] = 1
	}
	perChannel[0] = x.shape[1]
	scale, shift := value{shape: perChannel}, value{shape: perChannel}
	for c := range a.scale {
		scale.floats = append(scale.floats, float32(a.scale[c]))
		shift.floats = append(shift.floats, float32(a.shift[c]))
	}
	y, err := l.mulConstant(x, scale)
	if err != nil {
		return value{}, err
	}
	return l.addConstant(y, shift)
}
