package features

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/maphash"
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

	Uniformity  *Mean  `json:"uniformity"`   // see Uniformity; nil with fewer than two images
	Tolerance   *Mean  `json:"tolerance"`    // see Tolerance; nil without two images of one class
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

// Summarize describes s. It starts with s.Check and returns its error.
func Summarize(s *Set, opt SummaryOptions) (*Summary, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	sum := &Summary{N: s.N, D: s.D, Classes: s.C, DType: s.DType, HasHead: s.Head != nil, Provenance: s.Provenance, Shard: s.Shard}
	for _, y := range s.Labels {
		if y >= 0 {
			sum.Labelled++
		}
	}
	sum.norms(s)
	if err := sum.directions(s, opt); err != nil {
		return nil, err
	}
	sum.Accuracy = accuracy(s)
	sum.Balance = balance(s.Labels)
	sum.DuplicateRows = duplicateRows(s)
	seen := map[string]bool{}
	for _, id := range s.IDs {
		if seen[id] {
			sum.DuplicateIDs++
		}
		seen[id] = true
	}
	return sum, nil
}

func (sum *Summary) norms(s *Set) {
	norms := make([]float64, s.N)
	var total float64
	for i := range norms {
		norms[i] = norm(s.Row(i))
		total += norms[i]
		if norms[i] == 0 {
			sum.ZeroVectors++
		}
	}
	mean := total / float64(s.N)
	var squares float64
	for _, r := range norms {
		squares += (r - mean) * (r - mean)
	}
	slices.Sort(norms)
	sum.Norms = Norms{
		Min: norms[0], P5: quantile(norms, 0.05), Median: quantile(norms, 0.5), Mean: mean,
		P95: quantile(norms, 0.95), Max: norms[s.N-1],
	}
	if mean > 0 {
		sum.Norms.CV = math.Sqrt(squares/float64(s.N)) / mean
	}
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

// directions fills in what is about the normalised vectors.
func (sum *Summary) directions(s *Set, opt SummaryOptions) error {
	x, class := s.Features, s.Labels
	sum.ToleranceOf = "labels"
	if sum.Labelled == 0 {
		sum.ToleranceOf, class = "predicted", nil
		for _, p := range s.Predicted() {
			class = append(class, int64(p))
		}
	}
	if sum.ZeroVectors > 0 {
		x, class = withoutZeros(s, class)
	}
	z, err := Normalize(nil, x, s.D)
	if err != nil {
		return err
	}
	if len(z) >= 2*s.D {
		u, err := Uniformity(z, s.D, opt.Pairs)
		if err != nil {
			return err
		}
		sum.Uniformity = &u
	}
	if class != nil {
		t, err := Tolerance(z, s.D, class)
		if err == nil {
			sum.Tolerance = &t
		} else if !errors.Is(err, errNoPair) {
			return err
		}
	}
	if sum.Tolerance == nil {
		sum.ToleranceOf = ""
	}
	sum.Dims = dimsOf(s.Features, z, s.D, opt.MaxRankDim) // last: it overwrites z
	return nil
}

// withoutZeros copies the rows that have a direction, and their classes.
func withoutZeros(s *Set, class []int64) ([]float32, []int64) {
	var x []float32
	var kept []int64
	for i := range s.N {
		if norm(s.Row(i)) == 0 {
			continue
		}
		x = append(x, s.Row(i)...)
		if class != nil {
			kept = append(kept, class[i])
		}
	}
	return x, kept
}

func accuracy(s *Set) *float64 {
	if s.Logits == nil || s.Labels == nil || s.Classes != nil && len(s.Classes) != s.C {
		return nil
	}
	right, known := 0, 0
	for i, p := range s.Predicted() {
		switch y := s.Labels[i]; {
		case y >= int64(s.C):
			return nil
		case y >= 0:
			known++
			if y == int64(p) {
				right++
			}
		}
	}
	if known == 0 {
		return nil
	}
	a := float64(right) / float64(known)
	return &a
}

func balance(labels []int64) *Balance {
	counts := map[int64]int{}
	known := 0
	for _, y := range labels {
		if y >= 0 {
			counts[y]++
			known++
		}
	}
	if known == 0 {
		return nil
	}
	b := &Balance{Classes: len(counts), Min: known, Mean: float64(known) / float64(len(counts))}
	for _, c := range counts {
		b.Min, b.Max = min(b.Min, c), max(b.Max, c)
	}
	return b
}

// duplicateRows counts the rows that equal an earlier row. Rows are compared where their hashes agree.
func duplicateRows(s *Set) int {
	first := make(map[uint64]int, s.N)
	seed := maphash.MakeSeed()
	row, other := make([]byte, 0, 4*s.D), make([]byte, 0, 4*s.D)
	count := 0
	for i := range s.N {
		row = appendBits(row[:0], s.Row(i))
		h := maphash.Bytes(seed, row)
		j, seen := first[h]
		if !seen {
			first[h] = i
		} else if other = appendBits(other[:0], s.Row(j)); bytes.Equal(row, other) {
			count++
		}
	}
	return count
}

func appendBits(b []byte, x []float32) []byte {
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}
