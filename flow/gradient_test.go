package flow

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/oodflow/oodflow/internal/kernel"
)

// testTrainer returns a trainer whose next batch is all of x.
func testTrainer(f *Flow, x []float32) *trainer {
	return newTrainer(f, Matrix(x, f.cfg.Dim), rows(x, f.cfg.Dim), 1)
}

// whitened returns the rows after the first layer.
func whitened(f *Flow, x []float32) []float32 {
	if f.whiten == nil {
		return x
	}
	p, out := f.newPrepared(), make([]float32, len(x))
	f.prepare(p)
	f.whiten.forward(out, make([]float32, len(x)), x, p, gemm)
	return out
}

// unwhitened draws rows that the first layer maps to normals: near enough for the oracle's plain exponentials.
func unwhitened(f *Flow, n int, rng *rand.Rand) []float32 {
	x := normals(n*f.cfg.Dim, rng)
	if f.whiten != nil {
		f.whiten.inverse(x)
	}
	return x
}

// TestGradientMatchesGorgonia builds the same model from gorgonia's float64 nodes, lets it differentiate, and
// compares the loss and every parameter's gradient.
func TestGradientMatchesGorgonia(t *testing.T) {
	eachShape(t, func(t *testing.T, f *Flow, rng *rand.Rand) {
		if f.cfg.Layers == 0 {
			t.Skip("nothing to learn")
		}
		x := unwhitened(f, 9, rng)
		tr := testTrainer(f, x)
		loss, norm := tr.gradient(x)
		wantLoss, want := gorgoniaGradient(t, f, whitened(f, x))
		if !(math.Abs(loss-wantLoss) <= 1e-4*(1+math.Abs(wantLoss))) {
			t.Errorf("loss %v, gorgonia's is %v", loss, wantLoss)
		}
		compareGradients(t, tr.grad, want, 1e-3)
		if full := math.Sqrt(kernel.SumSquares(tr.grad)); math.Abs(norm-full) > 1e-9*full {
			t.Errorf("norm %v, that of all parameters is %v", norm, full)
		}
	})
}

// TestGradientMatchesDifferences is a check by central differences of our own loss, independent of gorgonia: along the
// gradient the loss rises by the gradient's squared norm. One direction through all parameters, because a single one
// may sit on a ReLU's kink.
func TestGradientMatchesDifferences(t *testing.T) {
	eachShape(t, func(t *testing.T, f *Flow, rng *rand.Rand) {
		if len(f.params) == 0 {
			t.Skip("nothing to learn")
		}
		x := unwhitened(f, 200, rng)
		tr := testTrainer(f, x)
		_, norm := tr.gradient(x)
		grad, was := slices.Clone(tr.grad), slices.Clone(f.params)
		h := 2e-3 / norm
		along := func(h float64) float64 {
			for i, g := range grad {
				f.params[i] = was[i] + float32(h)*g
			}
			nll, _ := tr.gradient(x)
			return nll
		}
		slope := (along(h) - along(-h)) / (2 * h)
		if math.Abs(slope-norm*norm) > 0.02*norm*norm {
			t.Errorf("the loss rises by %v along the gradient, whose squared norm is %v", slope, norm*norm)
		}
	})
}

func compareGradients(t *testing.T, got []float32, want []float64, tol float64) {
	t.Helper()
	var norm float64
	for _, w := range want {
		norm = max(norm, math.Abs(w))
	}
	for i, w := range want {
		if !(math.Abs(float64(got[i])-w) <= tol*(norm*0.01+math.Abs(w))) { // NaN is no match
			t.Errorf("parameter %d of %d: gradient %v, gorgonia's is %v", i, len(want), got[i], w)
		}
	}
}

// oracle is a flow written down in gorgonia, one node per formula; column slices are products with constant
// selection matrices.
type oracle struct {
	t      *testing.T
	g      *G.ExprGraph
	params []float32
	nodes  G.Nodes // the parameters, in the order of Flow.params
}

