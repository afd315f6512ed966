package detect

import "github.com/oodflow/oodflow/features"

// Residual scores by the part of a feature vector that lies outside the principal space of the training features:
//
//	score = ‖(z − u)·N‖₂,  u = −W⁺·b,
//
// where the columns of N are the eigenvectors of the mean of (z − u)(z − u)ᵀ over the training images but for the D of
// the largest eigenvalues; D is 1000 for d ≥ 2048 features, 512 for d ≥ 768, and else d/2. It needs features and the
// classifier's head (W, b); at scoring only features. Wang et al., arXiv:2203.10807; OpenOOD fits it to validation
// images instead.
//
// Where the training features span no more than D dimensions, D is half of what they span, and [Warnings] says so.
type Residual struct {
	*subspace
	warned
}

var _ Detector = (*Residual)(nil)

// FitResidual finds the space across the principal directions of train.
func FitResidual(train *features.Set) (*Residual, error) {
	h, err := fitHead("residual", train, 1)
	if err != nil {
		return nil, err
	}
	s, warnings, err := fitSubspace("residual", train, &h)
	if err != nil {
		return nil, err
	}
	return &Residual{s, warned{warnings}}, nil
}

// Name returns "residual".
func (*Residual) Name() string { return "residual" }

// Dim returns the number of features per image.
func (r *Residual) Dim() int { return r.d }

// Score implements [Detector].
func (r *Residual) Score(dst []float64, s *features.Set) ([]float64, error) { return r.norms(dst, s) }

func decodeResidual(d *decoder) (*Residual, error) {
	s, err := decodeSubspace(d)
	return &Residual{subspace: s}, err
}
