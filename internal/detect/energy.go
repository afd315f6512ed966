package detect

import (
	"math"

	"github.com/oodflow/oodflow/features"
)

// energyT is the temperature T of [Energy]: 1, as the paper recommends and OpenOOD uses.
const energyT = 1.0

// Energy scores by the free energy of the logits l:
//
//	score = −T·log Σ_c exp(l_c / T),  T = 1.
//
// It needs logits and has nothing to fit. Liu et al., arXiv:2010.03759.
type Energy struct{ logits }

var _ Detector = (*Energy)(nil)

// FitEnergy returns the energy detector for the classes of train.
func FitEnergy(train *features.Set) (*Energy, error) {
	l, err := fitLogits("energy", train, 1)
	if err != nil {
		return nil, err
	}
	return &Energy{l}, nil
}

// Name returns "energy".
func (*Energy) Name() string { return "energy" }

// Score implements [Detector].
func (e *Energy) Score(dst []float64, s *features.Set) ([]float64, error) {
	return e.score(e.Name(), dst, s, func(row []float32) float64 { return -energyOf(row) })
}

// energyOf returns T·log Σ_c exp(l_c / T).
func energyOf(row []float32) float64 {
	m := maxOf(row)
	return m + energyT*math.Log(sumExp(row, m, energyT))
}