func gorgoniaGradient(t *testing.T, f *Flow, x []float32) (loss float64, grad []float64) {
	t.Helper()
	o := &oracle{t: t, g: G.NewGraph(), params: f.params}
	n, d := rows(x, f.cfg.Dim), f.cfg.Dim
	z := o.constant("x", widen(x), n, d)
	var logdet *G.Node // n
	for k := range f.blocks {
		var ld *G.Node
		z, ld = o.block(z, &f.blocks[k], n)
		logdet = o.plus(logdet, ld)
	}
	logp := o.base(z, f, n)
	total := o.must(G.Mean(o.must(G.Add(logp, logdet))))
	cost := o.must(G.Neg(total))
	if _, err := G.Grad(cost, o.nodes...); err != nil {
		t.Fatal(err)
	}
	vm := G.NewTapeMachine(o.g, G.BindDualValues(o.nodes...))
	defer vm.Close()
	if err := vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	for _, p := range o.nodes {
		v, err := p.Grad()
		if err != nil {
			t.Fatal(err)
		}
		grad = append(grad, v.Data().([]float64)...)
	}
	return cost.Value().Data().(float64) - f.start(), grad
}

func (o *oracle) block(x *G.Node, b *block, n int) (z, logdet *G.Node) {
	scale, shift := o.param(1, b.d), o.param(1, b.d)
	var lu *G.Node
	if b.linear != nil {
		lu = o.param(b.d, b.d)
	}
	w1, b1 := o.param(b.a, b.h), o.param(1, b.h)
	w2, b2 := o.param(b.h, 2*b.m), o.param(1, 2*b.m)
	ones := o.constant("ones", fill(n, 1), n, 1)
	spread := func(row *G.Node) *G.Node { return o.must(G.Mul(ones, row)) } // 1×k to n×k

	y := o.must(G.Add(o.must(G.HadamardProd(x, o.must(G.Exp(spread(scale))))), spread(shift)))
	logdet = o.must(G.Sum(spread(scale), 1))
	if b.linear != nil {
		var logdetW *G.Node // n×1
		y, logdetW = o.linear(y, lu, b.linear)
		logdet = o.must(G.Add(logdet, o.must(G.Sum(spread(logdetW), 1))))
	}
	pass, move := o.columns(b.d, b.ao, b.a), o.columns(b.d, b.mo, b.m)
	ya, yb := o.must(G.Mul(y, pass)), o.must(G.Mul(y, move))
	h := o.must(G.Rectify(o.must(G.Add(o.must(G.Mul(ya, w1)), spread(b1)))))
	out := o.must(G.Add(o.must(G.Mul(h, w2)), spread(b2)))
	u := o.must(G.Mul(out, o.columns(2*b.m, 0, b.m)))
	shiftB := o.must(G.Mul(out, o.columns(2*b.m, b.m, b.m)))
	bound := o.constant("clamp", fill(n*b.m, float64(b.clamp)), n, b.m)
	one := o.constant("one", fill(n*b.m, 1), n, b.m)
	s := o.must(G.HadamardDiv(u, o.must(G.Add(one, o.must(G.HadamardDiv(o.must(G.Abs(u)), bound))))))
	zb := o.must(G.Add(o.must(G.HadamardProd(yb, o.must(G.Exp(s)))), shiftB))
	z = o.must(G.Add(o.must(G.Mul(ya, o.transposed(pass))), o.must(G.Mul(zb, o.transposed(move)))))
	return z, o.must(G.Add(o.must(G.Sum(s, 1)), logdet))
}

// linear returns x P L U and log |det| as a 1×1 matrix; triangles and the diagonal are cut out of lu by constant masks.
func (o *oracle) linear(x, lu *G.Node, l *linear) (y, logdet *G.Node) {
	d := l.d
	perm, below, diag, above, eye, signs := fill(d*d, 0), fill(d*d, 0), fill(d*d, 0), fill(d*d, 0), fill(d*d, 0), fill(d*d, 0)
	for i := range d {
		perm[i*d+int(l.rows[i])] = 1
		eye[i*d+i], diag[i*d+i], signs[i*d+i] = 1, 1, float64(l.signs[i])
		for j := range d {
			if j < i {
				below[i*d+j] = 1
			}
			if j > i {
				above[i*d+j] = 1
			}
		}
	}
	square := func(name string, v []float64) *G.Node { return o.constant(name, v, d, d) }
	lower := o.must(G.Add(o.must(G.HadamardProd(lu, square("below", below))), square("eye", eye)))
	onDiagonal := o.must(G.HadamardProd(lu, square("diagonal", diag)))
	upper := o.must(G.Add(o.must(G.HadamardProd(lu, square("above", above))),
		o.must(G.HadamardProd(o.must(G.Exp(onDiagonal)), square("signs", signs)))))
	y = o.must(G.Mul(o.must(G.Mul(o.must(G.Mul(x, square("perm", perm))), lower)), upper))
	left, right := o.constant("left", fill(d, 1), 1, d), o.constant("right", fill(d, 1), d, 1)
	return y, o.must(G.Mul(o.must(G.Mul(left, onDiagonal)), right))
}

// base returns log p_Z of each row; components are added up as plain exponentials, which float64 can hold here.
func (o *oracle) base(z *G.Node, f *Flow, n int) *G.Node {
	d := f.cfg.Dim
	half := o.constant("half", fill(n, -0.5), n)
	norm := o.constant("norm", fill(n, -0.5*float64(d)*log2Pi), n)
	m, ok := f.base.(*mixture)
	if !ok {
		return o.must(G.Add(norm, o.must(G.HadamardProd(half, o.must(G.Sum(o.must(G.Square(z)), 1))))))
	}
	means := o.param(f.cfg.Classes, d)
	var sum *G.Node
	ones := o.constant("ones", fill(n, 1), n, 1)
	for c, w := range m.logWeight {
		pick := make([]float64, f.cfg.Classes)
		pick[c] = 1
		mu := o.must(G.Mul(ones, o.must(G.Mul(o.constant("pick", pick, 1, f.cfg.Classes), means))))
		sq := o.must(G.Sum(o.must(G.Square(o.must(G.Sub(z, mu)))), 1))
		weight := o.constant("weight", fill(n, w), n)
		sum = o.plus(sum, o.must(G.Exp(o.must(G.Add(weight, o.must(G.HadamardProd(half, sq)))))))
	}
	return o.must(G.Add(norm, o.must(G.Log(sum))))
}

func (o *oracle) param(r, c int) *G.Node {
	v := tensor.New(tensor.WithShape(r, c), tensor.WithBacking(widen(o.params[:r*c])))
	o.params = o.params[r*c:]
	n := G.NewMatrix(o.g, tensor.Float64, G.WithShape(r, c), G.WithValue(v), G.WithName(string(rune('A'+len(o.nodes)))))
	o.nodes = append(o.nodes, n)
	return n
}

var constants int

func (o *oracle) constant(name string, data []float64, shape ...int) *G.Node {
	constants++
	v := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data))
	return G.NewTensor(o.g, tensor.Float64, len(shape), G.WithShape(shape...), G.WithValue(v),
		G.WithName(name+string(rune(0x4e00+constants))))
}

// columns returns the d×k matrix that selects k columns from o0 on.
func (o *oracle) columns(d, o0, k int) *G.Node {
	data := make([]float64, d*k)
	for j := range k {
		data[(o0+j)*k+j] = 1
	}
	return o.constant("columns", data, d, k)
}

func (o *oracle) transposed(n *G.Node) *G.Node {
	r, c := n.Shape()[0], n.Shape()[1]
	src, dst := n.Value().Data().([]float64), make([]float64, r*c)
	for i := range r {
		for j := range c {
			dst[j*r+i] = src[i*c+j]
		}
	}
	return o.constant("transposed", dst, c, r)
}

func (o *oracle) plus(a, b *G.Node) *G.Node {
	if a == nil {
		return b
	}
	return o.must(G.Add(a, b))
}

func (o *oracle) must(n *G.Node, err error) *G.Node {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
	return n
}

func widen(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

func fill(n int, v float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = v
	}
	return x
}
