package detect

import (
	"fmt"

	"github.com/oodflow/oodflow/features"
)

// RMD is the relative Mahalanobis distance: the distance to the nearest class mean, less the distance to the mean of all,
//
//	score = min_c (z − μ_c)ᵀ Σ⁺ (z − μ_c) − (z − μ)ᵀ Σ₀⁺ (z − μ),
//
// with μ_c and Σ as in [Mahalanobis], and μ and Σ₀ the mean and the covariance (÷ N) of all training images. Labels,
// logits and pseudo-inverses are treated as there. What is unusual about z in directions that do not tell classes apart
// thus does not count. Ren et al., arXiv:2106.09022.
//
// As rmd++ every vector is divided by its L2 norm first. Müller and Hein, arXiv:2505.18032.
type RMD struct {
	within, total *Mahalanobis
	warned
}

var _ Detector = (*RMD)(nil)

// FitRMD fits both Gaussians, on L2-normalised features (rmd++) if normalize is set. The errors are those of
// [FitMahalanobis].
func FitRMD(train *features.Set, normalize bool) (*RMD, error) {
	m := &RMD{within: &Mahalanobis{normalize: normalize, d: train.D}, total: &Mahalanobis{normalize: normalize, d: train.D}}
	c, warnings, err := classesOf(m.Name(), train.Labels, train.Predicted())
	if err != nil {
		return nil, err
	}
	m.warn = warnings
	if err := m.within.fit(train, c); err != nil {
		return nil, fmt.Errorf("fit %s: %w", m.Name(), err)
	}
	if err := m.total.fit(train, c.merged()); err != nil {
		return nil, fmt.Errorf("fit %s: %w", m.Name(), err)
	}
	return m, nil
}

// Name returns "rmd" or "rmd++".
func (m *RMD) Name() string {
	if m.within.normalize {
		return "rmd++"
	}
	return "rmd"
}

// Dim returns the number of features per image.
func (m *RMD) Dim() int { return m.within.d }

// Normalizes tells whether this is rmd++.
func (m *RMD) Normalizes() bool { return m.within.normalize }

// Score implements [Detector].
func (m *RMD) Score(dst []float64, s *features.Set) ([]float64, error) {
	dst, err := m.within.Score(dst, s)
	if err != nil {
		return nil, err
	}
	total, err := m.total.Score(nil, s)
	if err != nil {
		return nil, err
	}
	for i, v := range total {
		dst[i] -= v
	}
	return dst, checkScores(dst, s)
}

func (m *RMD) encode(e *encoder) {
	m.within.encodeAs(e, "")
	m.total.encodeAs(e, "total.")
}

func decodeRMD(d *decoder, normalize bool) (*RMD, error) {
	within, err := decodeMahalanobis(d, "", normalize)
	if err != nil {
		return nil, err
	}
	total, err := decodeMahalanobis(d, "total.", normalize)
	if err != nil {
		return nil, err
	}
	if total.d != within.d {
		return nil, fmt.Errorf("the two Gaussians have %d and %d features", within.d, total.d)
	}
	return &RMD{within: within, total: total}, nil
}
