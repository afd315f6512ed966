package lower

import (
	"fmt"
	"slices"

	"github.com/oodflow/oodflow/internal/onnx"
)

// kernelShape reads the window's size of a pooling operator.
func kernelShape(n *onnx.Node) (h, w int, err error) {
	k := n.Ints("kernel_shape")
	if len(k) != 2 || k[0] < 1 || k[1] < 1 || k[0] >= 1<<15 || k[1] >= 1<<15 {
		return 0, 0, fmt.Errorf("its kernel_shape is %v, not two positive sizes", k)
	}
	return int(k[0]), int(k[1]), nil
}

// roundUp widens the pads at the end as ceil_mode asks: the last window may hang over, but it must begin
// inside the map or the pads before it.
func (s *slide) roundUp(x []int, size [2]int) {
	for i := range 2 {
		in, stride, before := x[2+i], s.strides[i], s.pads[i]
		span := in + before + s.pads[2+i] - size[i]
		if span < 0 {
			continue
		}
		out := (span+stride-1)/stride + 1
		if (out-1)*stride >= in+before {
			out--
		}
		s.pads[2+i] = max(s.pads[2+i], (out-1)*stride+size[i]-in-before)
	}
}

// pooling is what maximum and average pooling have in common.
func (l *lowerer) pooling(n *onnx.Node) (x value, s slide, h, w int, err error) {
	if len(n.Outputs) > 1 && n.Outputs[1] != "" {
		return x, s, 0, 0, fmt.Errorf("it has a second output")
	}
	if x, err = l.dynamic(n, 0, 4); err != nil {
		return x, s, 0, 0, err
	}
	if h, w, err = kernelShape(n); err != nil {
		return x, s, 0, 0, err
	}
	if s, err = window(n, x.shape, h, w); err != nil {
		return x, s, 0, 0, err
	}
	if s.dilations != [2]int{1, 1} {
		return x, s, 0, 0, fmt.Errorf("its window has dilations %v", s.dilations)
	}
	return x, s, h, w, nil
}

// maxPool hands maximum pooling on with its pads in the backend's own order. The backend reads them as
// bottom, top, right, left: it slides the window from the second and the fourth and counts the positions by
// the sums.
func (l *lowerer) maxPool(n *onnx.Node) (value, error) {
	x, s, h, w, err := l.pooling(n)
	if err != nil {
		return value{}, err
	}
	if n.Int("ceil_mode", 0) != 0 {
		s.roundUp(x.shape, [2]int{h, w})
	}
	if s.pads[0] >= h || s.pads[1] >= w {
		return value{}, fmt.Errorf("its pads %v are as large as its window %d×%d", s.pads, h, w)
	}
	height, width := x.shape[2]+s.pads[0]+s.pads[2]-h, x.shape[3]+s.pads[1]+s.pads[3]-w
	if height < 0 || width < 0 {
		return value{}, fmt.Errorf("its window of %d×%d does not fit an input of shape %v", h, w, x.shape)
	}
	// The backend takes two poolings of one tensor for the same when they differ only in these two pads.
	key := fmt.Sprint(x.name, h, w, s.strides, s.pads[2:])
	if before, ok := l.pooled[key]; ok && before != s.pads {
		return value{}, fmt.Errorf("another pooling of the same tensor differs from it only in its pads")
	}
	l.pooled[key] = s.pads
	shape := []int{x.shape[0], x.shape[1], height/s.strides[0] + 1, width/s.strides[1] + 1}
	return l.emit("MaxPool", shape, []string{x.name},
		onnx.IntsAttribute("kernel_shape", int64(h), int64(w)),
		onnx.IntsAttribute("strides", int64(s.strides[0]), int64(s.strides[1])),
		onnx.IntsAttribute("pads", int64(s.pads[2]), int64(s.pads[0]), int64(s.pads[3]), int64(s.pads[1])),
	), nil
}

// averagePool rewrites average pooling: a mean where the window covers the map, and otherwise a convolution
// of every channel by itself, times a constant where windows at the rim hold fewer values.
func (l *lowerer) averagePool(n *onnx.Node) (value, error) {
	x, s, h, w, err := l.pooling(n)
	if err != nil {
		return value{}, err
	}
	declared := s
	if n.Int("ceil_mode", 0) != 0 {
		s.roundUp(x.shape, [2]int{h, w})
	}
	if h == x.shape[2] && w == x.shape[3] && s.pads == [4]int{} {
		return l.meanOfMaps(x), nil
	}
	ones := slices.Repeat([]float32{1}, h*w)
	planes := l.reshape(x, []int{x.shape[0] * x.shape[1], 1, x.shape[2], x.shape[3]})
	sums, err := l.emitConv(planes, kernel{out: 1, in: 1, h: h, w: w, weights: ones, strides: s.strides, pads: s.pads})
	if err != nil {
		return value{}, err
	}
	y := l.reshape(sums, []int{x.shape[0], x.shape[1], sums.shape[2], sums.shape[3]})
	if n.Int("count_include_pad", 0) == 0 {
		declared.pads = [4]int{}
	} else {
		declared.pads = [4]int{s.pads[0], s.pads[1], declared.pads[2], declared.pads[3]}
	}
	return l.mulConstant(y, shares(x.shape, s, declared.pads, h, w, y.shape))
}

// shares is one over the number of values in each window of a pooling, counting the map and the given pads.
func shares(x []int, s slide, counted [4]int, h, w int, y []int) value {
	inside := func(axis, position, size int) int {
		start := position*s.strides[axis] - s.pads[axis]
		first := max(start, -counted[axis])
		last := min(start+size, x[2+axis]+counted[2+axis])
		return max(1, last-first)
	}
	v := value{shape: []int{y[2], y[3]}, floats: make([]float32, y[2]*y[3])}
	for i := range y[2] {
		for j := range y[3] {
			v.floats[i*y[3]+j] = float32(1 / float64(inside(0, i, h)*inside(1, j, w)))
		}
	}
	return v
}

func (l *lowerer) globalAveragePool(n *onnx.Node) (value, error) {
	x, err := l.dynamic(n, 0, 4)
	if err != nil {
		return value{}, err
	}
	return l.meanOfMaps(x), nil
}

// meanOfMaps averages N×C×H×W to N×C×1×1 by a product with a column of 1/(H·W).
func (l *lowerer) meanOfMaps(x value) value {
	n, c, per := x.shape[0], x.shape[1], x.shape[2]*x.shape[3]
	share := slices.Repeat([]float32{float32(1 / float64(per))}, per)
	means := l.matmulConstant(l.reshape(x, []int{n * c, per}), per, 1, share)
	return l.reshape(means, []int{n, c, 1, 1})
}

// reduceMean rewrites the mean over height and width.
func (l *lowerer) reduceMean(n *onnx.Node) (value, error) {
	x, err := l.dynamic(n, 0, 4)
	if err != nil {
		return value{}, err
	}
	axes, _, err := l.ints(n, 1, "axes")
	if err != nil {
		return value{}, err
	}
	var over []int
	for _, a := range axes {
		i, err := axis(a, 4)
		if err != nil {
			return value{}, err
		}
		over = append(over, i)
	}
	slices.Sort(over)
	if !slices.Equal(over, []int{2, 3}) {
		return value{}, fmt.Errorf("it averages over axes %v, not over height and width", axes)
	}
	y := l.meanOfMaps(x)
	if n.Int("keepdims", 1) == 0 {
		return l.reshape(y, x.shape[:2]), nil
	}
	return y, nil
}
