package lower

import (
	"fmt"
	"slices"

	"github.com/oodflow/oodflow/internal/onnx"
)

// permutation reads the order of axes of a Transpose of a tensor of the given rank; without one it reverses
// them.
func permutation(n *onnx.Node, rank int) ([]int, error) {
	given := n.Ints("perm")
	order := make([]int, rank)
	for i := range order {
		order[i] = rank - 1 - i
	}
	if given == nil {
		return order, nil
	}
	seen := make([]bool, rank)
	for i, a := range given {
		if len(given) != rank || a < 0 || int(a) >= rank || seen[a] {
			return nil, fmt.Errorf("its order of axes %v for %d axes", given, rank)
		}
		seen[a], order[i] = true, int(a)
	}
	if len(given) != rank {
		return nil, fmt.Errorf("its order of axes %v for %d axes", given, rank)
	}
	return order, nil
}

// transpose hands a transposition on, with the order of axes written out.
func (l *lowerer) transpose(n *onnx.Node) (value, error) {
	x, err := l.dynamic(n, 0, -1)
	if err != nil {
		return value{}, err
	}
	order, err := permutation(n, len(x.shape))
	if err != nil {
		return value{}, err
	}
	shape := make([]int, len(order))
	for i, a := range order {
		shape[i] = x.shape[a]
	}
	if slices.IsSorted(order) {
		return x, nil
	}
	return l.emit("Transpose", shape, []string{x.name}, onnx.IntsAttribute("perm", int64s(order)...)), nil
}

// foldTranspose transposes a constant.
func (l *lowerer) foldTranspose(n *onnx.Node) (value, error) {
	x, err := l.input(n, 0)
	if err != nil {
		return value{}, err
	}
	order, err := permutation(n, len(x.shape))
	if err != nil {
		return value{}, err
	}
	from := strides(x.shape)
	shape, step := make([]int, len(order)), make([]int, len(order))
	for i, a := range order {
		shape[i], step[i] = x.shape[a], from[a]
	}
	return x.pick(shape, step, 0), nil
}
