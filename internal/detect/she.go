package detect

import (
	"fmt"

	"github.com/oodflow/oodflow/features"
)

// SHE scores by the inner product with the pattern of the predicted class, the simplest of the Hopfield energies:
//
//	score = −⟨z, S_p⟩,  p = argmax l,
//
// where S_c is the mean of the training features of class c that the classifier assigns to c. It needs features, and
// logits also at scoring, to know p. Zhang et al., "Out-of-Distribution Detection based on In-Distribution Data Patterns
// Memorization with Modern Hopfield Energy", ICLR 2023.
//
// The predicted classes alone choose the training images, with a warning, where there are no labels, and where fewer
// than half of the labels are the predicted class, since labels are then numbered otherwise than the classifier's
// classes. The pattern of a class without images is zero, and so is the score of what is assigned to it.
type SHE struct {
	logits
	d        int
	patterns []float64 // classes×d
	warned
}

var _ Detector = (*SHE)(nil)

// FitSHE averages the features of each class.
func FitSHE(train *features.Set) (*SHE, error) {
	l, err := fitLogits("she", train, 1)
	if err != nil {
		return nil, err
	}
	if train.N == 0 {
		return nil, &NeedsError{Detector: "she", What: "at least one image"}
	}
	if err := checkFinite(train); err != nil {
		return nil, fmt.Errorf("fit she: %w", err)
	}
	m := &SHE{logits: l, d: train.D, patterns: make([]float64, l.classes*train.D)}
	size := make([]int, l.classes)
	for i, p := range m.correct(train) {
		if p < 0 {
			continue
		}
		size[p]++
		for j, v := range train.Row(i) {
			m.patterns[p*m.d+j] += float64(v)
		}
	}
	empty := 0
	for c, n := range size {
		if n == 0 {
			empty++
		}
		for j := range m.d {
			m.patterns[c*m.d+j] /= float64(max(n, 1))
		}
	}
	if empty > 0 {
		m.warn = append(m.warn, fmt.Sprintf("she: %d of %d classes have no training images; what is assigned to them scores 0", empty, l.classes))
	}
	return m, nil
}

// correct returns the predicted class of each image, or -1 for one to leave out because its label is another.
func (m *SHE) correct(train *features.Set) []int {
	predicted := train.Predicted()
	labels, _ := known(train.Labels)
	if labels == nil {
		m.warn = append(m.warn, "she: the features hold no labels, so the predicted classes stand in for them")
		return predicted
	}
	right, labelled := 0, 0
	for i, l := range labels {
		if l >= 0 {
			labelled++
		}
		if l == int64(predicted[i]) {
			right++
		}
	}
	if 2*right < labelled {
		m.warn = append(m.warn, fmt.Sprintf("she: only %d of %d labels are the predicted class, so they are taken to be numbered otherwise, and the predicted classes stand in for them",
			right, labelled))
		return predicted
	}
	for i, l := range labels {
		if l != int64(predicted[i]) {
			predicted[i] = -1
		}
	}
	return predicted
}

// Name returns "she".
func (*SHE) Name() string { return "she" }

// Dim returns the number of features per image.
func (m *SHE) Dim() int { return m.d }

// Score implements [Detector].
func (m *SHE) Score(dst []float64, s *features.Set) ([]float64, error) {
	if err := checkFeatures(s, m.d); err != nil {
		return nil, err
	}
	if err := m.check(m.Name(), s); err != nil {
		return nil, err
	}
	dst = grow(dst, s.N)
	for i, p := range s.Predicted() {
		dst[i] = 0
		for j, v := range s.Row(i) {
			dst[i] -= float64(v) * m.patterns[p*m.d+j]
		}
	}
	return dst, checkScores(dst, s)
}

func (m *SHE) encode(e *encoder) {
	m.logits.encode(e)
	e.float64("patterns", m.patterns, m.classes, m.d)
}

func decodeSHE(d *decoder) (*SHE, error) {
	l, err := decodeLogits(d)
	if err != nil {
		return nil, err
	}
	shape, err := d.shape("patterns", 2)
	if err != nil {
		return nil, err
	}
	m := &SHE{logits: l, d: shape[1]}
	m.patterns, err = d.float64("patterns", l.classes, m.d)
	return m, err
}
