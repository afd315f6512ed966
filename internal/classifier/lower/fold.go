package lower

import (
	"fmt"
	"math"
	"slices"

	"github.com/oodflow/oodflow/internal/onnx"
)

// folds compute operators whose inputs are all constant, which shape arithmetic becomes once the shape of the
// input is fixed.
var folds = map[string]rule{
	"Shape":           (*lowerer).shapeOf,
	"ConstantOfShape": (*lowerer).constantOfShape,
	"Identity":        (*lowerer).identity,
	"Flatten":         (*lowerer).flatten,
	"Reshape":         (*lowerer).reshapeNode,
	"Squeeze":         (*lowerer).squeeze,
	"Unsqueeze":       (*lowerer).unsqueeze,
	"Cast":            (*lowerer).foldCast,
	"Gather":          (*lowerer).foldGather,
	"Concat":          (*lowerer).foldConcat,
	"Slice":           (*lowerer).foldSlice,
	"Transpose":       (*lowerer).foldTranspose,
	"Add":             foldArithmetic(func(a, b int64) int64 { return a + b }, func(a, b float64) float64 { return a + b }),
	"Sub":             foldArithmetic(func(a, b int64) int64 { return a - b }, func(a, b float64) float64 { return a - b }),
	"Mul":             foldArithmetic(func(a, b int64) int64 { return a * b }, func(a, b float64) float64 { return a * b }),
	"Div":             foldArithmetic(divide, func(a, b float64) float64 { return a / b }),
	"Floor":           (*lowerer).foldFloor,
}

func divide(a, b int64) int64 {
	if b == 0 {
		return 0 // undefined in ONNX; whatever uses it as a size is refused
	}
	return a / b
}

// pick makes a constant of the given shape from the elements of v that lie at offset and by step along each
// axis after it.
func (v value) pick(shape, step []int, offset int) value {
	out := value{shape: shape}
	if v.ints != nil {
		out.ints = make([]int64, product(shape))
		walk(shape, step, func(i, at int) { out.ints[i] = v.ints[offset+at] })
	} else {
		out.floats = make([]float32, product(shape))
		walk(shape, step, func(i, at int) { out.floats[i] = v.floats[offset+at] })
	}
	return out
}

// strides are the steps of a row-major tensor.
func strides(shape []int) []int {
	s := make([]int, len(shape))
	next := 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = next
		next *= shape[i]
	}
	return s
}

func (l *lowerer) constantOfShape(n *onnx.Node) (value, error) {
	list, ok, err := l.ints(n, 0, "")
	if err != nil {
		return value{}, err
	}
	if !ok || len(list) > 16 {
		return value{}, fmt.Errorf("its shape %v", list)
	}
	v := value{shape: make([]int, len(list))}
	for i, d := range list {
		if d < 0 || d > limit {
			return value{}, fmt.Errorf("its shape %v", list)
		}
		v.shape[i] = int(d)
	}
	size := product(v.shape)
	if size > limit {
		return value{}, fmt.Errorf("its shape %v", list)
	}
	fill := value{floats: []float32{0}}
	if a := n.Attribute("value"); a != nil && a.Tensor != nil {
		if fill, err = constantOf(a.Tensor); err != nil {
			return value{}, err
		}
	}
	if fill.size() != 1 {
		return value{}, fmt.Errorf("its value has %d elements", fill.size())
	}
	if fill.ints != nil {
		v.ints = slices.Repeat(fill.ints, size)
	} else {
		v.floats = slices.Repeat(fill.floats, size)
	}
	return v, nil
}

func (l *lowerer) foldCast(n *onnx.Node) (value, error) {
	x, err := l.input(n, 0)
	if err != nil {
		return value{}, err
	}
	switch to := onnx.DType(n.Int("to", 0)); {
	case to == onnx.Float || to == onnx.Double:
		return value{shape: x.shape, floats: x.asFloats()}, nil
	case to == onnx.Int64 || to == onnx.Int32:
		if x.ints != nil {
			return x, nil
		}
		out := value{shape: x.shape, ints: make([]int64, len(x.floats))}
		for i, f := range x.floats {
			out.ints[i] = int64(f)
		}
		return out, nil
	default:
		return value{}, fmt.Errorf("to %v", to)
	}
}

