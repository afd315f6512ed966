package lower

import (
	"fmt"
	"slices"

	"github.com/oodflow/oodflow/internal/onnx"
)

// value is a tensor whose shape is known: computed from the image, under a name of the rewritten graph, or
// constant, float32 or int64, row-major.
type value struct {
	shape  []int
	name   string    // of the rewritten graph; "" for a constant
	floats []float32 // of a constant
	ints   []int64   // of a constant; nil when floats is set
}

func (v value) constant() bool { return v.name == "" }

// size is the number of elements.
func (v value) size() int { return product(v.shape) }

// constantOf reads a constant of the model: integers stay integers, everything else becomes float32.
func constantOf(t *onnx.Tensor) (value, error) {
	n, err := t.Len()
	if err != nil {
		return value{}, err
	}
	if n > limit {
		return value{}, fmt.Errorf("it has %d elements", n)
	}
	v := value{shape: make([]int, len(t.Dims))}
	for i, d := range t.Dims {
		v.shape[i] = int(d)
	}
	if t.Type.IsFloat() {
		v.floats, err = t.Float32s()
		if v.floats == nil {
			v.floats = []float32{}
		}
	} else {
		v.ints, err = t.Int64s()
		if v.ints == nil {
			v.ints = []int64{}
		}
	}
	return v, err
}

// asFloats returns a constant's elements as float32.
func (v value) asFloats() []float32 {
	if v.ints == nil {
		return v.floats
	}
	x := make([]float32, len(v.ints))
	for i, n := range v.ints {
		x[i] = float32(n)
	}
	return x
}

// expand repeats a constant to shape by the broadcasting rules of ONNX and NumPy.
func (v value) expand(shape []int) ([]float32, error) {
	x := v.asFloats()
	if slices.Equal(v.shape, shape) {
		return x, nil
	}
	lead := len(shape) - len(v.shape)
	if lead < 0 {
		return nil, fmt.Errorf("a constant of shape %v does not fit a tensor of shape %v", v.shape, shape)
	}
	step := make([]int, len(shape))
	stride := 1
	for i := len(v.shape) - 1; i >= 0; i-- {
		switch v.shape[i] {
		case shape[lead+i]:
			step[lead+i] = stride
		case 1:
		default:
			return nil, fmt.Errorf("a constant of shape %v does not fit a tensor of shape %v", v.shape, shape)
		}
		stride *= v.shape[i]
	}
	out := make([]float32, product(shape))
	walk(shape, step, func(i, at int) { out[i] = x[at] })
	return out, nil
}

// walk visits the elements of a row-major tensor of the given shape in order: i counts them, at is where the
// element lies in a tensor that moves by step along each axis.
func walk(shape, step []int, visit func(i, at int)) {
	index := make([]int, len(shape))
	at := 0
	for i := range product(shape) {
		visit(i, at)
		for a := len(shape) - 1; a >= 0; a-- {
			index[a]++
			at += step[a]
			if index[a] < shape[a] {
				break
			}
			at -= step[a] * shape[a]
			index[a] = 0
		}
	}
}

// product multiplies sizes; what overflows or passes the limit comes back as limit+1.
func product(shape []int) int {
	n := 1
	for _, d := range shape {
		if d != 0 && n > limit/d {
			return limit + 1
		}
		n *= d
	}
	return n
}

func int64s(x []int) []int64 {
	y := make([]int64, len(x))
	for i, v := range x {
		y[i] = int64(v)
	}
	return y
}

// axis resolves an axis that may count from the end.
func axis(a int64, rank int) (int, error) {
	if a < 0 {
		a += int64(rank)
	}
	if a < 0 || a >= int64(rank) {
		return 0, fmt.Errorf("axis %d of a tensor of %d axes", a, rank)
	}
	return int(a), nil
}
