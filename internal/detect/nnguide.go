package detect

import (
	"fmt"
	"math"
	"slices"

	"github.com/oodflow/oodflow/features"
)

// Settings of [NNGuide]: OpenOOD's K and share of the training images, and the least number of them. A hundredth is meant
// for ImageNet; of a small training set it would leave no more images than neighbours.
const (
	guideK     = 100
	guideShare = 0.01
	guideLeast = 1000
)

// NNGuide scores by the energy of the logits l, guided by how similar and how confident the nearest training images are:
//
//	score = −E(l)·(1/K)·Σ of the K largest E(l_b)·⟨z/‖z‖, b/‖b‖⟩,  E(l) = log Σ_c exp(l_c),
//
// over a bank of training vectors b with logits l_b. K is 100, or all of the bank where that is less, with a warning. The
// bank is a random hundredth of the training images, but at least 1,000 or all of them; the choice depends on their number
// alone. It needs features and logits, also at scoring. Park et al., "Nearest Neighbor Guidance for Out-of-Distribution
// Detection", ICCV 2023, arXiv:2309.14888; OpenOOD adds 1e-10 after the division and takes the first images.
type NNGuide struct {
	logits
	k        int
	bank     bank      // rows as they were given, scaled by energy/norm/largest
	energies []float64 // n, E(l_b)
	norms    []float64 // n
	warned
}

var _ Detector = (*NNGuide)(nil)

// FitNNGuide chooses the bank. A zero vector in it is a *features.ZeroVectorError.
func FitNNGuide(train *features.Set) (*NNGuide, error) {
	l, err := fitLogits("nnguide", train, 1)
	if err != nil {
		return nil, err
	}
	if train.N == 0 {
		return nil, &NeedsError{Detector: "nnguide", What: "at least one image"}
	}
	if size := max(guideLeast, int(guideShare*float64(train.N))); size < train.N {
		_, chosen := Split(train.N, float64(size)/float64(train.N), 0)
		train = subset(train, chosen)
	}
	energies := make([]float64, train.N)
	for i := range energies {
		energies[i] = energyOf(train.LogitRow(i))
		if !finite(energies[i]) {
			return nil, fmt.Errorf("fit nnguide: the logits of image %s hold NaN or Inf", imageID(train, i))
		}
	}
	m := &NNGuide{logits: l, k: min(guideK, train.N)}
	if m.k < guideK {
		m.warn = append(m.warn, fmt.Sprintf("nnguide: K is %d instead of %d, since there are no more training images", m.k, guideK))
	}
	if err := m.setBank(train, energies); err != nil {
		return nil, fmt.Errorf("fit nnguide: %w", err)
	}
	return m, nil
}

// setBank takes the images of s, with these energies, for the bank.
func (m *NNGuide) setBank(s *features.Set, energies []float64) error {
	var err error
	if m.norms, err = norms(s); err != nil {
		return err
	}
	m.energies = energies
	largest := 0.0
	for _, e := range energies {
		largest = max(largest, math.Abs(e))
	}
	m.bank = bank{d: s.D, rows: s.Features, scale: make([]float64, s.N)}
	for i, norm := range m.norms {
		if largest > 0 {
			m.bank.scale[i] = energies[i] / largest / norm
		}
	}
	return nil
}

// Name returns "nnguide".
func (*NNGuide) Name() string { return "nnguide" }

// Dim returns the number of features per image.
func (m *NNGuide) Dim() int { return m.bank.d }

// Normalizes returns true.
func (*NNGuide) Normalizes() bool { return true }

// Score implements [Detector].
func (m *NNGuide) Score(dst []float64, s *features.Set) ([]float64, error) {
	if err := checkFeatures(s, m.bank.d); err != nil {
		return nil, err
	}
	if err := m.check(m.Name(), s); err != nil {
		return nil, err
	}
	lengths, err := norms(s)
	if err != nil {
		return nil, err
	}
	dst = grow(dst, s.N)
	m.bank.search(m.k, s, lengths, func(i int, near *nearest) {
		dst[i] = -energyOf(s.LogitRow(i)) * m.guidance(s.Row(i), lengths[i], near)
	})
	return dst, checkScores(dst, s)
}

// guidance returns the mean of the K largest products, computed in float64.
func (m *NNGuide) guidance(q []float32, length float64, near *nearest) float64 {
	products := make([]float64, len(near.found))
	for i, c := range near.found {
		row, d := int(c.row), m.bank.d
		var sum float64
		for j, v := range m.bank.rows[row*d : (row+1)*d] {
			sum += float64(q[j]) * float64(v)
		}
		products[i] = m.energies[row] * (sum / length / m.norms[row])
	}
	slices.Sort(products)
	var sum float64
	for _, v := range products[len(products)-m.k:] {
		sum += v / float64(m.k)
	}
	return sum
}

func (m *NNGuide) encode(e *encoder) {
	m.logits.encode(e)
	e.setInt("k", m.k)
	e.float32("bank", m.bank.rows, len(m.norms), m.bank.d)
	e.float64("energies", m.energies, len(m.energies))
}

func decodeNNGuide(d *decoder) (*NNGuide, error) {
	l, err := decodeLogits(d)
	if err != nil {
		return nil, err
	}
	m := &NNGuide{logits: l}
	shape, err := d.shape("bank", 2)
	if err != nil {
		return nil, err
	}
	if m.k, err = d.getInt("k", 1); err != nil {
		return nil, err
	}
	if m.k > shape[0] {
		return nil, fmt.Errorf("k is %d, but the bank has %d rows", m.k, shape[0])
	}
	rows, err := d.float32("bank", shape...)
	if err != nil {
		return nil, err
	}
	energies, err := d.float64("energies", shape[0])
	if err != nil {
		return nil, err
	}
	return m, m.setBank(&features.Set{N: shape[0], D: shape[1], Features: rows}, energies)
}
