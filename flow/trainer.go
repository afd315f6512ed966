package flow

import (
	"math/rand/v2"
)

// trainer holds what a step of training needs; nothing of it is allocated again after newTrainer.
type trainer struct {
	f      *Flow
	x      []float32 // n×d, the training rows after whitening
	grad   []float32 // like f.params
	blocks []block   // views of grad
	base   []float32 // view of grad
	opt    *adam
	t      *tape
	batch  []float32
	order  []int // a permutation of the rows
	next   int   // first row of order not yet used in this epoch
	rng    *rand.Rand
	logp   []float64
}

func newTrainer(f *Flow, x []float32, batch int, seed uint64) *trainer {
	n := rows(x, f.cfg.Dim)
	batch = min(batch, n)
	tr := &trainer{
		f:     f,
		x:     f.whitened(x),
		grad:  make([]float32, len(f.params)),
		opt:   newAdam(len(f.params)),
		t:     f.newTape(batch).forTraining(f),
		batch: make([]float32, batch*f.cfg.Dim),
		order: make([]int, n),
		next:  n,
		rng:   rand.New(rand.NewPCG(seed, shuffleStream)),
		logp:  make([]float64, batch),
	}
	for i := range tr.order {
		tr.order[i] = i
	}
	rest := tr.grad
	for k := range f.blocks {
		var g block
		g, rest = f.blocks[k].like(rest)
		tr.blocks = append(tr.blocks, g)
	}
	tr.base = rest
	return tr
}

// whitened returns the rows after the fixed first layer, computed once for all epochs.
func (f *Flow) whitened(x []float32) []float32 {
	if f.whiten == nil {
		return x
	}
	out, d := make([]float32, len(x)), f.cfg.Dim
	t := &tape{centred: make([]float32, min(len(x), scoreBatch*d))}
	for i := 0; i < len(x); i += scoreBatch * d {
		j := min(i+scoreBatch*d, len(x))
		f.whiten.forward(out[i:j], x[i:j], t)
	}
	return out
}

// draw gathers the next batch of the shuffled rows; an epoch's last, shorter batch is dropped, as its gradient would
// be the noisiest.
func (tr *trainer) draw() []float32 {
	d := tr.f.cfg.Dim
	n := len(tr.batch) / d
	if tr.next+n > len(tr.order) {
		tr.rng.Shuffle(len(tr.order), func(i, j int) { tr.order[i], tr.order[j] = tr.order[j], tr.order[i] })
		tr.next = 0
	}
	for i, row := range tr.order[tr.next : tr.next+n] {
		copy(tr.batch[i*d:(i+1)*d], tr.x[row*d:(row+1)*d])
	}
	tr.next += n
	return tr.batch
}

// gradient computes the mean negative log-likelihood of a whitened batch, whitening's log-determinant included, and
// its gradient in tr.grad.
func (tr *trainer) gradient(x []float32) float64 {
	n := rows(x, tr.f.cfg.Dim)
	clear(tr.grad)
	logdet, logp := tr.t.logdet[:n], tr.logp[:n]
	for i := range logdet {
		logdet[i] = tr.f.start()
	}
	z := tr.f.forwardBlocks(tr.t, x, logdet)
	tr.f.base.logProb(logp, z, tr.t)
	grad := tr.t.grad[:len(x)]
	tr.f.base.backward(grad, z, n, tr.t, tr.base)
	for k := len(tr.blocks) - 1; k >= 0; k-- {
		tr.f.blocks[k].backward(grad, n, -1/float32(n), &tr.t.blocks[k], &tr.blocks[k])
	}
	var sum float64
	for i := range logp {
		sum += logp[i] + logdet[i]
	}
	return -sum / float64(n)
}

// step takes one step of Adam on the next batch and returns the batch's mean negative log-likelihood before it, and
// the norm of its gradient.
func (tr *trainer) step(rate, clipNorm float64) (nll, norm float64) {
	nll = tr.gradient(tr.draw())
	scale, norm := clip(tr.grad, clipNorm)
	tr.opt.step(tr.f.params, tr.grad, rate, scale)
	return nll, norm
}
