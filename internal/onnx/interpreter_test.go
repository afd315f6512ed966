package onnx

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// nd is a dense tensor of the slow interpreter below.
type nd struct {
	dims []int64
	data []float64
}

// run computes a tensor of the graph from the value of another one between
// the input and it: an oracle for what the head is said to compute.
func run(t testing.TB, m *Model, known map[string]nd, tensor string) nd {
	t.Helper()
	if v, ok := known[tensor]; ok {
		return v
	}
	v := compute(t, m, known, tensor)
	known[tensor] = v
	return v
}

func compute(t testing.TB, m *Model, known map[string]nd, tensor string) nd {
	t.Helper()
	if c := m.Constant(tensor); c != nil {
		data, err := c.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		v := nd{dims: c.Dims}
		for _, x := range data {
			v.data = append(v.data, float64(x))
		}
		return v
	}
	n := m.ProducerOf(tensor)
	if n == nil {
		t.Fatalf("%s cannot be computed", tensor)
	}
	in := func(i int) nd { return run(t, m, known, n.Input(i)) }
	ints := func(name string, i int) (out []int64) {
		if out = n.Ints(name); out == nil && n.Input(i) != "" {
			for _, x := range in(i).data {
				out = append(out, int64(x))
			}
		}
		return out
	}
	switch n.Op {
	case "Identity", "Dropout", "Cast", "Pad": // the tests pad nothing
		return in(0)
	case "Shape":
		v := nd{dims: []int64{int64(len(in(0).dims))}}
		for _, d := range in(0).dims {
			v.data = append(v.data, float64(d))
		}
		return v
	case "Concat": // of shapes
		v := nd{}
		for i := range n.Inputs {
			v.data = append(v.data, in(i).data...)
		}
		v.dims = []int64{int64(len(v.data))}
		return v
	case "Gather": // of shapes
		return nd{in(1).dims, []float64{in(0).data[int(in(1).data[0])]}}
	case "Relu":
		return elementwise(in(0), nd{data: []float64{0}}, math.Max)
	case "Add":
		return elementwise(in(0), in(1), func(a, b float64) float64 { return a + b })
	case "Sub":
		return elementwise(in(0), in(1), func(a, b float64) float64 { return a - b })
	case "Mul":
		return elementwise(in(0), in(1), func(a, b float64) float64 { return a * b })
	case "Div":
		return elementwise(in(0), in(1), func(a, b float64) float64 { return a / b })
	case "DequantizeLinear":
		centred := elementwise(in(0), alongAxis(in(2), len(in(0).dims), n.Int("axis", 1)), func(a, b float64) float64 { return a - b })
		return elementwise(centred, alongAxis(in(1), len(in(0).dims), n.Int("axis", 1)), func(a, b float64) float64 { return a * b })
	case "BatchNormalization":
		eps, rank := float64(n.Float("epsilon", 1e-5)), len(in(0).dims)
		p := func(i int) nd { return alongAxis(in(i), rank, 1) }
		y := elementwise(in(0), p(3), func(a, b float64) float64 { return a - b })
		y = elementwise(y, p(4), func(a, b float64) float64 { return a / math.Sqrt(b+eps) })
		y = elementwise(y, p(1), func(a, b float64) float64 { return a * b })
		return elementwise(y, p(2), func(a, b float64) float64 { return a + b })
	case "Transpose":
		return permute(in(0), n.Ints("perm"))
	case "Flatten", "Reshape":
		return reshaped(in(0), flattenTo(n, in(0), ints("shape", 1)))
	case "Squeeze":
		return squeezed(in(0), ints("axes", 1))
	case "Unsqueeze":
		dims := in(0).dims
		for _, a := range ints("axes", 1) {
			dims = slices.Insert(slices.Clone(dims), int(a), 1)
		}
		return nd{dims, in(0).data}
	case "GlobalAveragePool", "AveragePool": // the tests' windows cover the map
		axes := []int64{}
		for a := 2; a < len(in(0).dims); a++ {
			axes = append(axes, int64(a))
		}
		return reduced(in(0), axes, true)
	case "ReduceMean":
		return reduced(in(0), ints("axes", 1), n.Int("keepdims", 1) != 0)
	case "MatMul":
		return matmul(in(0), in(1))
	case "Gemm":
		return gemm(n, in)
	case "Conv": // one pixel wide: a matrix product over the channels
		w := permute(nd{in(1).dims[:2], in(1).data}, nil)
		last := append([]int64{0}, permAround(len(in(0).dims))...)
		y := matmul(permute(in(0), last), w)
		if n.Input(2) != "" {
			y = elementwise(y, in(2), func(a, b float64) float64 { return a + b })
		}
		back := []int64{0, int64(len(last) - 1)}
		for a := 1; a < len(last)-1; a++ {
			back = append(back, int64(a))
		}
		return permute(y, back)
	}
	t.Fatalf("the test's interpreter lacks %v", n)
	return nd{}
}

