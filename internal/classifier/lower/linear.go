package lower

import (
	"fmt"

	"github.com/oodflow/oodflow/internal/onnx"
)

// gemm rewrites α·A·B + β·C with constant B and C: the backend's own Gemm adds its result to C for good.
func (l *lowerer) gemm(n *onnx.Node) (value, error) {
	x, err := l.dynamic(n, 0, 2)
	if err != nil {
		return value{}, err
	}
	if n.Int("transA", 0) != 0 {
		return value{}, fmt.Errorf("its first matrix is transposed")
	}
	shape, w, err := l.weights(n, 1, 2)
	if err != nil {
		return value{}, err
	}
	k, m := shape[0], shape[1]
	if n.Int("transB", 0) != 0 {
		w, k, m = transpose(w, k, m), m, k
	}
	if x.shape[1] != k || k == 0 || m == 0 {
		return value{}, fmt.Errorf("its matrices of shapes %v and %v do not fit each other", x.shape, []int{k, m})
	}
	y := l.matmulConstant(x, k, m, scaled(w, n.Float("alpha", 1)))
	c, ok, err := l.parameter(n, 2)
	if err != nil || !ok {
		return y, err
	}
	return l.addConstant(y, value{shape: c.shape, floats: scaled(c.asFloats(), n.Float("beta", 1))})
}

// matMul rewrites a product with a constant matrix, over the last axis of a tensor of any rank, or of two
// computed matrices.
func (l *lowerer) matMul(n *onnx.Node) (value, error) {
	x, err := l.dynamic(n, 0, -1)
	if err != nil {
		return value{}, err
	}
	b, err := l.input(n, 1)
	if err != nil {
		return value{}, err
	}
	rank := len(x.shape)
	if rank < 2 || len(b.shape) != 2 || x.shape[rank-1] != b.shape[0] || product(x.shape) == 0 || product(b.shape) == 0 {
		return value{}, fmt.Errorf("a product of tensors of shapes %v and %v", x.shape, b.shape)
	}
	if b.constant() {
		b = value{shape: b.shape, name: l.constant(b.shape, b.asFloats())}
	}
	rows := product(x.shape[:rank-1])
	y := l.matmul(l.reshape(x, []int{rows, x.shape[rank-1]}), b)
	return l.reshape(y, append(append([]int{}, x.shape[:rank-1]...), b.shape[1])), nil
}

func transpose(w []float32, rows, columns int) []float32 {
	t := make([]float32, len(w))
	for i := range rows {
		for j := range columns {
			t[j*rows+i] = w[i*columns+j]
		}
	}
	return t
}

func scaled(x []float32, s float32) []float32 {
	if s == 1 {
		return x
	}
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = s * v
	}
	return y
}
