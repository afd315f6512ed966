package lower

import (
	"fmt"

	"github.com/oodflow/oodflow/internal/onnx"
)

// kernel is a 2-D convolution: out×in×h×w weights for one group and dilation 1, a bias per output channel
// (nil: none), strides, and pads in ONNX's order top, left, bottom, right.
type kernel struct {
	out, in, h, w int
	weights       []float32
	bias          []float32
	strides       [2]int
	pads          [4]int
}

// conv rewrites a convolution with constant weights, together with a batch normalisation that follows it.
func (l *lowerer) conv(n *onnx.Node) (value, error) {
	x, err := l.dynamic(n, 0, 4)
	if err != nil {
		return value{}, err
	}
	wshape, w, err := l.weights(n, 1, 4)
	if err != nil {
		return value{}, err
	}
	win, err := window(n, x.shape, wshape[2], wshape[3])
	if err != nil {
		return value{}, err
	}
	k := kernel{out: wshape[0], in: wshape[1], h: wshape[2], w: wshape[3], weights: w, strides: win.strides, pads: win.pads}
	if n.Input(2) != "" {
		bshape, b, err := l.weights(n, 2, 1)
		if err != nil {
			return value{}, err
		}
		if bshape[0] != k.out {
			return value{}, fmt.Errorf("its bias has %d values for %d channels", bshape[0], k.out)
		}
		k.bias = append([]float32(nil), b...)
	}
	groups := int(n.Int("group", 1))
	if groups < 1 || k.in*groups != x.shape[1] || k.out%groups != 0 || k.out == 0 || k.in == 0 {
		return value{}, fmt.Errorf("its weights of shape %v in %d groups do not fit an input of shape %v", wshape, groups, x.shape)
	}
	if err := l.foldNorm(n, &k); err != nil {
		return value{}, err
	}
	k.undilate(win.dilations)
	if groups == k.out && k.in == 1 && groups > 1 {
		return l.depthwise(x, k)
	}
	k.ungroup(groups)
	return l.emitConv(x, k)
}

// undilate spreads the taps of a dilated kernel out, with zeros between them.
func (k *kernel) undilate(d [2]int) {
	if d == [2]int{1, 1} {
		return
	}
	h, w := (k.h-1)*d[0]+1, (k.w-1)*d[1]+1
	wide := make([]float32, k.out*k.in*h*w)
	for c := range k.out * k.in {
		for i := range k.h {
			for j := range k.w {
				wide[(c*h+i*d[0])*w+j*d[1]] = k.weights[(c*k.h+i)*k.w+j]
			}
		}
	}
	k.h, k.w, k.weights = h, w, wide
}

// ungroup writes a grouped kernel as a plain one, with zeros where a group does not look.
func (k *kernel) ungroup(groups int) {
	if groups == 1 {
		return
	}
	taps, in := k.h*k.w, k.in*groups
	full := make([]float32, k.out*in*taps)
	perGroup := k.out / groups
	for o := range k.out {
		first := o / perGroup * k.in
		copy(full[(o*in+first)*taps:], k.weights[o*k.in*taps:(o+1)*k.in*taps])
	}
	k.in, k.weights = in, full
}

// symmetric returns the kernel with equal pads on opposite sides, which is all the backend knows: zeros
// before the first tap shift the window as the larger pad does, and zeros after the last keep it as many.
func (k kernel) symmetric() kernel {
	ph, pw := max(k.pads[0], k.pads[2]), max(k.pads[1], k.pads[3])
	top, left := ph-k.pads[0], pw-k.pads[1]
	h, w := k.h+top+ph-k.pads[2], k.w+left+pw-k.pads[3]
	if h == k.h && w == k.w {
		return k
	}
	grown := make([]float32, k.out*k.in*h*w)
	for c := range k.out * k.in {
		for i := range k.h {
			copy(grown[(c*h+top+i)*w+left:], k.weights[(c*k.h+i)*k.w:(c*k.h+i+1)*k.w])
		}
	}
	k.h, k.w, k.weights, k.pads = h, w, grown, [4]int{ph, pw, ph, pw}
	return k
}

// emitConv emits a convolution over all channels and adds its bias.
func (l *lowerer) emitConv(x value, k kernel) (value, error) {
	batch, height, width := x.shape[0], x.shape[2], x.shape[3]
	k = k.symmetric()
	oh := (height+2*k.pads[0]-k.h)/k.strides[0] + 1
	ow := (width+2*k.pads[1]-k.w)/k.strides[1] + 1
	if height+2*k.pads[0] < k.h || width+2*k.pads[1] < k.w {
		return value{}, fmt.Errorf("its kernel of %d×%d does not fit an input of shape %v", k.h, k.w, x.shape)
	}
	shape := []int{batch, k.out, oh, ow}
	if product(shape) > limit || product([]int{batch, oh, ow, k.in * k.h * k.w}) > limit || len(k.weights) > limit {
		return value{}, fmt.Errorf("it is too large: %d×%d×%d×%d weights on an input of shape %v", k.out, k.in, k.h, k.w, x.shape)
	}
	var y value
	if k.pointwise() && batch == 1 {
		// One image: its channels are the rows of a matrix, so that no patches need to be copied out.
		w := value{shape: []int{k.out, k.in}, name: l.constant([]int{k.out, k.in}, k.weights)}
		y = l.reshape(l.matmul(w, l.reshape(x, []int{k.in, height * width})), shape)
	} else {
		y = l.emit("Conv", shape, []string{x.name, l.constant([]int{k.out, k.in, k.h, k.w}, k.weights)},
			onnx.IntsAttribute("kernel_shape", int64(k.h), int64(k.w)),
			onnx.IntsAttribute("strides", int64(k.strides[0]), int64(k.strides[1])),
			onnx.IntsAttribute("pads", int64(k.pads[0]), int64(k.pads[1])), // two values are what the backend reads rightly
		)
	}
	if k.bias == nil {
		return y, nil
	}
	return l.addConstant(y, value{shape: []int{k.out, 1, 1}, floats: k.bias})
}

func (k kernel) pointwise() bool {
	return k.h == 1 && k.w == 1 && k.strides == [2]int{1, 1} && k.pads == [4]int{}
}

// depthwise emits a convolution of every channel with its own taps. Channels become images of one channel,
// a convolution with one-hot kernels lays the taps of every window side by side, and a product with the
// weights followed by a sum over the taps, which is a 1×1 convolution with ones, finishes it.
func (l *lowerer) depthwise(x value, k kernel) (value, error) {
	batch, channels, taps := x.shape[0], k.out, k.h*k.w
	oneHot := make([]float32, taps*taps)
	for t := range taps {
		oneHot[t*taps+t] = 1
	}
	planes := l.reshape(x, []int{batch * channels, 1, x.shape[2], x.shape[3]})
	patches, err := l.emitConv(planes, kernel{out: taps, in: 1, h: k.h, w: k.w, weights: oneHot, strides: k.strides, pads: k.pads})
	if err != nil {
		return value{}, err
	}
	oh, ow := patches.shape[2], patches.shape[3]
	weights := value{shape: []int{channels, taps, 1, 1}, floats: k.weights}
	perImage, err := weights.expand([]int{channels, taps, oh, ow})
	if err != nil {
		return value{}, err
	}
	full := make([]float32, 0, batch*len(perImage))
	for range batch {
		full = append(full, perImage...)
	}
	products := l.emit("Mul", patches.shape, []string{patches.name, l.constant(patches.shape, full)})
	ones := make([]float32, taps)
	for t := range ones {
		ones[t] = 1
	}
	sums, err := l.emitConv(products, kernel{out: 1, in: taps, h: 1, w: 1, weights: ones, strides: [2]int{1, 1}})
	if err != nil {
		return value{}, err
	}
	y := l.reshape(sums, []int{batch, channels, oh, ow})
	if k.bias == nil {
		return y, nil
	}
	return l.addConstant(y, value{shape: []int{channels, 1, 1}, floats: k.bias})
}
