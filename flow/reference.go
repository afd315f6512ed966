package flow

import (
	"errors"
	"fmt"
	"math"
)

// reference is the Gaussian model that a flow starts from and is measured against: one normal at the mean of all
// rows, or one at each class mean, with one covariance.
type reference struct {
	whiten *whiten
	means  []float32 // C×d, class means before whitening; nil for one normal
	shares []float64 // C
	spread []float32 // d, standard deviation of each feature over the training rows
	ridge  float64   // share of the mean variance added to each variance
	nll    float64   // mean negative log-likelihood of the validation rows, nats
}

// maxRidge is where the search for the ridge ends: every variance is then at least the mean variance.
const maxRidge = 1

// fitReference estimates the model's moments from train and its ridge from valid: starting at leastRidge, the ridge
// grows tenfold as long as the validation likelihood improves. With many rows for each dimension the least one
// wins; with fewer rows than dimensions the covariance is singular, and without a ridge the density of any new row
// would be next to nothing.
func fitReference(train Data, valid []float32, within, classes bool) (*reference, error) {
	m, err := train.moments(within)
	if err != nil {
		return nil, err
	}
	var best *reference
	var failed error
	for ridge := leastRidge; ridge <= maxRidge; ridge *= 10 {
		r, err := newReference(m, classes, ridge)
		if err == nil {
			r.nll, err = r.meanNLL(valid)
		}
		if best == nil && err != nil { // a larger ridge may do
			failed = err
			continue
		}
		if err != nil || (best != nil && !(r.nll < best.nll)) {
			break
		}
		best = r
	}
	if best == nil {
		return nil, fmt.Errorf("fit the Gaussian reference: %w", failed)
	}
	return best, nil
}

func newReference(m *moments, classes bool, ridge float64) (*reference, error) {
	w, err := fitWhiten(m.mean, m.cov, ridge)
	if err != nil {
		return nil, err
	}
	r := &reference{whiten: w, ridge: ridge, spread: m.spread()}
	if !classes {
		return r, nil
	}
	r.means = make([]float32, len(m.means))
	for i, v := range m.means {
		r.means[i] = float32(v)
	}
	r.shares = classShares(m.counts)
	return r, nil
}

// classShares adds one row to every class (Laplace), so that a class without rows keeps a finite weight.
func classShares(counts []int) []float64 {
	total := 0
	for _, k := range counts {
		total += k + 1
	}
	shares := make([]float64, len(counts))
	for c, k := range counts {
		shares[c] = float64(k+1) / float64(total)
	}
	return shares
}

// setBase puts a component of the base at the latent of every class mean, where f has a component for each class.
func (f *Flow) setBase(r *reference) {
	m, ok := f.base.(*mixture)
	if !ok {
		return
	}
	z, _ := f.Forward(r.means)
	copy(m.means, z)
	for c, s := range r.shares {
		m.logWeight[c] = math.Log(s)
	}
}

// meanNLL scores the model as what it is: a flow without couplings.
func (r *reference) meanNLL(valid []float32) (float64, error) {
	f, err := layout(Config{Dim: r.whiten.d, Whiten: WhitenTotal, Classes: len(r.shares)})
	if err != nil {
		return 0, err
	}
	f.whiten = r.whiten
	f.setBase(r)
	return f.meanNLL(valid)
}

// meanNLL returns the mean negative log-likelihood of validation rows, in nats.
func (f *Flow) meanNLL(x []float32) (float64, error) {
	logp, err := f.LogProb(nil, x)
	if err != nil {
		if row := (*RowError)(nil); errors.As(err, &row) {
			row.Of = "validation"
		}
		return math.Inf(1), err
	}
	var sum float64
	for _, v := range logp {
		sum -= v
	}
	return sum / float64(len(logp)), nil
}
