package detect

import (
	"math"
	"testing"

	"github.com/oodflow/oodflow/features"
)

// TestPruningTies: of equal activations the first are kept, no more than k.
func TestPruningTies(t *testing.T) {
	const d = 20 // of which ash keeps 2 and scale 3
	s := &features.Set{N: 1, D: d, Features: make([]float32, d), IDs: ids(1), Head: &features.Head{C: 1, D: d, W: make([]float32, d), B: []float32{0.5}}}
	for j := range d {
		s.Features[j], s.Head.W[j] = 1, float32(j)
	}
	s.Features[9] = 2
	for _, c := range []struct {
		name string
		fit  func(*features.Set) (Detector, error)
		want float64 // -(w·z' + b)
	}{
		{"ash", func(s *features.Set) (Detector, error) { return as(FitASH(s)) }, -(21./2*9 + 0.5)},
		{"scale", func(s *features.Set) (Detector, error) { return as(FitScale(s)) }, -(math.Exp(21./4)*199 + 0.5)},
	} {
		m, err := c.fit(s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.Score(nil, s)
		if err != nil || math.Abs(got[0]-c.want) > 1e-12*math.Abs(c.want) {
			t.Errorf("%s: score %v, %v, want %v", c.name, got, err, c.want)
		}
	}
}
