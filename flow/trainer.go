package flow

import (
	"fmt"
	"math/rand/v2"
)

// trainer holds what a step of training needs; nothing of it is allocated again after newTrainer, but by gorgonia.
type trainer struct {
	f        *Flow
	rows     Rows
	grad     []float32 // like f.params
	opt      *adam
	engine   engine
	noise    []float32 // d, standard deviation of the noise on each feature; nil is none
	batch    []float32
	order    []int // a permutation of the row numbers
	next     int   // first row of order not yet used in this epoch
	rng      *rand.Rand
	source   *rand.PCG // behind rng
	perBatch int       // rows of a batch
}

// newTrainer takes batch, seed and engine from opt.
func newTrainer(f *Flow, rows Rows, opt Options) *trainer {
	n := rows.Len()
	batch := min(opt.Batch, n)
	source := rand.NewPCG(opt.Seed, shuffleStream)
	tr := &trainer{
		f:        f,
		rows:     rows,
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
	tr.engine = newEngine(opt.Engine, f, batch, tr.grad)
	return tr
}

// draw reads the next batch of the shuffled rows; an epoch's last, shorter batch is dropped, as its gradient would
// be the noisiest.
func (tr *trainer) draw() ([]float32, error) {
	n := tr.perBatch
	if tr.next+n > len(tr.order) {
		tr.rng.Shuffle(len(tr.order), func(i, j int) { tr.order[i], tr.order[j] = tr.order[j], tr.order[i] })
		tr.next = 0
	}
	if err := tr.rows.Read(tr.batch, tr.order[tr.next:tr.next+n]); err != nil {
		return nil, fmt.Errorf("read a batch of training rows: %w", err)
	}
	tr.next += n
	tr.perturb()
	return tr.batch, nil
}

// perturb adds the noise to the batch: uniform rather than normal, as it takes a tenth of the time and is bounded. A
// random word makes four numbers.
func (tr *trainer) perturb() {
	if tr.noise == nil {
		return
	}
	d := len(tr.noise)
	for i := 0; i < len(tr.batch); i += d {
		var word uint64
		for j, sd := range tr.noise {
			if j%4 == 0 {
				word = tr.source.Uint64()
			}
			tr.batch[i+j] += sd * uniform(uint16(word))
			word >>= 16
		}
	}
}

// uniform turns 16 random bits into one of evenly spaced numbers of mean 0 and standard deviation 1.
func uniform(bits uint16) float32 {
	const step = 0x1p-15 * 1.7320508 // √12 / 65536
	return (float32(bits) - 32767.5) * step
}

// gradient computes the mean negative log-likelihood of a batch and its gradient in tr.grad, whose norm it returns
// too.
func (tr *trainer) gradient(x []float32) (nll, norm float64) {
	return tr.engine.gradient(x)
}

// step takes one step of Adam on the next batch and returns the batch's mean negative log-likelihood before it, and
// the norm of its gradient. An error is one of reading the batch; nothing has changed then.
func (tr *trainer) step(rate, clipNorm float64) (nll, norm float64, err error) {
	x, err := tr.draw()
	if err != nil {
		return 0, 0, err
	}
	nll, norm = tr.gradient(x)
	tr.opt.step(tr.f.params, tr.grad, rate, clip(norm, clipNorm))
	return nll, norm, nil
}
