package detect

import (
	"context"
	"fmt"
	"math"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/flow"
)

// fusionWeight is w of [Fusion]. Without OOD images there is nothing to prefer one part by, so both count the same. The
// more weight the energy has, the more is gained on OOD images close to the training data, and lost on those far from it.
const fusionWeight = 1.0

// Fusion adds the classifier's energy to the flow: what is unlikely among the features, and what the classifier is not
// sure about,
//
//	score = (−log p − m₁)/s₁ + w·(−E(l) − m₂)/s₂,  E(l) = log Σ_c exp(l_c),  w = 1,
//
// with the log-density of [Flow] and, for either part, m the median and s the median absolute deviation times 1.4826 (the
// standard deviation of a normal distribution) over ID images that the flow was not fitted to. It needs features and
// logits, also at scoring, and is no density. docs/detectors.md tells what it costs.
type Fusion struct {
	flow *Flow
	logits
	density, energy standard
	weight          float64
	warned
}

var _ stored = (*Fusion)(nil)

// standard is where a score lies and how far it spreads.
type standard struct{ center, spread float64 }

func (s standard) of(x float64) float64 { return (x - s.center) / s.spread }

// TrainFusion trains a flow as [TrainFlow] does and fuses it with the energy. The images that decide when the training
// stops give the standardisation, so that the threshold's promise holds. Without logits the error is a *NeedsError.
func TrainFusion(ctx context.Context, r *features.Reader, opt FlowOptions, progress func(flow.Point)) (*File, *flow.Report, error) {
	if r.C == 0 {
		return nil, nil, &NeedsError{Detector: "fusion", What: "logits"}
	}
	return trainFlow(ctx, r, opt, progress, func(d *Flow, valid []int) (Detector, error) {
		set, err := r.Read(valid)
		if err != nil {
			return nil, err
		}
		return as(FitFusion(d, set))
	})
}

// fitFusion is TrainFusion with a set in memory and default settings.
func fitFusion(train *features.Set) (Detector, error) {
	f, _, err := TrainFusion(context.Background(), features.NewReader(train), FlowOptions{}, nil)
	if err != nil {
		return nil, err
	}
	return f.Detector, nil
}

// Fuse fuses a flow that is trained already, t being its training on the features of train: the detector is that of
// [TrainFusion].
func Fuse(d *Flow, t Training, train *features.Set) (*Fusion, error) {
	return FitFusion(d, subset(train, t.stoppedBy(train.N)))
}

// FitFusion fuses a flow with the energy. held are ID images that the flow was not fitted to; a hundred are enough.
func FitFusion(d *Flow, held *features.Set) (*Fusion, error) {
	l, err := fitLogits("fusion", held, 1)
	if err != nil {
		return nil, err
	}
	if held.N == 0 {
		return nil, &NeedsError{Detector: "fusion", What: "at least one image"}
	}
	m := &Fusion{flow: d, logits: l, weight: fusionWeight, warned: warned{d.Warnings()}}
	density, err := d.Score(nil, held)
	if err != nil {
		return nil, fmt.Errorf("fit fusion: %w", err)
	}
	energy, err := (&Energy{l}).Score(nil, held)
	if err != nil {
		return nil, fmt.Errorf("fit fusion: %w", err)
	}
	m.density, m.energy = m.standardise("log-density", density), m.standardise("energy", energy)
	return m, nil
}

// standardise measures scores, and notes where they do not vary. Where more than half of them are equal, the mean absolute
// deviation stands in for the median one.
func (m *Fusion) standardise(what string, scores []float64) standard {
	s := standard{center: percentile(scores, 50)}
	deviations := make([]float64, len(scores))
	var mean float64
	for i, v := range scores {
		deviations[i] = math.Abs(v - s.center)
		mean += deviations[i] / float64(len(scores))
	}
	if s.spread = 1.4826 * percentile(deviations, 50); s.spread == 0 {
		s.spread = 1.2533 * mean
	}
	if s.spread == 0 {
		s.spread = 1
		m.warn = append(m.warn, fmt.Sprintf("fusion: the %s is the same for all held-out images, so it is not scaled", what))
	}
	return s
}

// Name returns "fusion".
func (*Fusion) Name() string { return "fusion" }

// Dim returns the number of features the flow reads.
func (m *Fusion) Dim() int { return m.flow.Dim() }

// Normalizes tells whether the features are L2-normalised first.
func (m *Fusion) Normalizes() bool { return m.flow.Normalizes() }

// Score implements [Detector].
func (m *Fusion) Score(dst []float64, s *features.Set) ([]float64, error) {
	if err := m.check(m.Name(), s); err != nil {
		return nil, err
	}
	dst, err := m.flow.Score(dst, s)
	if err != nil {
		return nil, err
	}
	energy, err := (&Energy{m.logits}).Score(nil, s)
	if err != nil {
		return nil, err
	}
	for i, v := range energy {
		dst[i] = m.density.of(dst[i]) + m.weight*m.energy.of(v)
	}
	return dst, checkScores(dst, s)
}

func (m *Fusion) encode(e *encoder) {
	m.flow.encode(e)
	m.logits.encode(e)
	e.setFloat("weight", m.weight)
	e.float64("standard", []float64{m.density.center, m.density.spread, m.energy.center, m.energy.spread}, 2, 2)
}

func decodeFusion(d *decoder) (*Fusion, error) {
	f, err := decodeFlow(d)
	if err != nil {
		return nil, err
	}
	l, err := decodeLogits(d)
	if err != nil {
		return nil, err
	}
	weight, err := d.getFloat("weight")
	if err != nil {
		return nil, err
	}
	s, err := d.float64("standard", 2, 2)
	if err != nil {
		return nil, err
	}
	if !(s[1] > 0 && s[3] > 0) {
		return nil, fmt.Errorf("tensor %q holds a spread that is not above 0", "standard")
	}
	return &Fusion{flow: f, logits: l, weight: weight, density: standard{s[0], s[1]}, energy: standard{s[2], s[3]}}, nil
}
