package lower

import (
	"fmt"
	"slices"

	"github.com/oodflow/oodflow/internal/onnx"
)

// shapeOf folds Shape: every shape is known.
func (l *lowerer) shapeOf(n *onnx.Node) (value, error) {
	x, err := l.input(n, 0)
	if err != nil {
		return value{}, err
	}
	rank := int64(len(x.shape))
	from, to := n.Int("start", 0), n.Int("end", rank)
	if from < 0 {
		from += rank
	}
	if to < 0 {
		to += rank
	}
	from, to = min(max(from, 0), rank), min(max(to, 0), rank)
	list := int64s(x.shape[from:max(from, to)])
	return value{shape: []int{len(list)}, ints: list}, nil
}

// identity hands its input on: Identity, and Dropout in inference.
func (l *lowerer) identity(n *onnx.Node) (value, error) {
	if mode, ok, err := l.parameter(n, 2); n.Op == "Dropout" && (err != nil || ok && slices.ContainsFunc(mode.ints, func(v int64) bool { return v != 0 })) {
		return value{}, fmt.Errorf("it is in training mode: export the model in inference mode (model.eval() in PyTorch)")
	}
	return l.input(n, 0)
}

// cast hands floating-point numbers on: everything is computed in float32.
func (l *lowerer) cast(n *onnx.Node) (value, error) {
	x, err := l.dynamic(n, 0, -1)
	if err != nil {
		return value{}, err
	}
	if to := onnx.DType(n.Int("to", 0)); to != onnx.Float {
		return value{}, fmt.Errorf("to %v", to)
	}
	return x, nil
}

// shaped gives an input another shape, which for a constant needs no node.
func (l *lowerer) shaped(x value, shape []int) (value, error) {
	if product(shape) != x.size() {
		return value{}, fmt.Errorf("shape %v does not hold the %d elements of shape %v", shape, x.size(), x.shape)
	}
	if x.constant() {
		return value{shape: shape, floats: x.floats, ints: x.ints}, nil
	}
	return l.reshape(x, shape), nil
}

func (l *lowerer) flatten(n *onnx.Node) (value, error) {
	x, err := l.input(n, 0)
	if err != nil {
		return value{}, err
	}
	at := n.Int("axis", 1)
	if at < 0 {
		at += int64(len(x.shape))
	}
	if at < 0 || at > int64(len(x.shape)) {
		return value{}, fmt.Errorf("axis %d of shape %v", at, x.shape)
	}
	return l.shaped(x, []int{product(x.shape[:at]), product(x.shape[at:])})
}

func (l *lowerer) reshapeNode(n *onnx.Node) (value, error) {
	x, err := l.input(n, 0)
	if err != nil {
		return value{}, err
	}
	to, ok, err := l.ints(n, 1, "shape")
	if err != nil {
		return value{}, err
	}
	if !ok || len(to) > 16 {
		return value{}, fmt.Errorf("its target shape %v", to)
	}
	shape := make([]int, len(to))
	open := -1
	for i, d := range to {
		switch {
		case d == 0 && n.Int("allowzero", 0) == 0 && i < len(x.shape):
			shape[i] = x.shape[i]
		case d == -1 && open < 0:
			open, shape[i] = i, 1
		case d < 0 || d > limit:
			return value{}, fmt.Errorf("its target shape %v", to)
		default:
			shape[i] = int(d)
		}
	}
	if open >= 0 {
		rest := product(shape)
		if rest == 0 {
			return value{}, fmt.Errorf("its target shape %v for shape %v", to, x.shape)
		}
		shape[open] = x.size() / rest
	}
	return l.shaped(x, shape)
}

func (l *lowerer) squeeze(n *onnx.Node) (value, error) {
	x, err := l.input(n, 0)
	if err != nil {
		return value{}, err
	}
	axes, ok, err := l.ints(n, 1, "axes")
	if err != nil {
		return value{}, err
	}
	drop := make([]bool, len(x.shape))
	for _, a := range axes {
		i, err := axis(a, len(x.shape))
		if err != nil {
			return value{}, err
		}
		drop[i] = true
	}
	shape := []int{}
	for i, d := range x.shape {
		if !drop[i] && (ok || d != 1) {
			shape = append(shape, d)
		}
	}
	return l.shaped(x, shape)
}

func (l *lowerer) unsqueeze(n *onnx.Node) (value, error) {
	x, err := l.input(n, 0)
	if err != nil {
		return value{}, err
	}
	axes, _, err := l.ints(n, 1, "axes")
	if err != nil {
		return value{}, err
	}
	rank := len(x.shape) + len(axes)
	if rank > 16 {
		return value{}, fmt.Errorf("a tensor of %d axes", rank)
	}
	shape := make([]int, rank)
	for _, a := range axes {
		i, err := axis(a, rank)
		if err != nil {
			return value{}, err
		}
		if shape[i] == 1 {
			return value{}, fmt.Errorf("axis %d twice", a)
		}
		shape[i] = 1
	}
	next := 0
	for i := range shape {
		if shape[i] == 0 {
			shape[i] = x.shape[next]
			next++
		}
	}
	return l.shaped(x, shape)
}

// concat joins tensors along the channels. Constants among them are emitted as they are.
func (l *lowerer) concat(n *onnx.Node) (value, error) {
	var all []value
	var shape []int
	for i := range n.Inputs {
		v, err := l.input(n, i)
		if err != nil {
			return value{}, err
		}
		if v.constant() {
			v.name = l.constant(v.shape, v.asFloats())
		}
		at, err := axis(n.Int("axis", 0), len(v.shape))
		if err != nil {
			return value{}, err
		}
		if at != 1 || len(v.shape) != 4 && len(v.shape) != 2 {
			return value{}, fmt.Errorf("along axis %d of tensors of shape %v", at, v.shape)
		}
		if shape == nil {
			shape = slices.Clone(v.shape)
		} else {
			shape[1] += v.shape[1]
		}
		if len(v.shape) != len(shape) || v.shape[0] != shape[0] || !slices.Equal(v.shape[2:], shape[2:]) {
			return value{}, fmt.Errorf("of tensors of shapes %v and %v", shape, v.shape)
		}
		all = append(all, v)
	}
	if len(all) == 1 {
		return l.input(n, 0)
	}
	return l.emit("Concat", shape, l.distinct(all...), onnx.IntAttribute("axis", 1)), nil
}
