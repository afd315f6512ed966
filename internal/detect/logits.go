package detect

import "github.com/oodflow/oodflow/features"

// logits is the part shared by the detectors that read nothing but logits: they have nothing to fit, only the
// number of classes to remember.
type logits struct {
	classes int // length of a row of logits
}

// fitLogits checks that train holds logits of at least least classes.
func fitLogits(name string, train *features.Set, least int) (logits, error) {
	switch {
	case train.Logits == nil:
		return logits{}, &NeedsError{Detector: name, What: "logits"}
	case train.C < least:
		return logits{}, &NeedsError{Detector: name, What: "logits of two or more classes"}
	}
	return logits{classes: train.C}, nil
}

// check returns an error unless s holds logits of as many classes.
func (l logits) check(name string, s *features.Set) error {
	if s.Logits == nil {
		return &NeedsError{Detector: name, What: "logits"}
	}
	if s.C != l.classes {
		return &DimensionError{What: "logits", Want: l.classes, Got: s.C}
	}
	return nil
}

// score applies one, from several goroutines, to each row of logits.
func (l logits) score(name string, dst []float64, s *features.Set, one func(row []float32) float64) ([]float64, error) {
	if err := l.check(name, s); err != nil {
		return nil, err
	}
	dst = grow(dst, s.N)
	parallel(s.N, func(a, b int) {
		for i := a; i < b; i++ {
			dst[i] = one(s.LogitRow(i))
		}
	})
	return dst, checkScores(dst, s)
}

func (l logits) encode(e *encoder) { e.setInt("logits", l.classes) }

func decodeLogits(d *decoder) (logits, error) {
	c, err := d.getInt("logits", 1)
	return logits{classes: c}, err
}

// maxOf returns the largest of a row, and NaN when the row holds one.
func maxOf(row []float32) float64 {
	m := row[0]
	for _, v := range row {
		if v > m || v != v {
			m = v
		}
	}
	return float64(m)
}
