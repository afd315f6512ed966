package lower

import (
	"errors"
	"fmt"

	"github.com/oodflow/oodflow/internal/onnx"
)

// rule rewrites one operator. It returns the value of the node's first output.
type rule func(l *lowerer, n *onnx.Node) (value, error)

// rules for the operators that take a computed tensor. Operators on constants are in folds.
var rules map[string]rule

func init() { // not a literal: the rules refer to each other
	rules = map[string]rule{
		"Conv":               (*lowerer).conv,
		"BatchNormalization": (*lowerer).batchNorm,
		"MaxPool":            (*lowerer).maxPool,
		"AveragePool":        (*lowerer).averagePool,
		"GlobalAveragePool":  (*lowerer).globalAveragePool,
		"ReduceMean":         (*lowerer).reduceMean,
		"Gemm":               (*lowerer).gemm,
		"MatMul":             (*lowerer).matMul,
		"Add":                arithmetic("Add"),
		"Sub":                arithmetic("Sub"),
		"Mul":                arithmetic("Mul"),
		"Div":                arithmetic("Div"),
		"Relu":               unary("Relu"),
		"Sigmoid":            unary("Sigmoid"),
		"Tanh":               unary("Tanh"),
		"Clip":               (*lowerer).clip,
		"LeakyRelu":          (*lowerer).leakyRelu,
		"HardSigmoid":        (*lowerer).hardSigmoid,
		"HardSwish":          (*lowerer).hardSwish,
		"Concat":             (*lowerer).concat,
		"Slice":              (*lowerer).slice,
		"Pad":                (*lowerer).pad,
		"Shape":              (*lowerer).shapeOf,
		"Flatten":            (*lowerer).flatten,
		"Reshape":            (*lowerer).reshapeNode,
		"Squeeze":            (*lowerer).squeeze,
		"Unsqueeze":          (*lowerer).unsqueeze,
		"Transpose":          (*lowerer).transpose,
		"Identity":           (*lowerer).identity,
		"Dropout":            (*lowerer).identity,
		"Cast":               (*lowerer).cast,
	}
}

// node rewrites one node.
func (l *lowerer) node(n *onnx.Node) error {
	if l.known(n) {
		return nil // a Constant, or folded away
	}
	v, err := l.apply(n)
	if err != nil {
		return err
	}
	if v.size() > limit {
		return fail(n, fmt.Sprintf("its result of shape %v is too large", v.shape))
	}
	if len(n.Outputs) == 0 {
		return fail(n, "it has no output")
	}
	l.values[n.Outputs[0]] = v
	return nil
}

// known tells whether the node's output has a value already.
func (l *lowerer) known(n *onnx.Node) bool {
	if len(n.Outputs) == 0 {
		return false
	}
	if _, ok := l.values[n.Outputs[0]]; ok {
		return true
	}
	return l.model.Constant(n.Outputs[0]) != nil
}

// apply finds the rule for a node: one that folds when all inputs are constant, one that emits otherwise.
func (l *lowerer) apply(n *onnx.Node) (value, error) {
	if n.Domain != "" && n.Domain != "ai.onnx" {
		return value{}, &UnsupportedError{Op: n.Domain + "." + n.Op, Node: label(n)}
	}
	all, err := l.allConstant(n)
	if err != nil {
		return value{}, fail(n, err.Error())
	}
	var v value
	if fold := folds[n.Op]; all && fold != nil {
		v, err = fold(l, n)
	} else if r := rules[n.Op]; r != nil && !all {
		v, err = r(l, n)
	} else {
		return value{}, &UnsupportedError{Op: n.Op, Node: label(n)}
	}
	if err != nil {
		var known *UnsupportedError
		if errors.As(err, &known) {
			return value{}, err
		}
		return value{}, fail(n, err.Error())
	}
	return v, nil
}

// allConstant tells whether all inputs of a node are constants, and checks that they have values at all.
func (l *lowerer) allConstant(n *onnx.Node) (bool, error) {
	all := true
	for _, name := range n.Inputs {
		if name == "" {
			continue
		}
		v, err := l.value(name)
		if err != nil {
			return false, err
		}
		all = all && v.constant()
	}
	return all, nil
}

// input returns the value of a node's i-th input, which must be there.
func (l *lowerer) input(n *onnx.Node, i int) (value, error) {
	name := n.Input(i)
	if name == "" {
		return value{}, fmt.Errorf("its input %d is missing", i)
	}
	return l.value(name)
}

// dynamic returns the i-th input, which must be computed and of the given rank (-1: any).
func (l *lowerer) dynamic(n *onnx.Node, i, rank int) (value, error) {
	v, err := l.input(n, i)
	if err != nil {
		return value{}, err
	}
	if v.constant() {
		return value{}, fmt.Errorf("its input %d is a constant", i)
	}
	if rank >= 0 && len(v.shape) != rank {
		return value{}, fmt.Errorf("its input has shape %v, not %d axes", v.shape, rank)
	}
	return v, nil
}

// parameter returns the i-th input, which must be a constant; ok is false when it is left out.
func (l *lowerer) parameter(n *onnx.Node, i int) (v value, ok bool, err error) {
	if n.Input(i) == "" {
		return value{}, false, nil
	}
	v, err = l.value(n.Input(i))
	if err == nil && !v.constant() {
		err = fmt.Errorf("its input %d (%s) is computed, not constant", i, n.Input(i))
	}
	return v, true, err
}

// weights returns the i-th input as float32, which must be a constant of the given rank.
func (l *lowerer) weights(n *onnx.Node, i, rank int) (shape []int, data []float32, err error) {
	v, ok, err := l.parameter(n, i)
	switch {
	case err != nil:
		return nil, nil, err
	case !ok:
		return nil, nil, fmt.Errorf("its input %d is missing", i)
	case len(v.shape) != rank:
		return nil, nil, fmt.Errorf("its input %d has shape %v, not %d axes", i, v.shape, rank)
	}
	return v.shape, v.asFloats(), nil
}

// ints returns a list of integers that newer operator sets give as the i-th input and older ones as an
// attribute; ok is false when it is left out.
func (l *lowerer) ints(n *onnx.Node, i int, attribute string) (list []int64, ok bool, err error) {
	v, ok, err := l.parameter(n, i)
	if err != nil {
		return nil, false, err
	}
	if ok {
		if v.ints == nil {
			return nil, false, fmt.Errorf("its input %d is not a list of integers", i)
		}
		return v.ints, true, nil
	}
	if a := n.Attribute(attribute); a != nil {
		return a.Ints, true, nil
	}
	return nil, false, nil
}

func label(n *onnx.Node) string {
	if n.Name == "" && len(n.Outputs) > 0 {
		return n.Outputs[0]
	}
	return n.Name
}

func fail(n *onnx.Node, reason string) error {
	return &UnsupportedError{Op: n.Op, Node: label(n), Reason: reason}
}
