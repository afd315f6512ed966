package detect

import (
	"math"

	"github.com/oodflow/oodflow/features"
)

// GradNorm scores by the L1 norm of a gradient: that of the cross-entropy against equal targets of 1 for all C classes,
// with respect to the weights of the last layer, which comes to
//
//	score = −Σ_c |C·p_c − 1| · Σ_j |z_j|,  p = softmax(l).
//
// It needs features and logits of at least two classes, and has nothing to fit. Huang, Geng and Li, arXiv:2110.00218,
// as in OpenOOD; the paper's targets are 1/C, which divides all scores by C.
type GradNorm struct {
	logits
	d int
}

var _ Detector = (*GradNorm)(nil)

// FitGradNorm returns the GradNorm detector for the features and classes of train.
func FitGradNorm(train *features.Set) (*GradNorm, error) {
	l, err := fitLogits("gradnorm", train, 2)
	if err != nil {
		return nil, err
	}
	return &GradNorm{l, train.D}, nil
}

// Name returns "gradnorm".
func (*GradNorm) Name() string { return "gradnorm" }

// Dim returns the number of features per image.
func (g *GradNorm) Dim() int { return g.d }

// Score implements [Detector].
func (g *GradNorm) Score(dst []float64, s *features.Set) ([]float64, error) {
	if err := checkFeatures(s, g.d); err != nil {
		return nil, err
	}
	dst, err := g.score(g.Name(), dst, s, func(row []float32) float64 {
		p := make([]float64, len(row))
		logSoftmax(p, row)
		var sum float64
		for _, v := range p {
			sum += math.Abs(float64(len(p))*math.Exp(v) - 1)
		}
		return -sum
	})
	if err != nil {
		return nil, err
	}
	for i := range dst {
		var sum float64
		for _, v := range s.Row(i) {
			sum += math.Abs(float64(v))
		}
		dst[i] *= sum
	}
	return dst, checkScores(dst, s)
}

func (g *GradNorm) encode(e *encoder) {
	g.logits.encode(e)
	e.setInt("features", g.d)
}

func decodeGradNorm(d *decoder) (*GradNorm, error) {
	l, err := decodeLogits(d)
	if err != nil {
		return nil, err
	}
	n, err := d.getInt("features", 1)
	return &GradNorm{l, n}, err
}