// permAround is 2, 3, .., 1: what moves channels last, after the batch.
func permAround(rank int) (perm []int64) {
	for a := 2; a < rank; a++ {
		perm = append(perm, int64(a))
	}
	return append(perm, 1)
}

func size(dims []int64) int64 {
	n := int64(1)
	for _, d := range dims {
		n *= d
	}
	return n
}

// at reads an element by its index, broadcast from the right.
func (v nd) at(index []int64) float64 {
	skip, off := len(index)-len(v.dims), int64(0)
	for i, d := range v.dims {
		off *= d
		if d > 1 {
			off += index[skip+i]
		}
	}
	return v.data[off]
}

// generate fills a tensor from a function of the index.
func generate(dims []int64, f func(index []int64) float64) nd {
	v := nd{dims: dims, data: make([]float64, size(dims))}
	index := make([]int64, len(dims))
	for i := range v.data {
		rest := int64(i)
		for a := len(dims) - 1; a >= 0; a-- {
			index[a], rest = rest%dims[a], rest/dims[a]
		}
		v.data[i] = f(index)
	}
	return v
}

func elementwise(a, b nd, f func(a, b float64) float64) nd {
	dims := broadcastDims(a.dims, b.dims)
	return generate(dims, func(i []int64) float64 { return f(a.at(i), b.at(i)) })
}

func alongAxis(v nd, rank int, axis int64) nd {
	if len(v.data) == 1 {
		return nd{data: v.data}
	}
	dims := slices.Repeat([]int64{1}, rank)
	dims[axis] = int64(len(v.data))
	return nd{dims, v.data}
}

func permute(v nd, perm []int64) nd {
	if perm == nil {
		for a := len(v.dims) - 1; a >= 0; a-- {
			perm = append(perm, int64(a))
		}
	}
	dims := make([]int64, len(perm))
	for i, p := range perm {
		dims[i] = v.dims[p]
	}
	source := make([]int64, len(perm))
	return generate(dims, func(index []int64) float64 {
		for i, p := range perm {
			source[p] = index[i]
		}
		return v.at(source)
	})
}

func flattenTo(n *Node, x nd, want []int64) []int64 {
	if n.Op == "Flatten" {
		a := n.Int("axis", 1)
		return []int64{size(x.dims[:a]), size(x.dims[a:])}
	}
	want = slices.Clone(want)
	for i, d := range want {
		if d == 0 {
			want[i] = x.dims[i]
		}
	}
	if i := slices.Index(want, -1); i >= 0 {
		want[i] = 1
		want[i] = size(x.dims) / size(want)
	}
	return want
}

func reshaped(x nd, dims []int64) nd {
	if size(dims) != size(x.dims) {
		panic(fmt.Sprintf("reshape %v to %v", x.dims, dims))
	}
	return nd{dims, x.data}
}

func squeezed(x nd, axes []int64) nd {
	out := nd{data: x.data}
	for i, d := range x.dims {
		if !slices.Contains(axes, int64(i)) && !slices.Contains(axes, int64(i-len(x.dims))) {
			out.dims = append(out.dims, d)
		}
	}
	return out
}

func reduced(x nd, axes []int64, keep bool) nd {
	dims, count := slices.Clone(x.dims), 1.0
	for i, a := range axes {
		if a < 0 {
			a += int64(len(dims))
			axes = slices.Clone(axes)
			axes[i] = a
		}
		count *= float64(dims[a])
		dims[a] = 1
	}
	sum := nd{dims, make([]float64, size(dims))}
	generate(x.dims, func(index []int64) float64 {
		off := int64(0)
		for i, d := range dims {
			off *= d
			if d > 1 {
				off += index[i]
			}
		}
		sum.data[off] += x.at(index) / count
		return 0
	})
	if !keep {
		return squeezed(sum, axes)
	}
	return sum
}

// matmul multiplies by one matrix on the right.
func matmul(a, b nd) nd {
	rows, cols := b.dims[len(b.dims)-2], b.dims[len(b.dims)-1]
	dims := append(slices.Clone(a.dims[:len(a.dims)-1]), cols)
	out := nd{dims, make([]float64, size(dims))}
	for i := range out.data {
		r, c := int64(i)/cols, int64(i)%cols
		for k := range rows {
			out.data[i] += a.data[r*rows+k] * b.data[k*cols+c]
		}
	}
	return out
}

func gemm(n *Node, in func(int) nd) nd {
	a, b := in(0), in(1)
	if n.Int("transA", 0) != 0 {
		a = permute(a, nil)
	}
	if n.Int("transB", 0) != 0 {
		b = permute(b, nil)
	}
	y, alpha, beta := matmul(a, b), float64(n.Float("alpha", 1)), float64(n.Float("beta", 1))
	c := nd{data: []float64{0}}
	if n.Input(2) != "" {
		c = in(2)
	}
	return elementwise(y, c, func(y, c float64) float64 { return alpha*y + beta*c })
}
