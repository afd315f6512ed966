package onnx

import (
	"fmt"
	"slices"
)

// HeadAt returns the head whose features are the named tensor, which the
// user chose. A tensor with more than two axes is a map, pooled over all but
// the batch and the channels. Channels are its second axis (N×C×H×W); they
// are the last one of a tensor with three axes (N×tokens×C) and of a square
// map whose sides come first (N×H×H×C). Where the tensor leads to the
// classifier's own linear layer through nothing but pooling and reshapes,
// W and b hold for it too; elsewhere Linear is false. Dim is 0, and Pool "",
// where the graph does not tell the shape. A tensor that is not in the graph
// is an *UnknownTensorError.
func (m *Model) HeadAt(tensor string) (*Head, error) {
	if err := m.checkMade(tensor); err != nil {
		return nil, err
	}
	if m.facts.fixed[tensor] {
		return nil, fmt.Errorf("tensor %q does not depend on the image", tensor)
	}
	found, err := m.locate()
	if err == nil {
		if h, err := m.reaches(found, tensor); h != nil || err != nil {
			return h, err
		}
	}
	h := &Head{Features: tensor, Shape: m.Shape(tensor), Type: m.declared[tensor].Type, Why: []string{"the features are " + tensor + ", as asked for"}}
	h.Pool, h.PoolAxes, h.Dim = mapOf(h.Shape)
	if h.Pool != "" {
		h.Why = append(h.Why, fmt.Sprintf("it is a map: its mean over the axes %v is taken", h.PoolAxes))
	}
	if found != nil {
		h.Logits, h.Classes = found.Logits, found.Classes
		h.Why = append(h.Why, fmt.Sprintf("the logits are %s, not a linear function of these features", h.Logits))
		return h, nil
	}
	for _, out := range m.Outputs {
		if s := m.facts.shape[out.Name]; len(s) == 2 && s[1] > 0 && out.Name != tensor {
			h.Logits, h.Classes = out.Name, int(s[1])
			h.Why = append(h.Why, "output "+out.String()+" is taken for the logits")
			break
		}
	}
	return h, nil
}

// reaches returns the located head as seen from a tensor before its
// features, if only reshapes and one global mean lie between; nil if not.
func (m *Model) reaches(found *located, tensor string) (*Head, error) {
	at, pooled := found.layer.in, found.Pool != ""
	var mean *Node
	for range maxChain {
		if at == tensor {
			break
		}
		n := m.ProducerOf(at)
		if n == nil || n.Domain != "" || m.trains(n) {
			return nil, nil
		}
		switch n.Op {
		case "Identity", "Dropout", "Flatten", "Reshape", "Squeeze", "Unsqueeze":
		case "GlobalAveragePool", "ReduceMean":
			if pooled {
				return nil, nil
			}
			pooled, mean = true, n
		default:
			return nil, nil
		}
		at = n.Input(0)
	}
	if at != tensor {
		return nil, nil
	}
	h, err := m.finish(found)
	if err != nil || at == found.Features {
		return h, err
	}
	h.Features, h.Shape = tensor, m.Shape(tensor)
	if mean == nil && vectorLike(h.Shape) {
		return h, nil
	}
	var dim int
	h.Pool, h.PoolAxes, dim = mapOf(h.Shape)
	if mean != nil {
		h.Pool, h.PoolAxes, dim = "mean", m.meanAxes(mean, len(h.Shape)), h.Dim
		if h.PoolAxes == nil {
			return nil, nil
		}
	}
	if h.Pool == "" || dim != h.Dim {
		return nil, nil
	}
	h.Why = append(h.Why, fmt.Sprintf("the features are the mean of %s over the axes %v", tensor, h.PoolAxes))
	return h, nil
}

// meanAxes are the axes that a GlobalAveragePool or ReduceMean averages over,
// nil where they are not known or the batch is among them.
func (m *Model) meanAxes(n *Node, rank int) []int {
	if n.Op == "GlobalAveragePool" {
		var axes []int
		for a := 2; a < rank; a++ {
			axes = append(axes, a)
		}
		return axes
	}
	axes, ok := m.facts.axesOf(n, 1, rank)
	if !ok || slices.Contains(axes, 0) {
		return nil
	}
	return axes
}

// mapOf says how a tensor of a shape is made one vector per image.
func mapOf(shape []int64) (pool string, axes []int, dim int) {
	switch {
	case shape == nil:
		return "", nil, 0
	case vectorLike(shape):
		if len(shape) > 1 {
			dim = int(max(0, product(shape[1:])))
		}
		return "", nil, dim
	case len(shape) == 3:
		return "mean", []int{1}, int(max(0, shape[2]))
	case len(shape) == 4 && shape[1] > 0 && shape[1] == shape[2] && shape[2] != shape[3]:
		return "mean", []int{1, 2}, int(max(0, shape[3]))
	}
	for a := 2; a < len(shape); a++ {
		axes = append(axes, a)
	}
	return "mean", axes, int(max(0, shape[1]))
}
