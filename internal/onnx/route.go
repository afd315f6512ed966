package onnx

import (
	"errors"
	"fmt"
)

// route is the part of the graph between an output and the linear layer it
// comes from.
type route struct {
	output string
	layer  *layer
	nodes  map[int]bool // without the layer
}

// maxRoute bounds the nodes between an output and its layer; real ones have
// fewer than ten.
const maxRoute = 512

// passable lists the operators that may stand between a classifier's last
// linear layer and its output. All other operators mean that the output is
// something else than the scores of a classifier.
var passable = map[string]bool{
	// bookkeeping
	"Identity": true, "Dropout": true, "Cast": true, "Flatten": true, "Reshape": true, "Squeeze": true, "Unsqueeze": true,
	"Transpose": true, "Concat": true, "Pad": true, "Slice": true, "Gather": true, "QuantizeLinear": true, "DequantizeLinear": true,
	// bias, temperature, folded normalisation
	"Add": true, "Sub": true, "Mul": true, "Div": true, "BatchNormalization": true,
	// scores to probabilities and to answers
	"Softmax": true, "LogSoftmax": true, "Sigmoid": true, "HardSigmoid": true, "Hardmax": true, "Relu": true, "Clip": true,
	"LeakyRelu": true, "Exp": true, "Log": true, "Neg": true, "Abs": true, "ArgMax": true, "TopK": true,
	// pooling of a map of scores
	"GlobalAveragePool": true, "GlobalMaxPool": true, "AveragePool": true, "ReduceMean": true, "ReduceMax": true, "ReduceSum": true,
}

// trace walks from an output back to the one linear layer it comes from.
func (m *Model) trace(output string) (*route, error) {
	r := &route{output: output, nodes: map[int]bool{}}
	seen := map[string]bool{output: true}
	for queue := []string{output}; len(queue) > 0; queue = queue[1:] {
		tensor := queue[0]
		i, made := m.producer[tensor]
		if !made {
			return nil, errors.New("it is reached from the input without a linear layer")
		}
		if r.nodes[i] {
			continue
		}
		if l := m.asLayer(i); l != nil {
			if r.layer != nil && r.layer.index != i {
				return nil, fmt.Errorf("two linear layers meet in it: %v and %v", r.layer, l)
			}
			r.layer = l
			continue
		}
		n := &m.Nodes[i]
		if n.Op == "DynamicQuantizeLinear" {
			continue // the scale of a quantized layer's input
		}
		if n.Domain != "" || !passable[n.Op] {
			return nil, fmt.Errorf("it comes from %v, before any linear layer", n)
		}
		if len(r.nodes) == maxRoute {
			return nil, fmt.Errorf("no linear layer in the last %d nodes", maxRoute)
		}
		r.nodes[i] = true
		for _, in := range dataInputs(n) {
			if in != "" && !m.facts.fixed[in] && !seen[in] {
				seen[in] = true
				queue = append(queue, in)
			}
		}
	}
	if r.layer == nil {
		return nil, errors.New("it comes from constants only")
	}
	return r, nil
}

// dataInputs are the inputs that a node's values come from; the others are
// shapes, indices, bounds and scales.
func dataInputs(n *Node) []string {
	switch n.Op {
	case "Add", "Sub", "Mul", "Div", "Concat":
		return n.Inputs
	}
	return n.Inputs[:min(1, len(n.Inputs))]
}

// next is the node of the route that reads a tensor, nil if there is none or
// more than one.
func (r *route) next(m *Model, tensor string) *Node {
	var found *Node
	for _, i := range m.consumers[tensor] {
		if !r.nodes[i] {
			continue
		}
		if found != nil {
			return nil
		}
		found = &m.Nodes[i]
	}
	return found
}
