package flow

import "fmt"

// nll is the flow in formulas: the mean over the rows of x (n×d) of
//
//	−log p(x) = −log p_Z(z) − log |det ∂z/∂x|
//
// The kernels compute the same, and are held against it.
func (m *model) nll(f *Flow, x term) term {
	z := x
	if f.whiten != nil {
		z = m.whiten(z, f.whiten)
	}
	shared := m.matrix("log |det M|", 1, 1, []float64{f.start()}).sum() // log-determinants that are the same for every row
	logp := m.ones(m.n, 1).scale(0)                                     // n×1, of each row
	for k := range f.blocks {
		b := &f.blocks[k]
		var ladj term
		z, ladj = m.actNorm(z, b)
		shared = shared.plus(ladj)
		if b.linear != nil {
			z, ladj = m.linear(z, b.linear, k)
			shared = shared.plus(ladj)
		}
		z, ladj = m.coupling(z, b)
		logp = logp.plus(ladj)
	}
	if b, ok := f.base.(*mixture); ok {
		logp = logp.plus(m.mixture(z, b))
	} else {
		logp = logp.plus(m.normal(z))
	}
	return logp.mean().plus(shared).scale(-1)
}

// whiten is z = (x − μ) M.
func (m *model) whiten(x term, w *whiten) term {
	mu := m.matrix("μ", 1, w.d, widen(nil, w.mean))
	return x.minus(m.spread(mu)).dot(m.matrix("M", w.d, w.d, widen(nil, w.m)))
}

// actNorm is y = x ⊙ exp(l) + b, with log |det| = Σ l.
func (m *model) actNorm(x term, b *block) (y, ladj term) {
	l, shift := m.param("l", 1, b.d), m.param("b", 1, b.d)
	return x.times(m.spread(l.exp())).plus(m.spread(shift)), l.sum()
}

// linear is y = x P L U, with log |det| = Σ log |u_ii|. One parameter holds L below the diagonal, where it is 1, U above it and
// log |u_ii| on it.
func (m *model) linear(x term, l *linear, k int) (y, ladj term) {
	d := l.d
	p := m.fixed(fmt.Sprint("P", k), d, d, func(i, j int) float64 { return bit(j == int(l.rows[i])) })
	signs := m.fixed(fmt.Sprint("signs", k), d, d, func(i, j int) float64 { return float64(l.signs[i]) * bit(i == j) })
	eye := m.fixed("I", d, d, func(i, j int) float64 { return bit(i == j) })
	below := m.fixed("below", d, d, func(i, j int) float64 { return bit(i > j) })
	above := m.fixed("above", d, d, func(i, j int) float64 { return bit(i < j) })

	lu := m.param("LU", d, d)
	diagonal := lu.times(eye)
	lower := lu.times(below).plus(eye)
	upper := lu.times(above).plus(signs.times(diagonal.exp()))
	return x.dot(p).dot(lower).dot(upper), diagonal.sum()
}

// coupling passes one half of y and moves the other:
//
//	h      = relu(y_a W1 + b1)
//	[u, t] = h W2 + b2
//	s      = u / (1 + |u|/clamp)
//	z_a    = y_a,  z_b = y_b ⊙ exp(s) + t
//
// with log |det| = Σ s for each row.
func (m *model) coupling(y term, b *block) (z, ladj term) {
	w1, b1 := m.param("W1", b.a, b.h), m.param("b1", 1, b.h)
	w2, b2 := m.param("W2", b.h, 2*b.m), m.param("b2", 1, 2*b.m)

	ya, yb := y.columns(b.ao, b.a), y.columns(b.mo, b.m)
	h := ya.dot(w1).plus(m.spread(b1)).relu()
	out := h.dot(w2).plus(m.spread(b2))
	u, t := out.columns(0, b.m), out.columns(b.m, b.m)
	s := u.over(u.abs().scale(1 / float64(b.clamp)).shift(1))
	za, zb := ya, yb.times(s.exp()).plus(t)
	if b.mo < b.ao {
		za, zb = zb, za
	}
	return za.beside(zb), m.rowSums(s)
}

// normal is log p_Z(z) = −(‖z‖² + d log 2π)/2 of each row.
func (m *model) normal(z term) term {
	d := float64(z.Shape()[1])
	return m.rowSums(z.times(z)).shift(d * log2Pi).scale(-0.5)
}

// mixture is log p_Z(z) = log Σ_c π_c N(z; μ_c, I) of each row: that of N(0, I) and the logarithm of the sum of the
// exponentials of
//
//	log π_c + z·μ_c − ‖μ_c‖²/2
func (m *model) mixture(z term, b *mixture) term {
	c := len(b.logWeight)
	means := m.param("means", c, b.d)
	offset := m.matrix("log π", 1, c, b.logWeight).plus(m.rowSums(means.times(means)).transpose().scale(-0.5))
	return m.normal(z).plus(m.logSumExp(z.dot(means.transpose()).plus(m.spread(offset))))
}

// logSumExp is log Σ_c exp(x_c) of each row: its largest number, and the logarithm of what the sum is relative to that.
// gorgonia's own LogSoftMax overflows where the rows differ much.
func (m *model) logSumExp(x term) term {
	top := x.rowMax()
	rest := x.minus(top.dot(m.ones(1, x.Shape()[1])))
	return top.plus(m.rowSums(rest.exp()).log())
}
