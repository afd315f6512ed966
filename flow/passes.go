package flow

import (
	"math"

	"github.com/oodflow/oodflow/internal/blas"
	"github.com/oodflow/oodflow/internal/kernel"
)

// passes compute the gradient of a batch on all cores, in two passes with one wait between them.
//
// In the first, each core takes its share of the rows through the whole flow and back: rows do not need each other,
// and what a core works on stays in its cache. In the second the gradients of the parameters are summed over all
// rows, each core taking some of the parameters. What is computed together depends on the shapes and the number of
// cores alone, so the same batch gives the same bits.
type passes struct {
	f        *Flow
	n        int       // rows of a batch
	x        []float32 // n×d, the batch; nil between runs
	prepared *prepared
	tape     *tape
	shares   []*share
	weights  []weights
}

// share is what one core has of a batch.
type share struct {
	lo, hi int
	tape   *tape // the rows' view of passes.tape
	logp   []float64
	nll    float64 // sum over the rows
	sums   []float32
	blocks []vectors // views of sums: gradients, summed over the rows
	base   []float32 // view of sums: components' shares
}

// weights computes the gradient of some parameters from the activations of the whole batch and returns it.
type weights struct {
	compute func() []float32
	square  float64 // of the gradient's norm
}

func newPasses(f *Flow, n int, grad []float32) *passes {
	p := &passes{f: f, n: n, prepared: f.newPrepared(), tape: f.newTrainingTape(n)}
	parts := max(1, min(blas.Threads(), n/leastRows))
	for i := range parts {
		p.shares = append(p.shares, p.newShare(i*n/parts, (i+1)*n/parts))
	}
	rest := grad
	blocks := make([]block, len(f.blocks))
	for k := range blocks {
		blocks[k], rest = f.blocks[k].like(rest)
		p.addMatrices(k, &blocks[k])
	}
	p.addMeans(rest)
	for k := range blocks {
		p.addVectors(k, &blocks[k])
	}
	return p
}

func (p *passes) newShare(lo, hi int) *share {
	s := &share{lo: lo, hi: hi, tape: p.tape.rows(p.f, lo, hi), logp: make([]float64, hi-lo)}
	size := p.f.cfg.Classes
	for _, b := range p.f.blocks {
		size += 2*b.d + b.h + 2*b.m
	}
	s.sums = make([]float32, size)
	rest := s.sums
	take := func(n int) []float32 {
		part := rest[:n:n]
		rest = rest[n:]
		return part
	}
	for _, b := range p.f.blocks {
		s.blocks = append(s.blocks, vectors{take(b.d), take(b.d), take(b.h), take(2 * b.m)})
	}
	s.base = rest
	return s
}

// strip is the number of rows of a weight matrix whose gradient is computed together: enough for a product to be
// efficient, few enough that the cores end at about the same time.
const strip = 128

// addMatrices adds what computes the gradients of block k's matrices, views of which are in g.
func (p *passes) addMatrices(k int, g *block) {
	b, t := &p.f.blocks[k], &p.tape.blocks[k]
	if l := b.linear; l != nil {
		p.add(func() []float32 {
			s := p.f.factors()
			defer p.f.factorings.Put(s)
			return l.gradient(g.linear.lu, t.in, t.gy, p.n, s)
		})
	}
	for lo := 0; lo < b.h; lo += strip {
		p.add(func() []float32 { return b.gradW2(g, p.n, lo, min(lo+strip, b.h), t) })
	}
	for lo := 0; lo < b.a; lo += strip {
		p.add(func() []float32 { return b.gradW1(g, p.n, lo, min(lo+strip, b.a), t) })
	}
}

// addVectors adds what computes the gradients of block k's vectors.
func (p *passes) addVectors(k int, g *block) {
	p.addSum(g.logScale, -1, func(s *share) []float32 { return s.blocks[k].logScale }) // the log-determinant's part
	p.addSum(g.shift, 0, func(s *share) []float32 { return s.blocks[k].shift })
	p.addSum(g.b1, 0, func(s *share) []float32 { return s.blocks[k].b1 })
	p.addSum(g.b2, 0, func(s *share) []float32 { return s.blocks[k].b2 })
}

// addMeans adds what computes the gradient g of the base's means.
func (p *passes) addMeans(g []float32) {
	classes := p.f.cfg.Classes
	total := make([]float32, classes)
	for lo := 0; lo < classes; lo += strip {
		hi := min(lo+strip, classes)
		p.add(func() []float32 {
			p.sum(total[lo:hi], 0, func(s *share) []float32 { return s.base[lo:hi] })
			return p.f.base.gradMeans(g, p.tape.z, p.n, lo, hi, p.tape, total)
		})
	}
}

func (p *passes) add(compute func() []float32) {
	p.weights = append(p.weights, weights{compute: compute})
}

// addSum adds what sums the shares of a gradient, beginning with start.
func (p *passes) addSum(g []float32, start float32, of func(s *share) []float32) {
	p.add(func() []float32 {
		p.sum(g, start, of)
		return g
	})
}

func (p *passes) sum(g []float32, start float32, of func(s *share) []float32) {
	for j := range g {
		g[j] = start
	}
	for _, s := range p.shares {
		for j, v := range of(s) {
			g[j] += v
		}
	}
}

// gradient implements engine: it computes the gradient of the mean negative log-likelihood of the batch x, and returns both that mean and the
// gradient's norm.
func (p *passes) gradient(x []float32) (nll, norm float64) {
	if len(x) != p.n*p.f.cfg.Dim {
		panic("flow: a batch of another size")
	}
	p.f.prepare(p.prepared)
	p.x = x
	blas.Parallel(len(p.shares), (*rowPass)(p))
	blas.Parallel(len(p.weights), (*weightPass)(p))
	p.x = nil
	var square float64
	for _, w := range p.weights {
		square += w.square
	}
	for _, s := range p.shares {
		nll += s.nll
	}
	return nll / float64(p.n), math.Sqrt(square)
}

// rowPass takes rows through the flow and back.
type rowPass passes

// Part does the rows of share i.
func (p *rowPass) Part(i int) {
	s, f, d := p.shares[i], p.f, p.f.cfg.Dim
	t := s.tape
	z := f.forward(t, p.x[s.lo*d:s.hi*d], t.logdet, p.prepared)
	f.base.logProb(s.logp, z, p.prepared.offset, t)
	s.nll = 0
	for i, v := range s.logp {
		s.nll -= v + t.logdet[i]
	}
	clear(s.sums)
	f.base.backward(t.grad, z, p.n, t, s.base)
	for k := len(f.blocks) - 1; k >= 0; k-- {
		f.blocks[k].backward(t.grad, s.hi-s.lo, -1/float32(p.n), p.prepared.scale[k], p.prepared.w[k], &t.blocks[k], &s.blocks[k])
	}
}

// weightPass sums gradients over the rows.
type weightPass passes

// Part computes gradient i.
func (p *weightPass) Part(i int) {
	w := &p.weights[i]
	w.square = kernel.SumSquares(w.compute())
}
