package features

import (
	"cmp"
	"math"
	"slices"
)

// SummaryOptions bounds the work of Summarize. The zero value is the default.
type SummaryOptions struct {
	Pairs PairOptions // for the uniformity

	// MaxRankDim bounds the matrix whose eigenvalues give the effective rank, and so its cost, which grows with
	// the cube: about a second for 1,024, ten for 2,048. Features of more dimensions are measured on as many
	// images. Default 1,024; below 0 the effective rank is left out.
	MaxRankDim int
}

// Summary describes a feature set. Everything about the spread of features (dimensions, effective rank,
// uniformity, tolerance) is about their directions, the L2-normalised vectors, which is what a flow sees;
// zero vectors have none and are left out there. A pointer is nil where there is nothing to compute a value
// from.
type Summary struct {
	N        int    `json:"n"`
	D        int    `json:"d"`
	Classes  int    `json:"classes"`  // logits per image, 0 without logits
	Labelled int    `json:"labelled"` // images whose class is known
	DType    string `json:"dtype"`    // type of the features on disk
	HasHead  bool   `json:"has_head"`

	Norms       Norms `json:"norms"`
	ZeroVectors int   `json:"zero_vectors"` // images whose features are all 0

	Dims Dims `json:"dims"`

	Uniformity  *Mean  `json:"uniformity"`   // see Uniformity and Summarize; nil with fewer than two images
	Tolerance   *Mean  `json:"tolerance"`    // see Tolerance and Summarize; nil without two images of one class
	ToleranceOf string `json:"tolerance_of"` // "labels", or "predicted" when no label is known

	// Accuracy is the share of labelled images whose largest logit is their label's. It is nil when labels
	// cannot be the classifier's classes: one is past the logits, or there are more or fewer class names.
	Accuracy *float64 `json:"accuracy"`
	Balance  *Balance `json:"balance"` // of the labels; nil when none is known

	DuplicateRows int `json:"duplicate_rows"` // images whose features equal an earlier image's, bit for bit
	DuplicateIDs  int `json:"duplicate_ids"`  // images whose id is an earlier image's

	Provenance Provenance `json:"provenance"`
	Shard      *Shard     `json:"shard,omitempty"` // which part of the source it is; nil for all, or when not known
}

// Norms describes the L2 norms of the raw feature vectors. Quantiles are interpolated linearly, as NumPy does.
type Norms struct {
	Min    float64 `json:"min"`
	P5     float64 `json:"p5"` // 5 % are smaller
	Median float64 `json:"median"`
	Mean   float64 `json:"mean"`
	P95    float64 `json:"p95"`
	Max    float64 `json:"max"`
	CV     float64 `json:"cv"` // coefficient of variation: standard deviation (over n) / mean
}

// Balance describes how the labelled images spread over the classes that occur.
type Balance struct {
	Classes int     `json:"classes"` // distinct labels
	Min     int     `json:"min"`     // images of the rarest
	Max     int     `json:"max"`     // images of the most frequent
	Mean    float64 `json:"mean"`
}

// mostSampled bounds the images behind the uniformity and the effective rank; a variable for tests.
var mostSampled = 20_000

// Summarize describes the set that r reads, in one pass. Uniformity and effective rank are taken from up to 20,000 images drawn
// at random, all else from all of them, but for the tolerance of very many classes. In memory are those 20,000 vectors,
// 40 bytes for each image, and the sum of each class's directions, up to 256 MiB: of more classes some are drawn at random.
//
// Values that [Set.Check] refuses are errors, which name the file.
func Summarize(r *Reader, opt SummaryOptions) (*Summary, error) {
	if err := r.Check(); err != nil {
		return nil, r.about(err)
	}
	counts := countLabels(r.Labels)
	p := newSummaryPass(r, counts)
	err := r.each(rowsAtATime(r.D+r.C), func(index []int) error {
		s, err := r.Read(index)
		if err == nil {
			p.add(s, index[0])
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := cmp.Or(p.badFeatures.err("feature", r.N), p.badLogits.err("logit", r.N)); err != nil {
		return nil, r.about(err)
	}
	sum := &Summary{
		N: r.N, D: r.D, Classes: r.C, DType: r.DType, HasHead: r.Head != nil, Provenance: r.Provenance, Shard: r.Shard,
		Norms: normsOf(p.norms), ZeroVectors: r.N - p.moments.n, Dims: p.moments.dims(p.z, opt.MaxRankDim),
		DuplicateRows: p.rows.count(), DuplicateIDs: p.ids.count(),
	}
	sum.labels(r, counts, p.right)
	return sum, sum.spread(p, opt.Pairs)
}

// labels fills in what is about labels, of which right equal the prediction.
func (sum *Summary) labels(r *Reader, counts map[int64]int, right int) {
	for _, n := range counts {
		sum.Labelled += n
	}
	if sum.Labelled == 0 {
		return
	}
	b := &Balance{Classes: len(counts), Min: r.N, Mean: float64(sum.Labelled) / float64(len(counts))}
	for _, n := range counts {
		b.Min, b.Max = min(b.Min, n), max(b.Max, n)
	}
	sum.Balance = b
	if r.logits != nil && (r.Classes == nil || len(r.Classes) == r.C) && slices.Max(r.Labels) < int64(r.C) {
		a := float64(right) / float64(sum.Labelled)
		sum.Accuracy = &a
	}
}

// countLabels counts the images of each class.
func countLabels(labels []int64) map[int64]int {
	counts := map[int64]int{}
	for _, y := range labels {
		if y >= 0 {
			counts[y]++
		}
	}
	return counts
}

// spread fills in uniformity and tolerance, where there are pairs.
func (sum *Summary) spread(p *summaryPass, opt PairOptions) error {
	if len(p.z) >= 2*sum.D {
		u, err := Uniformity(p.z, sum.D, opt)
		if err != nil {
			return err
		}
		u.Exact = u.Exact && len(p.z) == p.moments.n*sum.D
		sum.Uniformity = &u
	}
	if t, ok := p.classes.mean(); ok {
		sum.Tolerance, sum.ToleranceOf = &t, "predicted"
		if sum.Labelled > 0 {
			sum.ToleranceOf = "labels"
		}
	}
	return nil
}

// normsOf describes norms, and sorts them.
func normsOf(norms []float64) Norms {
	n := len(norms)
	var total, squares float64
	for _, r := range norms {
		total += r
	}
	mean := total / float64(n)
	for _, r := range norms {
		squares += (r - mean) * (r - mean)
	}
	slices.Sort(norms)
	d := Norms{
		Min: norms[0], P5: quantile(norms, 0.05), Median: quantile(norms, 0.5), Mean: mean,
		P95: quantile(norms, 0.95), Max: norms[n-1],
	}
	if mean > 0 {
		d.CV = math.Sqrt(squares/float64(n)) / mean
	}
	return d
}

// quantile interpolates linearly between the order statistics of the sorted x.
func quantile(x []float64, q float64) float64 {
	at := q * float64(len(x)-1)
	i := int(at)
	if i+1 >= len(x) {
		return x[len(x)-1]
	}
	return x[i] + (at-float64(i))*(x[i+1]-x[i])
}
