package detect

import (
	"fmt"
	"math"
	"slices"

	"github.com/oodflow/oodflow/features"
)

// ViM adds to the classes a virtual one whose logit is the residual of [Residual], and sets it against the others:
//
//	score = α·‖(z − u)·N‖₂ − log Σ_c exp(l_c),  l = W·z + b,
//
// with u, N and D as there and α = |mean(max_c l_c)| / mean ‖(z − u)·N‖₂ over the training images. It needs
// features and the classifier's head (W, b); at scoring only features. Wang et al., arXiv:2203.10807. The paper has no
// absolute value: a classifier whose largest logits are negative on average would reward residuals.
type ViM struct {
	head
	space *subspace
	alpha float64
	warned
}

var _ Detector = (*ViM)(nil)

// FitViM finds the principal space of train and the scale of the virtual logit.
func FitViM(train *features.Set) (*ViM, error) {
	h, err := fitHead("vim", train, 1)
	if err != nil {
		return nil, err
	}
	s, warnings, err := fitSubspace("vim", train, &h)
	if err != nil {
		return nil, err
	}
	m := &ViM{head: h, space: s, warned: warned{warnings}}
	most, err := h.score(nil, train, nil, func(_, l []float64) float64 { return slices.Max(l) })
	if err != nil {
		return nil, fmt.Errorf("fit vim: %w", err)
	}
	var sum float64
	for _, v := range most {
		sum += v
	}
	m.alpha = math.Abs(sum/float64(train.N)) / s.typical
	if !finite(m.alpha) {
		return nil, fmt.Errorf("fit vim: the virtual logit's scale is %v: the features hardly vary", m.alpha)
	}
	return m, nil
}

// Name returns "vim".
func (*ViM) Name() string { return "vim" }

// Score implements [Detector].
func (m *ViM) Score(dst []float64, s *features.Set) ([]float64, error) {
	dst, err := m.energy(dst, s, nil)
	if err != nil {
		return nil, err
	}
	residual, err := m.space.norms(nil, s)
	if err != nil {
		return nil, err
	}
	for i, v := range residual {
		dst[i] += m.alpha * v
	}
	return dst, checkScores(dst, s)
}

func (m *ViM) encode(e *encoder) {
	m.head.encode(e)
	m.space.encode(e)
	e.setFloat("alpha", m.alpha)
}

func decodeViM(d *decoder) (*ViM, error) {
	h, err := decodeHead(d)
	if err != nil {
		return nil, err
	}
	s, err := decodeSubspace(d)
	if err != nil {
		return nil, err
	}
	if s.d != h.d {
		return nil, fmt.Errorf("the head has %d features, the residual space %d", h.d, s.d)
	}
	alpha, err := d.getFloat("alpha")
	return &ViM{head: h, space: s, alpha: alpha}, err
}
