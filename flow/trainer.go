package flow

import (
	"math/rand/v2"
)

// trainer holds what a step of training needs; nothing of it is allocated again after newTrainer.
type trainer struct {
	f        *Flow
	x        []float32 // n×d, the training rows after whitening
	grad     []float32 // like f.params
	opt      *adam
	passes   *passes
	batch    []float32
	order    []int // a permutation of the rows
	next     int   // first row of order not yet used in this epoch
	rng      *rand.Rand
	source   *rand.PCG // behind rng
	perBatch int       // rows of a batch
}

func newTrainer(f *Flow, x []float32, batch int, seed uint64) *trainer {
	n := rows(x, f.cfg.Dim)
	batch = min(batch, n)
	source := rand.NewPCG(seed, shuffleStream)
	tr := &trainer{
		f:        f,
		x:        f.whitened(x),
		grad:     make([]float32, len(f.params)),
		opt:      newAdam(len(f.params)),
		batch:    make([]float32, batch*f.cfg.Dim),
		order:    make([]int, n),
		next:     n,
		rng:      rand.New(source),
		perBatch: batch,
	}
	tr.source = source
	for i := range tr.order {
		tr.order[i] = i
	}
	tr.passes = newPasses(f, batch, tr.grad)
	return tr
}

// whitened returns the rows after the fixed first layer, computed once for all epochs.
func (f *Flow) whitened(x []float32) []float32 {
	if f.whiten == nil {
		return x
	}
	out, d := make([]float32, len(x)), f.cfg.Dim
	p := f.newPrepared()
	f.prepare(p)
	f.shareRows(len(x)/d, func(t *tape, lo, hi int) {
		f.whiten.forward(out[lo*d:hi*d], t.centred, x[lo*d:hi*d], p)
	})
	return out
}

// draw gathers the next batch of the shuffled rows; an epoch's last, shorter batch is dropped, as its gradient would
// be the noisiest.
func (tr *trainer) draw() []float32 {
	d, n := tr.f.cfg.Dim, tr.perBatch
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
// its gradient in tr.grad, whose norm it returns too.
func (tr *trainer) gradient(x []float32) (nll, norm float64) {
	return tr.passes.run(x)
}

// step takes one step of Adam on the next batch and returns the batch's mean negative log-likelihood before it, and
// the norm of its gradient.
func (tr *trainer) step(rate, clipNorm float64) (nll, norm float64) {
	nll, norm = tr.gradient(tr.draw())
	tr.opt.step(tr.f.params, tr.grad, rate, clip(norm, clipNorm))
	return nll, norm
}
