package detect

import (
	"math"
	"slices"

	"github.com/oodflow/oodflow/features"
)

// head is the classifier's last linear layer, and the part shared by the detectors that compute logits with it anew
// from features which they have changed.
type head struct {
	c, d int
	w    []float64 // d×c, the weights transposed: column j is class j
	b    []float64 // c
}

// fitHead takes the head out of train, which must have at least least classes.
func fitHead(name string, train *features.Set, least int) (head, error) {
	switch {
	case train.Head == nil:
		return head{}, &NeedsError{Detector: name, What: "the classifier's last linear layer"}
	case train.Head.C < least:
		return head{}, &NeedsError{Detector: name, What: "a classifier of two or more classes"}
	}
	return newHead(train.Head.C, train.D, train.Head.W, train.Head.B), nil
}

// newHead returns the head with the c×d weights w and the biases b.
func newHead(c, d int, w, b []float32) head {
	h := head{c: c, d: d, w: make([]float64, c*d), b: make([]float64, c)}
	for k := range c {
		h.b[k] = float64(b[k])
		for j, v := range w[k*d : (k+1)*d] {
			h.w[j*c+k] = float64(v)
		}
	}
	return h
}

// Dim returns the number of features per image.
func (h *head) Dim() int { return h.d }

// weights returns the c×d weights.
func (h *head) weights() []float64 {
	w := make([]float64, len(h.w))
	for k := range h.c {
		for j := range h.d {
			w[k*h.d+j] = h.w[j*h.c+k]
		}
	}
	return w
}

// logits writes the n×c logits W·z + b of the n×d features z to dst.
func (h *head) logits(dst, z []float64, n int) {
	multiply(dst, z, h.w, n, h.d, h.c)
	for i := range n {
		for k, b := range h.b {
			dst[i*h.c+k] += b
		}
	}
}

// score applies shape, unless it is nil, to the features z of each image, computes the logits l of what that left, and
// takes one(z, l) for the score. Features that are not finite are an error that names the image. Both functions are
// called from several goroutines and may change what they are given.
func (h *head) score(dst []float64, s *features.Set, shape func(z []float64), one func(z, l []float64) float64) ([]float64, error) {
	if err := checkFeatures(s, h.d); err != nil {
		return nil, err
	}
	if err := checkFinite(s); err != nil {
		return nil, err
	}
	dst = grow(dst, s.N)
	rows := rows64{s: s}
	z := make([]float64, min(scoreTile, s.N)*h.d)
	l := make([]float64, min(scoreTile, s.N)*h.c)
	for from := 0; from < s.N; from += scoreTile {
		n := min(scoreTile, s.N-from)
		parallel(n, func(a, b int) {
			for i := a; i < b; i++ {
				row := z[i*h.d : (i+1)*h.d]
				rows.row(row, from+i)
				if shape != nil {
					shape(row)
				}
			}
		})
		h.logits(l, z, n)
		parallel(n, func(a, b int) {
			for i := a; i < b; i++ {
				dst[from+i] = one(z[i*h.d:(i+1)*h.d], l[i*h.c:(i+1)*h.c])
			}
		})
	}
	return dst, checkScores(dst, s)
}

// energy scores features by the free energy −log Σ_c exp(l_c) of their logits after shape.
func (h *head) energy(dst []float64, s *features.Set, shape func(z []float64)) ([]float64, error) {
	return h.score(dst, s, shape, func(_, l []float64) float64 { return -logSumExp(l) })
}

// checkFinite returns an error that names the first image with a feature that is NaN or Inf.
func checkFinite(s *features.Set) error {
	return features.NameRow(features.CheckFinite(s.Features, s.D), func(row int) (int, string) { return row, imageID(s, row) })
}

// logSumExp returns log Σ_c exp(l_c).
func logSumExp(l []float64) float64 {
	m := slices.Max(l) // NaN stays
	var sum float64
	for _, v := range l {
		sum += math.Exp(v - m)
	}
	return m + math.Log(sum)
}

func (h *head) encode(e *encoder) {
	e.narrow("head.weight", h.weights(), h.c, h.d)
	e.narrow("head.bias", h.b, h.c)
}

func decodeHead(d *decoder) (head, error) {
	shape, err := d.shape("head.weight", 2)
	if err != nil {
		return head{}, err
	}
	w, err := d.float32("head.weight", shape...)
	if err != nil {
		return head{}, err
	}
	b, err := d.float32("head.bias", shape[0])
	if err != nil {
		return head{}, err
	}
	return newHead(shape[0], shape[1], w, b), nil
}
