package flow

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// block is one ActNorm followed by one affine coupling. With y = x ⊙ exp(l) + b, split into the half y_a that passes
// and the half y_b that is moved,
//
//	h      = relu(y_a W1 + b1)           n×H
//	[u, t] = h W2 + b2                   n×2m, one product for both
//	s      = u / (1 + |u|/clamp)         soft clamp, |s| < clamp
//	z_a    = y_a,  z_b = y_b ⊙ exp(s) + t
//	log |det| = Σ l + Σ s
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
	w1              []float32 // a×h
	b1              []float32 // h
	w2              []float32 // h×2m: columns of u, then of t
	b2              []float32 // 2m
}

func halves(d, k int) (a, m, ao, mo int) {
	first := d / 2
	if k%2 == 0 {
		return first, d - first, 0, first
	}
	return d - first, first, first, 0
}

func blockParams(c Config, k int) int {
	a, m, _, _ := halves(c.Dim, k)
	return 2*c.Dim + a*c.Hidden + c.Hidden + c.Hidden*2*m + 2*m
}

func newBlock(c Config, k int, params []float32) (block, []float32) {
	b := block{d: c.Dim, h: c.Hidden, clamp: float32(c.Clamp)}
	b.a, b.m, b.ao, b.mo = halves(c.Dim, k)
	take := func(n int) []float32 {
		part := params[:n:n]
		params = params[n:]
		return part
	}
	b.logScale, b.shift = take(b.d), take(b.d)
	b.w1, b.b1 = take(b.a*b.h), take(b.h)
	b.w2, b.b2 = take(b.h*2*b.m), take(2*b.m)
	return b, params
}

// like returns the views of b's parameters into another slice of the same layout, as a gradient has.
func (b *block) like(params []float32) (block, []float32) {
	c := *b
	take := func(n int) []float32 {
		part := params[:n:n]
		params = params[n:]
		return part
	}
	c.logScale, c.shift = take(len(b.logScale)), take(len(b.shift))
	c.w1, c.b1 = take(len(b.w1)), take(len(b.b1))
	c.w2, c.b2 = take(len(b.w2)), take(len(b.b2))
	return c, params
}

func (b *block) init(rng *rand.Rand) {
	bound := 1 / math.Sqrt(float64(b.a))
	for _, p := range [][]float32{b.w1, b.b1} {
		for i := range p {
			p[i] = float32((2*rng.Float64() - 1) * bound)
		}
	}
}

// standardize sets ActNorm so that every coordinate of the rows of x gets mean 0 and variance 1, but for the ridge that
// keeps a dead coordinate from being blown up.
func (b *block) standardize(x []float32) {
	mean := meanRow(x, b.d)
	variance := make([]float64, b.d)
	var level float64
	for i, v := range x {
		c := float64(v) - mean[i%b.d]
		variance[i%b.d] += c * c / float64(len(x)/b.d)
		level += c * c / float64(len(x))
	}
	for j, v := range variance {
		inv := 1 / math.Sqrt(v+leastRidge*level)
		b.logScale[j] = float32(math.Log(inv))
		b.shift[j] = float32(-mean[j] * inv)
	}
}

// blockTape is what a block remembers of a forward pass for the backward one; every field has room for the largest
// batch.
type blockTape struct {
	y   []float32 // n×d, after ActNorm
	hid []float32 // n×h, after ReLU
	ut  []float32 // n×2m: on the way forward [u, t], then [s, exp(s)]; on the way back their gradients
	z   []float32 // n×d
	exp []float32 // d, exp(logScale)
	gh  []float32 // n×h, gradient of hid; all blocks share it, nil where only scores are wanted
}

func (b *block) newTape(n int) blockTape {
	return blockTape{
		y:   make([]float32, n*b.d),
		hid: make([]float32, n*b.h),
		ut:  make([]float32, n*2*b.m),
		z:   make([]float32, n*b.d),
		exp: make([]float32, b.d),
	}
}

// forward maps x (n×d) to z (n×d), which lives in t, and adds to logdet.
func (b *block) forward(x []float32, n int, logdet []float64, t *blockTape) []float32 {
	y := t.y[:n*b.d]
	ladj := b.actNorm(y, x, t.exp)
	for i := range logdet {
		logdet[i] += ladj
	}
	b.net(y, n, t)
	z := t.z[:n*b.d]
	for i := range n {
		row, out := y[i*b.d:(i+1)*b.d], z[i*b.d:(i+1)*b.d]
		copy(out[b.ao:b.ao+b.a], row[b.ao:])
		yb, zb := row[b.mo:b.mo+b.m], out[b.mo:b.mo+b.m]
		st := t.ut[i*2*b.m : (i+1)*2*b.m]
		logdet[i] += affine(zb, yb, st[:b.m], st[b.m:], b.b2, b.clamp)
	}
	return z
}

// actNorm writes x ⊙ exp(logScale) + shift to y and returns the log-determinant Σ logScale.
func (b *block) actNorm(y, x, scale []float32) float64 {
	var ladj float64
	for j, l := range b.logScale {
		ladj += float64(l)
		scale[j] = float32(math.Exp(float64(l)))
	}
	for i := 0; i < len(x); i += b.d {
		in, out := x[i:i+b.d], y[i:i+b.d]
		for j, v := range in {
			out[j] = v*scale[j] + b.shift[j]
		}
	}
	return ladj
}

