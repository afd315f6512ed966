package flow

import "fmt"

// Engine names what computes the loss of a training step and its gradient. All else, from the order of the rows to the
// stopping rule, is the same code for both, so that the same seed means the same batches, and the losses agree to
// float32's rounding.
type Engine string

const (
	// EngineFused is the flow's own: gradients derived by hand, fused passes between matrix products, all cores.
	EngineFused Engine = "fused"
	// EngineGorgonia evaluates the model as it is written down in gorgonia (gorgonia.org/gorgonia), in float64, and leaves
	// the gradient to gorgonia's differentiation: to check the other by, and to read. A step takes about 5 times as long for
	// 512 features, 8 times in a Glow, and 40 times for 64.
	EngineGorgonia Engine = "gorgonia"
)

func (e Engine) check() error {
	switch e {
	case EngineFused, EngineGorgonia:
		return nil
	}
	return fmt.Errorf("unknown engine %q: want fused or gorgonia", string(e))
}

// engine computes what a step of training needs to know of a batch.
type engine interface {
	// gradient computes the gradient of the mean negative log-likelihood of the rows x (n×d) in the parameters, into the
	// slice that the engine was made with, and returns both that mean, in nats, and the gradient's norm.
	gradient(x []float32) (nll, norm float64)
}

var (
	_ engine = (*passes)(nil)
	_ engine = (*graph)(nil)
)

// newEngine makes an engine for batches of n rows that writes gradients to grad.
func newEngine(e Engine, f *Flow, n int, grad []float32) engine {
	if e == EngineGorgonia {
		return newGraph(f, n, grad)
	}
	return newPasses(f, n, grad)
}
