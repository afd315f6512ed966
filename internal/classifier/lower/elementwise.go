package lower

import (
	"fmt"
	"math"
	"slices"

	"github.com/oodflow/oodflow/internal/onnx"
)

// unary hands on an operator that the backend computes as it is.
func unary(op string) rule {
	return func(l *lowerer, n *onnx.Node) (value, error) {
		x, err := l.dynamic(n, 0, -1)
		if err != nil {
			return value{}, err
		}
		return l.emit(op, x.shape, []string{x.name}), nil
	}
}

// arithmetic rewrites Add, Sub, Mul or Div to the form with two tensors of the same shape.
func arithmetic(op string) rule {
	return func(l *lowerer, n *onnx.Node) (value, error) {
		a, err := l.input(n, 0)
		if err != nil {
			return value{}, err
		}
		b, err := l.input(n, 1)
		if err != nil {
			return value{}, err
		}
		shape, err := broadcast(a.shape, b.shape)
		if err != nil {
			return value{}, err
		}
		if product(shape) > limit {
			return value{}, fmt.Errorf("its result of shape %v is too large", shape)
		}
		if a, err = l.spread(a, shape); err != nil {
			return value{}, err
		}
		if b, err = l.spread(b, shape); err != nil {
			return value{}, err
		}
		return l.emit(op, shape, l.distinct(a, b)), nil
	}
}

// broadcast is the shape of the result of an operation between two tensors.
func broadcast(a, b []int) ([]int, error) {
	shape := make([]int, max(len(a), len(b)))
	for i := range shape {
		x, y := 1, 1
		if j := i - len(shape) + len(a); j >= 0 {
			x = a[j]
		}
		if j := i - len(shape) + len(b); j >= 0 {
			y = b[j]
		}
		if x != y && x != 1 && y != 1 {
			return nil, fmt.Errorf("its inputs of shapes %v and %v do not fit each other", a, b)
		}
		shape[i] = max(x, y)
		if x == 0 || y == 0 {
			shape[i] = 0
		}
	}
	return shape, nil
}

// spread repeats v to shape: a constant at once, and a computed tensor, whose axes of size 1 must be its last
// ones, by a product with a row of ones.
func (l *lowerer) spread(v value, shape []int) (value, error) {
	if v.constant() {
		full, err := v.expand(shape)
		if err != nil {
			return value{}, err
		}
		return value{shape: shape, name: l.constant(shape, full)}, nil
	}
	if slices.Equal(v.shape, shape) {
		return v, nil
	}
	if len(v.shape) > len(shape) {
		return value{}, fmt.Errorf("a tensor of shape %v does not broadcast to %v", v.shape, shape)
	}
	padded := append(slices.Repeat([]int{1}, len(shape)-len(v.shape)), v.shape...)
	same := 0
	for same < len(shape) && padded[same] == shape[same] {
		same++
	}
	if product(padded[same:]) != 1 {
		return value{}, fmt.Errorf("broadcasting a computed tensor of shape %v to %v", v.shape, shape)
	}
	rows, columns := product(shape[:same]), product(shape[same:])
	y := l.matmulConstant(l.reshape(v, []int{rows, 1}), 1, columns, slices.Repeat([]float32{1}, columns))
	return l.reshape(y, shape), nil
}

// mulConstant multiplies by a constant that broadcasts to x's shape.
func (l *lowerer) mulConstant(x, c value) (value, error) {
	full, err := c.expand(x.shape)
	if err != nil {
		return value{}, err
	}
	return l.emit("Mul", x.shape, []string{x.name, l.constant(x.shape, full)}), nil
}

// scalar is a constant of one element.
func scalar(v float32) value { return value{floats: []float32{v}} }

// clip rewrites min(max(x, low), high), by max(x, low) = relu(x − low) + low and
// min(x, high) = high − relu(high − x).
func (l *lowerer) clip(n *onnx.Node) (value, error) {
	x, err := l.dynamic(n, 0, -1)
	if err != nil {
		return value{}, err
	}
	low, err := l.bound(n, 1, "min", -math.MaxFloat32)
	if err != nil {
		return value{}, err
	}
	high, err := l.bound(n, 2, "max", math.MaxFloat32)
	if err != nil {
		return value{}, err
	}
	return l.between(x, low, high)
}

// between emits min(max(x, low), high); a bound of ±MaxFloat32 or beyond is none.
func (l *lowerer) between(x value, low, high float32) (value, error) {
	if low > high {
		return value{}, fmt.Errorf("its bounds %g and %g are the wrong way round", low, high)
	}
	y, err := x, error(nil)
	if low > -math.MaxFloat32 {
		if y, err = l.addConstant(y, scalar(-low)); err != nil {
			return value{}, err
		}
		y = l.emit("Relu", y.shape, []string{y.name})
		if y, err = l.addConstant(y, scalar(low)); err != nil {
			return value{}, err
		}
	}
	if high < math.MaxFloat32 {
		above, err := l.addConstant(y, scalar(-high))
		if err != nil {
			return value{}, err
		}
		above = l.emit("Relu", above.shape, []string{above.name})
		y = l.emit("Sub", y.shape, []string{y.name, above.name})
	}
	return y, nil
}

// bound reads a bound of Clip: an input in newer operator sets, an attribute in older ones.
func (l *lowerer) bound(n *onnx.Node, i int, attribute string, otherwise float32) (float32, error) {
	v, ok, err := l.parameter(n, i)
	if err != nil {
		return 0, err
	}
	if !ok {
		return n.Float(attribute, otherwise), nil
	}
	if v.size() != 1 {
		return 0, fmt.Errorf("its input %d has shape %v, not one value", i, v.shape)
	}
	return v.asFloats()[0], nil
}

// leakyRelu rewrites x for x ≥ 0 and α·x below: relu(x) − α·relu(−x).
func (l *lowerer) leakyRelu(n *onnx.Node) (value, error) {
	x, err := l.dynamic(n, 0, -1)
	if err != nil {
		return value{}, err
	}
	negative, err := l.mulConstant(x, scalar(-1))
	if err != nil {
		return value{}, err
	}
	negative = l.emit("Relu", x.shape, []string{negative.name})
	if negative, err = l.mulConstant(negative, scalar(n.Float("alpha", 0.01))); err != nil {
		return value{}, err
	}
	positive := l.emit("Relu", x.shape, []string{x.name})
	return l.emit("Sub", x.shape, []string{positive.name, negative.name}), nil
}

// hardSigmoid rewrites min(max(α·x + β, 0), 1).
func (l *lowerer) hardSigmoid(n *onnx.Node) (value, error) {
	x, err := l.dynamic(n, 0, -1)
	if err != nil {
		return value{}, err
	}
	return l.ramp(x, n.Float("alpha", 0.2), n.Float("beta", 0.5))
}

// hardSwish rewrites x·min(max(x/6 + 1/2, 0), 1).
func (l *lowerer) hardSwish(n *onnx.Node) (value, error) {
	x, err := l.dynamic(n, 0, -1)
	if err != nil {
		return value{}, err
	}
	r, err := l.ramp(x, 1./6, 0.5)
	if err != nil {
		return value{}, err
	}
	return l.emit("Mul", x.shape, []string{r.name, x.name}), nil
}

func (l *lowerer) ramp(x value, slope, offset float32) (value, error) {
	y, err := l.mulConstant(x, scalar(slope))
	if err != nil {
		return value{}, err
	}
	if y, err = l.addConstant(y, scalar(offset)); err != nil {
		return value{}, err
	}
	return l.between(y, 0, 1)
}
