package lower

import (
	"fmt"
	"math"

	"github.com/oodflow/oodflow/internal/onnx"
)

// cut is what a slice takes of one axis: count elements from first on, step apart.
type cut struct{ first, step, count int }

// cuts reads a slice of a tensor of the given shape.
func (l *lowerer) cuts(n *onnx.Node, shape []int) ([]cut, error) {
	starts, ok1, err1 := l.ints(n, 1, "starts")
	ends, ok2, err2 := l.ints(n, 2, "ends")
	axes, given, err3 := l.ints(n, 3, "axes")
	steps, stepped, err4 := l.ints(n, 4, "steps")
	for _, err := range []error{err1, err2, err3, err4} {
		if err != nil {
			return nil, err
		}
	}
	if !ok1 || !ok2 || len(starts) != len(ends) || given && len(axes) != len(starts) || stepped && len(steps) != len(starts) {
		return nil, fmt.Errorf("its starts %v, ends %v, axes %v and steps %v do not fit each other", starts, ends, axes, steps)
	}
	all := make([]cut, len(shape))
	for i, d := range shape {
		all[i] = cut{0, 1, d}
	}
	for i := range starts {
		a, step := int64(i), int64(1)
		if given {
			a = axes[i]
		}
		if stepped {
			step = steps[i]
		}
		at, err := axis(a, len(shape))
		if err != nil {
			return nil, err
		}
		if all[at], err = cutOf(starts[i], ends[i], step, shape[at]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// cutOf resolves a start, end and step for an axis of d elements, as in Python.
func cutOf(start, end, step int64, d int) (cut, error) {
	if step == 0 || step <= -math.MaxInt32 || step >= math.MaxInt32 {
		return cut{}, fmt.Errorf("a step of %d", step)
	}
	n := int64(d)
	low, high := int64(0), n // where start and end may lie
	if step < 0 {
		low, high = -1, n-1
	}
	place := func(v int64) int64 {
		if v < 0 && v >= -n {
			v += n
		} else if v < 0 {
			v = low
		}
		return min(max(v, low), high)
	}
	first, last := place(start), place(end)
	var count int64
	if step > 0 {
		count = (last - first + step - 1) / step
	} else {
		count = (first - last - step - 1) / -step
	}
	return cut{int(first), int(step), int(max(0, count))}, nil
}

// slice rewrites a slice of an N×C×H×W tensor as a 1×1 convolution: the stride takes every step-th pixel, and
// the kernel picks the channels.
func (l *lowerer) slice(n *onnx.Node) (value, error) {
	x, err := l.dynamic(n, 0, -1)
	if err != nil {
		return value{}, err
	}
	all, err := l.cuts(n, x.shape)
	if err != nil {
		return value{}, err
	}
	whole := func(i int) bool { return all[i] == cut{0, 1, x.shape[i]} }
	same := true
	for i := range all {
		same = same && whole(i)
	}
	if same {
		return x, nil
	}
	if len(x.shape) != 4 || !whole(0) {
		return value{}, fmt.Errorf("of a tensor of shape %v, other than by channels and pixels of a map", x.shape)
	}
	k := kernel{out: all[1].count, in: x.shape[1], h: 1, w: 1, strides: [2]int{all[2].step, all[3].step}}
	for i := range 2 {
		c, size := all[2+i], x.shape[2+i]
		if c.step < 1 || c.count == 0 {
			return value{}, fmt.Errorf("an empty or backward slice of shape %v", x.shape)
		}
		// The kernel's one tap lies at first, and the kernel is long enough that it fits count times only.
		grow(&k, i, max(c.first+1, size-c.count*c.step+1))
	}
	if k.out == 0 {
		return value{}, fmt.Errorf("an empty slice of shape %v", x.shape)
	}
	k.weights = make([]float32, k.out*k.in*k.h*k.w)
	for o := range k.out {
		from := all[1].first + o*all[1].step
		k.weights[((o*k.in+from)*k.h+all[2].first)*k.w+all[3].first] = 1
	}
	return l.emitConv(x, k)
}

// grow sets the kernel's size along height (0) or width (1).
func grow(k *kernel, i, size int) {
	if i == 0 {
		k.h = size
	} else {
		k.w = size
	}
}

// pad rewrites padding with zeros as a 1×1 convolution with pads, whose kernel also adds channels of zeros.
func (l *lowerer) pad(n *onnx.Node) (value, error) {
	x, err := l.dynamic(n, 0, 4)
	if err != nil {
		return value{}, err
	}
	if mode := n.Text("mode"); mode != "" && mode != "constant" {
		return value{}, fmt.Errorf("mode %s", mode)
	}
	if n.Input(3) != "" {
		return value{}, fmt.Errorf("with axes")
	}
	pads, ok, err := l.ints(n, 1, "pads")
	if err != nil {
		return value{}, err
	}
	if !ok || len(pads) != 8 {
		return value{}, fmt.Errorf("its pads are %v, not eight sizes", pads)
	}
	for i, p := range pads {
		if p < 0 || p > 1<<15 || i%4 == 0 && p != 0 {
			return value{}, fmt.Errorf("its pads are %v", pads)
		}
	}
	fill, err := l.bound(n, 2, "value", 0)
	if err != nil {
		return value{}, err
	}
	if fill != 0 {
		return value{}, fmt.Errorf("with %g instead of zero", fill)
	}
	before, in := int(pads[1]), x.shape[1]
	k := kernel{out: before + in + int(pads[5]), in: in, h: 1, w: 1, strides: [2]int{1, 1},
		pads: [4]int{int(pads[2]), int(pads[3]), int(pads[6]), int(pads[7])}}
	if k.out > limit/in {
		return value{}, fmt.Errorf("its pads are %v", pads)
	}
	k.weights = make([]float32, k.out*in)
	for c := range in {
		k.weights[(before+c)*in+c] = 1
	}
	return l.emitConv(x, k)
}
