package lower

import (
	"fmt"
	"slices"

	"github.com/oodflow/oodflow/internal/onnx"
)

// fresh returns a new name.
func (l *lowerer) fresh(prefix string) string {
	l.serial++
	return fmt.Sprintf("%s%d", prefix, l.serial)
}

// emit adds a node whose one output has the given shape.
func (l *lowerer) emit(op string, shape []int, inputs []string, attributes ...onnx.Attribute) value {
	name := l.fresh("t")
	l.graph.Nodes = append(l.graph.Nodes, onnx.Node{Name: name, Op: op, Inputs: inputs, Outputs: []string{name}, Attributes: attributes})
	return value{shape: shape, name: name}
}

// constant adds a float32 constant and returns its name.
func (l *lowerer) constant(shape []int, data []float32) string {
	name := l.fresh("c")
	l.spent += len(data)
	l.constants = append(l.constants, Constant{Name: name, Shape: shape, Floats: data})
	return name
}

// reshape gives the elements of v another shape.
func (l *lowerer) reshape(v value, shape []int) value {
	if slices.Equal(v.shape, shape) {
		return v
	}
	name := l.fresh("s")
	l.constants = append(l.constants, Constant{Name: name, Shape: []int{len(shape)}, Ints: int64s(shape)})
	return l.emit("Reshape", shape, []string{v.name, name})
}

// distinct makes copies of tensors that come more than once, since onnx-go loses the second of two equal
// arguments.
func (l *lowerer) distinct(args ...value) []string {
	names := make([]string, len(args))
	for i, v := range args {
		if slices.Contains(names[:i], v.name) {
			v = l.copyOf(v)
		}
		names[i] = v.name
	}
	return names
}

// copyOf emits a product with ones. The constant comes first, because gorgonia may write into the first
// argument where it thinks that nothing else needs it.
func (l *lowerer) copyOf(v value) value {
	ones := slices.Repeat([]float32{1}, v.size())
	return l.emit("Mul", v.shape, []string{l.constant(v.shape, ones), v.name})
}

// addConstant adds a constant that broadcasts to v's shape.
func (l *lowerer) addConstant(v, c value) (value, error) {
	full, err := c.expand(v.shape)
	if err != nil {
		return value{}, err
	}
	if !slices.ContainsFunc(full, func(x float32) bool { return x != 0 }) {
		return v, nil
	}
	return l.emit("Add", v.shape, []string{v.name, l.constant(v.shape, full)}), nil
}

// matmul multiplies matrices.
func (l *lowerer) matmul(a, b value) value {
	return l.emit("MatMul", []int{a.shape[0], b.shape[1]}, l.distinct(a, b))
}

// matmulConstant multiplies the matrix a by a constant k×n.
func (l *lowerer) matmulConstant(a value, k, n int, w []float32) value {
	return l.matmul(a, value{shape: []int{k, n}, name: l.constant([]int{k, n}, w)})
}