// foldGather picks along the first axis.
func (l *lowerer) foldGather(n *onnx.Node) (value, error) {
	x, err := l.input(n, 0)
	if err != nil {
		return value{}, err
	}
	index, err := l.input(n, 1)
	if err != nil {
		return value{}, err
	}
	if len(x.shape) == 0 || index.ints == nil || n.Int("axis", 0) != 0 {
		return value{}, fmt.Errorf("of shape %v, other than along the first axis", x.shape)
	}
	row := product(x.shape[1:])
	if row*max(1, len(index.ints)) > limit {
		return value{}, fmt.Errorf("of %d rows of shape %v", len(index.ints), x.shape[1:])
	}
	out := value{shape: append(slices.Clone(index.shape), x.shape[1:]...)}
	for _, i := range index.ints {
		at, err := axis(i, x.shape[0]) // counts from the end like an axis
		if err != nil {
			return value{}, fmt.Errorf("index %d of %d", i, x.shape[0])
		}
		if x.ints != nil {
			out.ints = append(out.ints, x.ints[at*row:(at+1)*row]...)
		} else {
			out.floats = append(out.floats, x.floats[at*row:(at+1)*row]...)
		}
	}
	return out, nil
}

// foldConcat joins along the first axis.
func (l *lowerer) foldConcat(n *onnx.Node) (value, error) {
	var out value
	for i := range n.Inputs {
		x, err := l.input(n, i)
		if err != nil {
			return value{}, err
		}
		at, err := axis(n.Int("axis", 0), len(x.shape))
		if err != nil {
			return value{}, err
		}
		if at != 0 || i > 0 && ((x.ints == nil) != (out.ints == nil) || !slices.Equal(x.shape[1:], out.shape[1:])) {
			return value{}, fmt.Errorf("of constants, other than along the first axis")
		}
		if i == 0 {
			out = value{shape: slices.Clone(x.shape), ints: slices.Clone(x.ints), floats: slices.Clone(x.floats)}
			continue
		}
		out.shape[0] += x.shape[0]
		out.ints, out.floats = append(out.ints, x.ints...), append(out.floats, x.floats...)
	}
	return out, nil
}

func (l *lowerer) foldSlice(n *onnx.Node) (value, error) {
	x, err := l.input(n, 0)
	if err != nil {
		return value{}, err
	}
	all, err := l.cuts(n, x.shape)
	if err != nil {
		return value{}, err
	}
	shape, step := make([]int, len(all)), strides(x.shape)
	offset := 0
	for i, c := range all {
		shape[i] = c.count
		offset += c.first * step[i]
		step[i] *= c.step
	}
	return x.pick(shape, step, offset), nil
}

func (l *lowerer) foldFloor(n *onnx.Node) (value, error) {
	x, err := l.input(n, 0)
	if err != nil || x.ints != nil {
		return x, err
	}
	out := value{shape: x.shape, floats: make([]float32, len(x.floats))}
	for i, v := range x.floats {
		out.floats[i] = float32(math.Floor(float64(v)))
	}
	return out, nil
}

// foldArithmetic computes with constants that broadcast to one of their two shapes.
func foldArithmetic(ints func(a, b int64) int64, floats func(a, b float64) float64) rule {
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
		if a.ints != nil && b.ints != nil && (len(a.ints) == len(b.ints) || len(a.ints) == 1 || len(b.ints) == 1) && product(shape) == max(len(a.ints), len(b.ints)) {
			out := value{shape: shape, ints: make([]int64, product(shape))}
			for i := range out.ints {
				out.ints[i] = ints(a.ints[i%len(a.ints)], b.ints[i%len(b.ints)])
			}
			return out, nil
		}
		if a.ints != nil && b.ints != nil {
			return value{}, fmt.Errorf("of lists of %d and %d integers", len(a.ints), len(b.ints))
		}
		if product(shape) > limit {
			return value{}, fmt.Errorf("its result of shape %v is too large", shape)
		}
		x, err := a.expand(shape)
		if err != nil {
			return value{}, err
		}
		y, err := b.expand(shape)
		if err != nil {
			return value{}, err
		}
		out := value{shape: shape, floats: make([]float32, len(x))}
		for i := range x {
			out.floats[i] = float32(floats(float64(x[i]), float64(y[i])))
		}
		return out, nil
	}
}