// net runs the hidden and the output layer; the output's bias is left to affine.
func (b *block) net(y []float32, n int, t *blockTape) {
	hid := matrix(t.hid, n, b.h)
	gemm(blas.NoTrans, blas.NoTrans, 1, part(y, n, b.d, b.ao, b.a), matrix(b.w1, b.a, b.h), 0, hid)
	for i := 0; i < n*b.h; i += b.h {
		row := t.hid[i : i+b.h]
		for j, v := range b.b1 {
			row[j] = max(row[j]+v, 0)
		}
	}
	gemm(blas.NoTrans, blas.NoTrans, 1, hid, matrix(b.w2, b.h, 2*b.m), 0, matrix(t.ut, n, 2*b.m))
}

// affine moves one row: on entry u and t hold the net's output without its bias, on return s and exp(s). It returns
// Σ s.
func affine(z, y, u, t, bias []float32, clamp float32) float64 {
	m := len(y)
	bu, bt := bias[:m], bias[m:]
	var sum float32
	for j, v := range y {
		a := u[j] + bu[j]
		s := a / (1 + abs(a)/clamp)
		e := float32(math.Exp(float64(s)))
		z[j] = v*e + (t[j] + bt[j])
		u[j], t[j] = s, e
		sum += s
	}
	return float64(sum)
}

// inverse maps z (n×d) to x in place.
func (b *block) inverse(z []float32, n int, t *blockTape) {
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
	for i := 0; i < n*b.d; i += b.d {
		row := z[i : i+b.d]
		for j, l := range b.logScale {
			row[j] = (row[j] - b.shift[j]) * float32(math.Exp(float64(-l)))
		}
	}
}

// backward takes grad = ∂L/∂z (n×d) to ∂L/∂x in place and adds the parameters' gradients to g. ladj is ∂L/∂(log|det|)
// of every row: −1/n for the mean negative log-likelihood.
func (b *block) backward(grad []float32, n int, ladj float32, t *blockTape, g *block) {
	inv := 1 / b.clamp
	for i := range n {
		gz := grad[i*b.d+b.mo : i*b.d+b.mo+b.m]
		yb := t.y[i*b.d+b.mo : i*b.d+b.mo+b.m]
		st := t.ut[i*2*b.m : (i+1)*2*b.m]
		for j, v := range gz {
			s, e := st[j], st[b.m+j]
			slope := 1 - abs(s)*inv // ds/du = (1 − |s|/clamp)²
			gu := (v*yb[j]*e + ladj) * slope * slope
			gz[j] = v * e
			st[j], st[b.m+j] = gu, v
			g.b2[j] += gu
			g.b2[b.m+j] += v
		}
	}
	b.netBackward(grad, n, t, g)
	b.actNormBackward(grad, n, ladj, t, g)
}

func (b *block) netBackward(grad []float32, n int, t *blockTape, g *block) {
	hid, out := matrix(t.hid, n, b.h), matrix(t.ut, n, 2*b.m)
	gemm(blas.Trans, blas.NoTrans, 1, hid, out, 1, matrix(g.w2, b.h, 2*b.m))
	gh := matrix(t.gh, n, b.h)
	gemm(blas.NoTrans, blas.Trans, 1, out, matrix(b.w2, b.h, 2*b.m), 0, gh)
	for i := 0; i < n*b.h; i += b.h {
		row, act := gh.Data[i:i+b.h], t.hid[i:i+b.h]
		for j, a := range act {
			if a <= 0 {
				row[j] = 0
			}
			g.b1[j] += row[j]
		}
	}
	gemm(blas.Trans, blas.NoTrans, 1, part(t.y, n, b.d, b.ao, b.a), gh, 1, matrix(g.w1, b.a, b.h))
	gemm(blas.NoTrans, blas.Trans, 1, gh, matrix(b.w1, b.a, b.h), 1, part(grad, n, b.d, b.ao, b.a))
}

func (b *block) actNormBackward(grad []float32, n int, ladj float32, t *blockTape, g *block) {
	for i := 0; i < n*b.d; i += b.d {
		row, y := grad[i:i+b.d], t.y[i:i+b.d]
		for j, v := range row {
			g.shift[j] += v
			g.logScale[j] += v*(y[j]-b.shift[j]) + ladj
			row[j] = v * t.exp[j]
		}
	}
}

func abs(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }

// matrix views the first r×c numbers of data as a matrix.
func matrix(data []float32, r, c int) blas32.General {
	return blas32.General{Rows: r, Cols: c, Stride: c, Data: data[:r*c]}
}

// part views c columns of a matrix n×d, from column o on.
func part(data []float32, n, d, o, c int) blas32.General {
	return blas32.General{Rows: n, Cols: c, Stride: d, Data: data[o : (n-1)*d+o+c]}
}

func gemm(ta, tb blas.Transpose, alpha float32, a, b blas32.General, beta float32, c blas32.General) {
	blas32.Gemm(ta, tb, alpha, a, b, beta, c)
}
