package imageset

import (
	"fmt"
	"math"

	"github.com/oodflow/oodflow/internal/pixel"
)

// Filter is a resampling filter by PIL's code, which is what "resample" holds
// in a Hugging Face configuration.
type Filter int

// The filters of PIL. All but Nearest are antialiased: when an image shrinks,
// they widen with the scale.
const (
	Nearest  Filter = 0
	Lanczos  Filter = 1
	Bilinear Filter = 2
	Bicubic  Filter = 3
	Box      Filter = 4
	Hamming  Filter = 5
)

func (f Filter) String() string {
	switch f {
	case Nearest:
		return "nearest"
	case Lanczos:
		return "lanczos"
	case Bilinear:
		return "bilinear"
	case Bicubic:
		return "bicubic"
	case Box:
		return "box"
	case Hamming:
		return "hamming"
	}
	return fmt.Sprintf("Filter(%d)", int(f))
}

// support is half the filter's width in source pixels at scale one.
func (f Filter) support() float64 {
	switch f {
	case Box:
		return 0.5
	case Bicubic:
		return 2
	case Lanczos:
		return 3
	}
	return 1
}

// weight is the filter's height at distance x from its centre. The float64
// conversions keep a compiler from fusing multiplication and addition, which
// would make the weights differ between machines.
func (f Filter) weight(x float64) float64 {
	switch f {
	case Box:
		if x > -0.5 && x <= 0.5 {
			return 1
		}
		return 0
	case Bilinear:
		return max(0, 1-math.Abs(x))
	case Hamming:
		return hamming(math.Abs(x))
	case Bicubic:
		return bicubic(math.Abs(x))
	case Lanczos:
		if x < -3 || x >= 3 {
			return 0
		}
		return sinc(x) * sinc(x/3)
	}
	panic("imageset: no weights for filter " + f.String())
}

// hamming is a sinc of width one under a Hamming window.
func hamming(x float64) float64 {
	switch {
	case x == 0:
		return 1
	case x >= 1:
		return 0
	}
	x *= math.Pi
	return math.Sin(x) / x * (0.54 + float64(0.46*math.Cos(x)))
}

// bicubic is Keys's cubic convolution with a = -1/2.
func bicubic(x float64) float64 {
	const a = -0.5
	switch {
	case x < 1:
		return float64((float64((a+2)*x)-(a+3))*x*x) + 1
	case x < 2:
		return (float64((float64((x-5)*x)+8)*x) - 4) * a
	}
	return 0
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	x *= math.Pi
	return math.Sin(x) / x
}

// kernel holds the weights that make a range of output samples.
type kernel struct {
	width   int         // places per output sample in coef
	taps    []pixel.Tap // the source samples of each output sample
	coef    []int32     // their weights, 1<<pixel.CoefBits is one, and zeros
	scratch []float64
}

// weights returns those of output sample i, one per source sample.
func (k *kernel) weights(i int) []int32 {
	return k.coef[i*k.width:][:k.taps[i].N]
}

// span is the range of source samples that any output sample reads.
func (k *kernel) span() (from, to int) {
	last := k.taps[len(k.taps)-1]
	return k.taps[0].First, last.First + last.N
}

// fill computes the weights for output samples from..to-1 of a row of in samples
// resized to out, in the memory that k has where it is enough.
//
// Output sample i is centred at (i + 1/2)·in/out. The source samples whose
// centres lie within the support, itself widened by in/out when that shrinks
// the row, are weighted by the filter; the weights are scaled to a sum of one
// and rounded to fixed point, halves away from zero.
func (k *kernel) fill(f Filter, in, out, from, to int) {
	scale := float64(in) / float64(out)
	stretch := max(scale, 1)
	support := f.support() * stretch
	k.width = int(math.Ceil(support))*2 + 1
	k.taps = resize(k.taps, to-from)
	k.coef = resize(k.coef, (to-from)*k.width)
	k.scratch = resize(k.scratch, k.width)
	weights := k.scratch
	for i := range k.taps {
		centre := (float64(from+i) + 0.5) * scale
		first := max(int(centre-support+0.5), 0)
		last := min(int(centre+support+0.5), in)
		inverse := 1 / stretch
		var sum float64
		for j := range last - first {
			weights[j] = f.weight((float64(j+first) - centre + 0.5) * inverse)
			sum += weights[j]
		}
		k.taps[i] = pixel.Tap{First: first, N: last - first}
		coef := k.coef[i*k.width:][:k.width]
		clear(coef[last-first:])
		for j := range last - first {
			coef[j] = fixed(weights[j], sum)
		}
	}
}

// fixed is w/sum in fixed point.
func fixed(w, sum float64) int32 {
	if sum != 0 {
		w /= sum
	}
	return int32(math.Copysign(0.5, w) + float64(w*(1<<pixel.CoefBits)))
}

// kernels keeps the weights of the last few sizes: the images of a set often
// agree in size, and where they do not, their memory is used again.
type kernels struct {
	keys [4]kernelKey
	list [4]kernel
	next int // the place that is used again next
}

type kernelKey struct {
	f                 Filter
	in, out, from, to int
}

// get returns the weights. They are valid until as many others have been asked for
// as are kept.
func (c *kernels) get(f Filter, in, out, from, to int) *kernel {
	key := kernelKey{f, in, out, from, to}
	for i := range c.keys {
		if c.keys[i] == key {
			return &c.list[i]
		}
	}
	i := c.next
	c.next = (i + 1) % len(c.list)
	if 4*cap(c.list[i].coef) > maxScratch {
		c.list[i] = kernel{}
	}
	c.keys[i] = key
	c.list[i].fill(f, in, out, from, to)
	return &c.list[i]
}
