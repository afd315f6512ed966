package flow

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas"

	"github.com/oodflow/oodflow/internal/kernel"
)

// block is one ActNorm followed by one affine coupling, in a Glow with an invertible linear map between them. With
// y = x ⊙ exp(l) + b, or (x ⊙ exp(l) + b) W, split into the half y_a that passes and the half y_b that is moved,
//
//	h      = relu(y_a W1 + b1)           n×H
//	[u, t] = h W2 + b2                   n×2m, one product for both
//	s      = u / (1 + |u|/clamp)         soft clamp, |s| < clamp
//	z_a    = y_a,  z_b = y_b ⊙ exp(s) + t
//	log |det| = Σ l + Σ s, and log |det W|
//
// Blocks of even index move the second half, odd ones the first.
type block struct {
	d      int     // width
	a, m   int     // widths of the passing and of the moved half
	ao, mo int     // first column of the passing and of the moved half
	h      int     // hidden units
	clamp  float32 // bound of |s|
	// slices of Flow.params, in this order
	logScale, shift []float32 // d, ActNorm
	linear          *linear   // nil in a RealNVP
	w1              []float32 // a×h
	b1              []float32 // h
	w2              []float32 // h×2m: columns of u, then of t
	b2              []float32 // 2m
}

// vectors are the parameters of a block that are not matrices, or their gradients.
type vectors struct{ logScale, shift, b1, b2 []float32 }

func halves(d, k int) (a, m, ao, mo int) {
	first := d / 2
	if k%2 == 0 {
		return first, d - first, 0, first
	}
	return d - first, first, first, 0
}

func blockParams(c Config, k int) int {
	a, m, _, _ := halves(c.Dim, k)
	n := 2 * c.Dim
	if c.Arch == ArchGlow {
		n += c.Dim * c.Dim
	}
	return n + a*c.Hidden + c.Hidden + c.Hidden*2*m + 2*m
}

// newBlock makes block k of its share of params and of what is fixed.
func newBlock(c Config, k int, params, fixed []float32) (block, []float32) {
	b := block{d: c.Dim, h: c.Hidden, clamp: float32(c.Clamp)}
	b.a, b.m, b.ao, b.mo = halves(c.Dim, k)
	if c.Arch == ArchGlow {
		b.linear = newLinear(b.d, nil, fixed[2*b.d*k:2*b.d*(k+1)])
	}
	rest := b.bind(params)
	return b, rest
}

// bind makes the block's parameters the first of params and returns the rest.
func (b *block) bind(params []float32) []float32 {
	take := func(n int) []float32 {
		part := params[:n:n]
		params = params[n:]
		return part
	}
	b.logScale, b.shift = take(b.d), take(b.d)
	if b.linear != nil {
		b.linear.lu = take(b.d * b.d)
	}
	b.w1, b.b1 = take(b.a*b.h), take(b.h)
	b.w2, b.b2 = take(b.h*2*b.m), take(2*b.m)
	return params
}

// like returns the views of b's parameters into another slice of the same layout, as a gradient has.
func (b *block) like(params []float32) (block, []float32) {
	c := *b
	if b.linear != nil {
		of := *b.linear
		c.linear = &of
	}
	rest := c.bind(params)
	return c, rest
}

func (b *block) init(rng *rand.Rand) {
	bound := 1 / math.Sqrt(float64(b.a))
	for _, p := range [][]float32{b.w1, b.b1} {
		for i := range p {
			p[i] = float32((2*rng.Float64() - 1) * bound)
		}
	}
	if b.linear != nil {
		b.linear.init(rng)
	}
}

// standardize sets ActNorm so that every coordinate of the rows gets mean 0 and variance 1, but for the ridge that
// keeps a dead coordinate from being blown up, and for one whose spread float32 does not resolve beside its mean.
func (b *block) standardize(data Data, ridge float64) error {
	m, err := data.means()
	if err != nil {
		return err
	}
	n := float64(data.Len())
	variance := make([]float64, b.d)
	err = data.each(func(_ int, x []float32) error {
		for i, v := range x {
			c := float64(v) - m.mean[i%b.d]
			variance[i%b.d] += c * c / n
		}
		return nil
	})
	var level float64
	for _, v := range variance {
		level += v / float64(b.d)
	}
	for j, v := range variance {
		resolved := m.mean[j] * (1.0 / (1 << 23))
		b.logScale[j] = float32(-0.5 * math.Log(v+ridge*level+resolved*resolved))
		b.shift[j] = float32(-m.mean[j] * float64(float32(math.Exp(float64(b.logScale[j])))))
	}
	return err
}

