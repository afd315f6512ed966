package detect

import (
	"math"
	"slices"

	"github.com/oodflow/oodflow/features"
)

// Settings of [GEN], those of the paper and of OpenOOD.
const (
	genGamma = 0.1
	genTop   = 100
)

// GEN scores by a generalised entropy of the softmax probabilities p:
//
//	score = Σ_c p_c^γ·(1 − p_c)^γ over the M largest p_c,  γ = 0.1, M = 100.
//
// It needs logits of at least two classes and has nothing to fit. Liu, Lochman and Zach, "GEN: Pushing the Limits of
// Softmax-Based Out-of-Distribution Detection", CVPR 2023.
//
// All is computed from logarithms, so that probabilities next to 0 and 1 keep their differences.
type GEN struct{ logits }

var _ Detector = (*GEN)(nil)

// FitGEN returns the GEN detector for the classes of train.
func FitGEN(train *features.Set) (*GEN, error) {
	l, err := fitLogits("gen", train, 2)
	if err != nil {
		return nil, err
	}
	return &GEN{l}, nil
}

// Name returns "gen".
func (*GEN) Name() string { return "gen" }

// Score implements [Detector].
func (g *GEN) Score(dst []float64, s *features.Set) ([]float64, error) {
	return g.score(g.Name(), dst, s, generalisedEntropy)
}

func generalisedEntropy(row []float32) float64 {
	logP := make([]float64, len(row))
	logSoftmax(logP, row)
	slices.SortFunc(logP, func(a, b float64) int { // NaN compares equal, and comes out as a score
		switch {
		case a > b:
			return -1
		case a < b:
			return 1
		}
		return 0
	})
	var sum float64
	for c, v := range logP[:min(genTop, len(logP))] {
		rest := math.Log1p(-math.Exp(v))
		if c == 0 {
			rest = logSumExp(logP[1:])
		}
		sum += math.Exp(genGamma * (v + rest))
	}
	return sum
}

// logSoftmax writes the logarithms of the softmax probabilities of a row of logits to dst.
func logSoftmax(dst []float64, row []float32) {
	for c, v := range row {
		dst[c] = float64(v)
	}
	sum := logSumExp(dst)
	for c := range dst {
		dst[c] -= sum
	}
}
