package advice

import (
	"cmp"
	"math"
	"slices"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/detect"
	"gonum.org/v1/gonum/stat"
)

// Pull says how far the norm of a feature vector decides about its score: Spearman's rank correlation, over images that were
// held out, of the norm with the Mahalanobis distance to the nearest class.
//
// Classifiers make long vectors of what they know well and short ones of what they do not, OOD images among it. Where the distances
// of unnormalised features grow with the norm (Raw above 0) such images come out closer to the classes than they are, which
// is why normalising helps (Müller and Hein, arXiv:2505.18032). Once normalised, short vectors are mostly further off
// (Normalised below 0).
type Pull struct {
	Raw        float64 `json:"raw"`
	Normalised float64 `json:"normalised"`
}

// pull fits distances to the images of train and measures on test; without classes all are of one. The result is nil where the
// features are too degenerate for distances.
func pull(train, test *features.Set) *Pull {
	if train.Labels == nil {
		one := *train
		one.Labels = make([]int64, train.N)
		train = &one
	}
	norms := make([]float64, test.N)
	for i := range norms {
		norms[i] = norm(test.Row(i))
	}
	of := func(normalize bool) float64 {
		d, err := detect.FitMahalanobis(train, normalize)
		if err != nil {
			return math.NaN()
		}
		scores, err := d.Score(nil, test)
		if err != nil {
			return math.NaN()
		}
		return spearman(norms, scores)
	}
	p := &Pull{Raw: of(false), Normalised: of(true)}
	if math.IsNaN(p.Raw) || math.IsNaN(p.Normalised) {
		return nil
	}
	return p
}

// spearman is the correlation of the ranks; ties have their mean rank.
func spearman(x, y []float64) float64 { return stat.Correlation(ranks(x), ranks(y), nil) }

func ranks(x []float64) []float64 {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(x[a], x[b]) })
	rank := make([]float64, len(x))
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && x[order[j]] == x[order[i]] {
			j++
		}
		for _, k := range order[i:j] {
			rank[k] = float64(i+j-1) / 2
		}
		i = j
	}
	return rank
}