// forward maps t.in, the rows after ActNorm, to z and on through the scaling and shifting of what comes next, which it
// writes to out, which may be t.in. Each row's Σ s is added to logdet. z itself is not kept: nothing on the way back needs
// it. w is W of a Glow.
func (b *block) forward(out []float32, n int, scale, shift, w []float32, logdet []float64, t *blockTape) {
	if b.linear != nil {
		b.linear.forward(t.y, t.in, n, w, t.gemm)
	}
	b.net(t.y, n, t)
	pass, move := b.ao+b.a, b.mo+b.m
	kernel.ActNorm(part(out, n, b.d, b.ao, b.a), part(t.y, n, b.d, b.ao, b.a), scale[b.ao:pass], shift[b.ao:pass])
	kernel.Affine(part(out, n, b.d, b.mo, b.m), part(t.y, n, b.d, b.mo, b.m), matrix(t.ut, n, 2*b.m), b.b2, b.clamp,
		scale[b.mo:move], shift[b.mo:move], logdet)
}

// net runs the hidden and the output layer; the output's bias is left to what comes next.
func (b *block) net(y []float32, n int, t *blockTape) {
	hid := matrix(t.hid, n, b.h)
	t.gemm(blas.NoTrans, blas.NoTrans, 1, part(y, n, b.d, b.ao, b.a), matrix(b.w1, b.a, b.h), 0, hid)
	kernel.BiasReLU(hid, b.b1)
	t.gemm(blas.NoTrans, blas.NoTrans, 1, hid, matrix(b.w2, b.h, 2*b.m), 0, matrix(t.ut, n, 2*b.m))
}

// inverse maps z (n×d) to x in place. u is U of a Glow.
func (b *block) inverse(z []float32, n int, u []float32, t *blockTape) {
	b.net(z, n, t) // the passing half is the same on both sides
	for i := range n {
		zb := z[i*b.d+b.mo : i*b.d+b.mo+b.m]
		st := t.ut[i*2*b.m : (i+1)*2*b.m]
		for j, v := range zb {
			a := st[j] + b.b2[j]
			s := a / (1 + abs(a)/b.clamp)
			zb[j] = (v - (st[b.m+j] + b.b2[b.m+j])) * float32(math.Exp(float64(-s)))
		}
	}
	if b.linear != nil {
		b.linear.inverse(z, n, u, t.y[:b.d])
	}
	for i := 0; i < n*b.d; i += b.d {
		row := z[i : i+b.d]
		for j, l := range b.logScale {
			row[j] = (row[j] - b.shift[j]) * float32(math.Exp(float64(-l)))
		}
	}
}

// backward takes grad = ∂L/∂z (n×d) to ∂L/∂x in place and adds the rows' share of the gradients of b's vectors to g.
// Those of its matrices are left to gradW1 and gradW2. ladj is ∂L/∂(log|det|) of every row: −1/batch for the mean
// negative log-likelihood. scale is exp(logScale), w is W of a Glow.
func (b *block) backward(grad []float32, n int, ladj float32, scale, w []float32, t *blockTape, g *vectors) {
	out, gh := matrix(t.ut, n, 2*b.m), matrix(t.gh, n, b.h)
	kernel.AffineBackward(part(grad, n, b.d, b.mo, b.m), part(t.y, n, b.d, b.mo, b.m), out, b.clamp, ladj, g.b2)
	gemm(blas.NoTrans, blas.Trans, 1, out, matrix(b.w2, b.h, 2*b.m), 0, gh)
	kernel.ReLUBackward(gh, matrix(t.hid, n, b.h), g.b1)
	gemm(blas.NoTrans, blas.Trans, 1, gh, matrix(b.w1, b.a, b.h), 1, part(grad, n, b.d, b.ao, b.a))
	if b.linear != nil {
		b.linear.backward(grad, t.gy, n, w)
	}
	kernel.ActNormBackward(matrix(grad, n, b.d), matrix(t.in, n, b.d), scale, b.shift, g.logScale, g.shift)
}

// gradW1 writes rows lo to hi of the gradient of W1, of all n rows of a batch, to g and returns them.
func (b *block) gradW1(g *block, n, lo, hi int, t *blockTape) []float32 {
	rows := g.w1[lo*b.h : hi*b.h]
	gemm(blas.Trans, blas.NoTrans, 1, part(t.y, n, b.d, b.ao+lo, hi-lo), matrix(t.gh, n, b.h), 0, matrix(rows, hi-lo, b.h))
	return rows
}

// gradW2 does the same for W2.
func (b *block) gradW2(g *block, n, lo, hi int, t *blockTape) []float32 {
	rows := g.w2[lo*2*b.m : hi*2*b.m]
	gemm(blas.Trans, blas.NoTrans, 1, part(t.hid, n, b.h, lo, hi-lo), matrix(t.ut, n, 2*b.m), 0, matrix(rows, hi-lo, 2*b.m))
	return rows
}

func abs(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }
