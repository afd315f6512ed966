package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/imageset"
	"github.com/oodflow/oodflow/internal/report"
)

// searchTime is how long the images of a set are looked for: a page should not take minutes because they lie in a large
// archive.
const searchTime = 20 * time.Second

// pictures fills in the n images with the highest and the n with the lowest scores of a set, as far as they are where the
// file of features says that they came from.
func (e *evaluation) pictures(set *report.Set, r *features.Reader, scores []float64, n int) error {
	n = min(n, r.N/2)
	order := ends(scores, n)
	s, err := r.Read(order)
	if err != nil {
		return err
	}
	taken := e.predictedName(s, r == e.id)
	found, why := e.findImages(s.Provenance.Source, s.IDs)
	set.NoPictures = why
	for k, i := range order {
		p := report.Picture{ID: s.IDs[k], Score: scores[i], Taken: taken(k), Image: found[s.IDs[k]]}
		if k < n {
			set.Most = append(set.Most, p)
		} else {
			set.Least = append(set.Least, p)
		}
	}
	return nil
}

// ends returns the n indices of the highest scores, from the highest, and then those of the n lowest, from the lowest.
func ends(scores []float64, n int) []int {
	order := features.Span(0, len(scores))
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	low := slices.Clone(order[len(order)-n:])
	slices.Reverse(low)
	return append(slices.Clone(order[:n]), low...)
}

// predictedName returns a function that names the class an image is taken for and, where it is known to be another, its
// own. own says that s is of the ID set, whose names are the classifier's if they are as many as it has classes.
func (e *evaluation) predictedName(s *features.Set, own bool) func(i int) string {
	predicted := s.Predicted()
	if predicted == nil {
		return func(int) string { return "" }
	}
	classes := e.id.Classes
	if len(classes) != s.C {
		return func(i int) string { return fmt.Sprintf("class %d", predicted[i]) }
	}
	return func(i int) string {
		name := classes[predicted[i]]
		if own && s.Labels != nil && s.Labels[i] >= 0 && s.Labels[i] != int64(predicted[i]) && s.Labels[i] < int64(s.C) {
			name += ", is " + classes[s.Labels[i]]
		}
		return name
	}
}

// findImages brings images by their ids from the source they were read from, and says why some are missing.
func (e *evaluation) findImages(source string, ids []string) (found map[string]*report.Thumbnail, why string) {
	switch {
	case source == "":
		return nil, "The file of features does not say where its images are."
	case source == "-":
		return nil, "The images were listed on standard input, so it is not known where they are."
	}
	src, err := imageset.Open(source)
	if err != nil {
		return nil, fmt.Sprintf("The images were read from %s, which cannot be opened from here now.", source)
	}
	ctx, cancel := context.WithTimeout(e.ctx, searchTime)
	defer cancel()
	found = map[string]*report.Thumbnail{}
	err = imageset.Find(ctx, src, ids, func(id string, m *imageset.Image) error {
		if rgba, err := m.RGBA(); err == nil {
			found[id] = report.NewThumbnail(rgba)
		}
		return nil
	})
	missing := 0
	for _, id := range ids {
		if found[id] == nil {
			missing++
		}
	}
	some := "One of these images is"
	if missing > 1 {
		some = fmt.Sprintf("%d of these images are", missing)
	}
	switch {
	case missing == 0:
		return found, ""
	case errors.Is(err, context.DeadlineExceeded):
		why = fmt.Sprintf("%s not found in %s within %v.", some, source, searchTime)
	case err != nil:
		why = fmt.Sprintf("%s missing: %v.", some, err)
	default:
		why = fmt.Sprintf("%s not in %s any more, or cannot be read.", some, source)
	}
	return found, why
}
