package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/oodflow/oodflow/eval"
	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/detect"
	"github.com/oodflow/oodflow/internal/progress"
)

// piece is how many images are read and scored at a time, between two looks at the clock and the interrupt.
const piece = 1024

// pass is a single reading of all sets, in which all detectors score them: memory holds the scores and one piece of a set.
type pass struct {
	*evaluation
	skip    []string // as detectors: why one has no scores, "" where it has
	correct []bool   // the ID images that are classified as their labels say, as far as that is known
	meter   *progress.Meter
}

// scoreSets scores every set with every detector.
func (e *evaluation) scoreSets() error {
	total := e.id.N
	for _, r := range e.ood {
		total += r.N
	}
	meter, finish := e.console.begin("eval", "scores", total*len(e.detectors))
	defer finish()
	p := &pass{evaluation: e, skip: make([]string, len(e.detectors)), meter: meter}
	id, err := p.score(e.opts.id, e.id)
	if err != nil {
		return err
	}
	ood := make([][][]float64, len(e.ood))
	for i, set := range e.opts.ood {
		if ood[i], err = p.score(set, e.ood[i]); err != nil {
			return err
		}
	}
	if len(p.correct) < e.id.N {
		p.correct = nil
	}
	for k, d := range e.detectors {
		if p.skip[k] != "" {
			e.skip(d.Name(), p.skip[k])
			continue
		}
		s := eval.Scores{Detector: d.Name(), ID: id[k], Correct: p.correct}
		for i := range ood {
			s.OOD = append(s.OOD, ood[i][k])
		}
		e.scored = append(e.scored, s)
	}
	return nil
}

// score returns the scores of a set by all detectors that are not skipped.
func (p *pass) score(set named, r *features.Reader) ([][]float64, error) {
	p.meter.Note(set.name)
	scores := make([][]float64, len(p.detectors))
	for i := 0; i < r.N; i += piece {
		part, err := readPart(r, set.path, i)
		if err != nil {
			return nil, err
		}
		if r == p.id {
			p.correct = append(p.correct, correct(part)...)
		}
		for k, d := range p.detectors {
			if p.skip[k] != "" {
				continue
			}
			err := interruptibly(p.ctx, func() error {
				got, err := d.Score(nil, part)
				scores[k] = append(scores[k], got...)
				return err
			})
			if p.ctx.Err() != nil {
				return nil, p.ctx.Err()
			}
			if err != nil {
				err = features.NameRow(err, func(row int) (int, string) { return i + row, part.IDs[row] })
				if err = p.unlessMissing(k, fmt.Errorf("score %s with %s: %w", set.path, d.Name(), err)); err != nil {
					return nil, err
				}
			}
			p.meter.Add(part.N)
		}
	}
	return scores, nil
}

// readPart reads the piece of a set that begins with image i, and checks its values.
func readPart(r *features.Reader, path string, i int) (*features.Set, error) {
	part, err := r.Read(features.Span(i, min(i+piece, r.N)))
	if err != nil {
		return nil, err
	}
	if err := part.Check(); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return part, nil
}

// unlessMissing returns the error of the k-th detector, or nil when it lacks something in the sets: it is then skipped. The
// detector under test must not.
func (p *pass) unlessMissing(k int, err error) error {
	var needs *detect.NeedsError
	if p.detectors[k] != p.file.Detector && errors.As(err, &needs) {
		p.skip[k] = err.Error()
		return nil
	}
	return err
}

// correct tells which images are classified as their labels say, or nil when that is not known of all.
func correct(s *features.Set) []bool {
	predicted := s.Predicted()
	if predicted == nil || s.Labels == nil || slices.Contains(s.Labels, -1) {
		return nil
	}
	right := make([]bool, s.N)
	for i, p := range predicted {
		right[i] = int64(p) == s.Labels[i]
	}
	return right
}
