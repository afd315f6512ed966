package detect

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/flow"
)

// pick returns one of values.
func pick[T any](rng *rand.Rand, values ...T) T { return values[rng.IntN(len(values))] }

// hardSet draws features as networks leave them, and worse. zero is an image without any, -1 for none.
func hardSet(rng *rand.Rand) (s *features.Set, zero int) {
	n, d, c := 2+rng.IntN(300), 2+rng.IntN(20), 1+rng.IntN(12)
	s = &features.Set{N: n, D: d, IDs: ids(n)}
	column := make([]float32, d)
	for j := range column {
		column[j] = pick[float32](rng, 1, 1, 1, 1, 0, 1e-20, 1e18)
	}
	column[rng.IntN(d)] = 1
	spare := pick[float32](rng, 0, 0, 1e-6)
	for i := range n {
		for _, size := range column {
			s.Features = append(s.Features, size*max(spare, float32(rng.NormFloat64()-pick(rng, 0.0, 1))))
		}
		if row := s.Row(i); !slices.ContainsFunc(row, func(v float32) bool { return v > 0 }) {
			row[slices.Index(column, 1)] = 1e-3
		}
		if i > 0 && rng.IntN(5) == 0 {
			copy(s.Row(i), s.Row(i-1))
		}
	}
	if rng.IntN(2) == 0 {
		for range n {
			s.Labels = append(s.Labels, int64(max(-1, rng.IntN(3*c)-2*c+1)))
		}
	}
	if rng.IntN(2) == 0 {
		s.C = c
		for range n * c {
			s.Logits = append(s.Logits, float32(10*rng.NormFloat64()))
		}
	}
	if zero = -1; rng.IntN(4) == 0 {
		zero = rng.IntN(n)
		clear(s.Row(zero))
	}
	return s, zero
}

// FuzzHardSets draws sets and options. Training gives a detector whose scores are finite or an error that says why, by the
// image's name where one is at fault.
func FuzzHardSets(f *testing.F) {
	for seed := range uint64(25) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 98))
		s, zero := hardSet(rng)
		opt := FlowOptions{
			TrainOptions: TrainOptions{Seed: seed, Share: pick(rng, 0, 0.01, 0.5, 0.99)},
			Options: flow.Options{
				Arch: pick(rng, flow.ArchRealNVP, flow.ArchGlow), Layers: 1 + rng.IntN(3), Batch: pick(rng, 1, 16, 999),
				LearningRate: math.Pow(10, -6+5*rng.Float64()), Epochs: 1 + rng.IntN(5),
				Whiten: pick(rng, "", "", flow.WhitenNone, flow.WhitenTotal), Stop: pick(rng, "", flow.StopNever),
			},
			Raw: rng.IntN(4) == 0,
		}
		file, report, err := TrainFlow(t.Context(), features.NewReader(s), opt, nil)
		if err != nil {
			if !hardSetMayFail(err, s, zero, opt) {
				t.Fatalf("n %d, d %d, %+v: %v", s.N, s.D, opt, err)
			}
			t.Log(err)
			return
		}
		if zero >= 0 && !opt.Raw {
			if s.Labels == nil || s.Labels[zero] >= 0 { // one without a label is left out
				t.Error("an image without features was trained on")
			}
			return
		}
		scores, err := file.Detector.Score(nil, s)
		if err == nil {
			err = errors.Join(checkScores(scores, s), checkScores(file.Reference, s))
		}
		if err != nil || !finite(file.Threshold) || !finite(report.ValidNLL) {
			t.Errorf("n %d, d %d, %+v: threshold %v, %v\n%+v", s.N, s.D, opt, file.Threshold, err, report)
		}
	})
}

// hardSetMayFail tells whether an error is one that these features have to give.
func hardSetMayFail(err error, s *features.Set, zero int, opt FlowOptions) bool {
	var none *features.ZeroVectorError
	switch text := err.Error(); {
	case errors.As(err, &none):
		return !opt.Raw && none.Row == zero && none.ID == s.IDs[zero] && strings.Contains(text, none.ID)
	case strings.Contains(text, "too few"):
		return s.N < 10 || opt.Share > 0.5
	case strings.Contains(text, "training rows: want at least"):
		return s.N < 10 || s.Labels != nil
	case strings.Contains(text, "too small for float32"): // all but one feature next to nothing, and the unit normaliser
		return true
	case strings.Contains(text, "do not vary"):
		return s.N < 100 || s.D < 5 || strings.Contains(text, "within the classes")
	}
	return false
}

// TestTrainingNamesTheImage: an error about a row is about an image, wherever the split put it.
func TestTrainingNamesTheImage(t *testing.T) {
	for bad := range 40 {
		s := randomSet(1, 40, 3, 2)
		s.Labels[(bad+39)%40] = -1 // left out, which moves the others up
		s.Features[3*bad+1] = 2e38
		_, _, err := TrainFlow(t.Context(), features.NewReader(s), FlowOptions{Raw: true}, nil)
		if _, held := Split(40, DefaultShare, 0); slices.Contains(held, bad) {
			continue // which scoring names
		}
		if want := "train flow: image " + s.IDs[bad] + ": value 1 is 2e+38: want at most 1e+37"; err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
