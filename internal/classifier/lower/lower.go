// Package lower rewrites an ONNX graph to the few operators that the gorgonia backend of onnx-go v0.5.0
// computes correctly, without changing what the graph computes.
//
// The backend lacks many operators, reads others wrongly, and has some that spoil their inputs, so that a
// second run gives another result. The rewritten graph holds only
//
//	Conv      symmetric pads, one group, no dilation, no bias
//	MaxPool   pads in the backend's own order
//	MatMul    of two matrices
//	Add Sub Mul Div of two tensors of the same shape
//	Relu Sigmoid Tanh
//	Concat    along the channels
//	Reshape   to a constant shape
//	Transpose
//
// and everything else is folded into constants, which the fixed shape of the input allows, or expressed by
// these: batch normalisation goes into the convolution before it, a bias becomes an addition of a constant,
// grouped and dilated convolutions become plain ones, a strided slice a 1×1 convolution, and so on. What has
// no exact form is refused by name.
package lower

import (
	"fmt"

	"github.com/oodflow/oodflow/internal/onnx"
)

// UnsupportedError names the first node that cannot be rewritten.
type UnsupportedError struct {
	Op     string // operator type
	Node   string // the node's name, or its first output where it has none
	Reason string // what about it, "" when the operator as a whole is meant
}

func (e *UnsupportedError) Error() string {
	s := fmt.Sprintf("operator %s (node %s) is not supported", e.Op, e.Node)
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	return s
}

// Output is a wanted tensor in the rewritten graph.
type Output struct {
	Name  string
	Shape []int
}

// Constant is a constant of the rewritten graph: float32, or int64 where Floats is nil. It is kept out of the
// graph so that several copies of the graph can share it.
type Constant struct {
	Name   string
	Shape  []int
	Floats []float32
	Ints   []int64
}

// Result is a rewritten graph. Its constants are tensors that no node makes.
type Result struct {
	Graph     *onnx.Graph
	Constants []Constant
	Outputs   []Output
}

// limit bounds the elements of any one tensor, and of all constants together, against graphs that ask for
// absurd amounts of memory: 1 GiB.
const limit = 1 << 28

// Lower rewrites m for an input of exactly the given shape. The result computes the wanted tensors, in their
// order, as its outputs; each is made by a node that nothing else reads. An operator without an exact form in
// the backend is an *UnsupportedError.
func Lower(m *onnx.Model, input string, shape []int, wanted []string) (*Result, error) {
	if n := product(shape); n < 1 || n > limit {
		return nil, fmt.Errorf("an input of shape %v", shape)
	}
	l := &lowerer{
		model:  m,
		values: map[string]value{},
		uses:   map[string]int{},
		reader: map[string]*onnx.Node{},
		merged: map[string]string{},
		pooled: map[string][4]int{},
	}
	l.graph = &onnx.Graph{IRVersion: 7, Opsets: map[string]int64{"": 13}}
	l.graph.Inputs = []onnx.Value{{Name: "x", Type: onnx.Float, Shape: int64s(shape)}}
	l.values[input] = value{shape: shape, name: "x"}
	order, err := l.order(wanted)
	if err != nil {
		return nil, err
	}
	for _, n := range order {
		if err := l.node(n); err != nil {
			return nil, err
		}
		if l.spent > limit {
			return nil, fail(n, fmt.Sprintf("the rewritten graph needs more than %d constants", limit))
		}
	}
	outputs := make([]Output, len(wanted))
	for i, name := range wanted {
		if outputs[i], err = l.output(name); err != nil {
			return nil, err
		}
	}
	return &Result{l.graph, l.constants, outputs}, nil
}

// lowerer holds the rewritten graph as it grows.
type lowerer struct {
	model  *onnx.Model
	values map[string]value      // of the tensors of the original graph
	uses   map[string]int        // how many nodes and outputs read a tensor of the original graph
	reader map[string]*onnx.Node // a node that reads a tensor of the original graph
	merged map[string]string     // normalised tensors whose normalisation is in the named tensor already
	pooled map[string][4]int     // pads of the maximum poolings so far, see maxPool
	graph  *onnx.Graph

	constants []Constant
	spent     int // elements of all constants so far
	serial    int // of names
}

// value looks a tensor of the original graph up; constants are read when they are first used.
func (l *lowerer) value(name string) (value, error) {
	if v, ok := l.values[name]; ok {
		return v, nil
	}
	t := l.model.Constant(name)
	if t == nil {
		return value{}, fmt.Errorf("the tensor %q is not made by the graph", name)
	}
	v, err := constantOf(t)
	if err != nil {
		return value{}, fmt.Errorf("read the constant %s: %w", name, err)
	}
	l.values[name] = v
	return v, nil
}

// order sorts the nodes that the wanted tensors depend on, inputs first, and counts the uses of tensors.
func (l *lowerer) order(wanted []string) ([]*onnx.Node, error) {
	const open, done = 1, 2
	state := map[*onnx.Node]int{}
	var order []*onnx.Node
	type step struct {
		node *onnx.Node
		next int // input to look at
	}
	for _, name := range wanted {
		l.uses[name]++
		var stack []step
		if n := l.model.ProducerOf(name); n != nil && state[n] == 0 {
			state[n] = open
			stack = append(stack, step{node: n})
		}
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if top.next == len(top.node.Inputs) {
				state[top.node] = done
				order = append(order, top.node)
				stack = stack[:len(stack)-1]
				continue
			}
			in := top.node.Inputs[top.next]
			top.next++
			l.uses[in]++
			l.reader[in] = top.node
			switch n := l.model.ProducerOf(in); {
			case n == nil || state[n] == done:
			case state[n] == open:
				return nil, fmt.Errorf("the graph has a cycle at tensor %s", in)
			default:
				state[n] = open
				stack = append(stack, step{node: n})
			}
		}
	}
	return order, nil
}

// output makes an output: a copy that nothing else reads, because the backend gives the memory of a
// tensor that others read to them.
func (l *lowerer) output(name string) (Output, error) {
	v, err := l.value(name)
	if err != nil {
		return Output{}, err
	}
	if v.constant() {
		return Output{}, fmt.Errorf("the tensor %s does not depend on the image", name)
	}
	out := Output{Name: l.copyOf(v).name, Shape: v.shape}
	l.graph.Outputs = append(l.graph.Outputs, onnx.Value{Name: out.Name, Type: onnx.Float, Shape: int64s(v.shape)})
	return out, nil
}
