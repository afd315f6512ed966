package detect

import (
	"fmt"
	"math"

	"github.com/oodflow/oodflow/features"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
)

// Mahalanobis scores by the distance to the nearest class mean in the metric of the classes' shared covariance:
//
//	score = min_c (z − μ_c)ᵀ Σ⁺ (z − μ_c),  Σ = (1/N) Σ_i (z_i − μ_c(i))(z_i − μ_c(i))ᵀ,
//
// with Σ⁺ the pseudo-inverse (see whitening for its cut). All is computed in float64. It needs features and either
// labels or logits: images without a label (-1) are left out, and where there are no labels at all the predicted
// classes stand in, which [Warnings] mentions. Lee et al., arXiv:1807.03888 ("MDS").
//
// As mahalanobis++ every vector is divided by its L2 norm first, the training vectors included. Müller and Hein,
// arXiv:2505.18032.
type Mahalanobis struct {
	normalize bool
	d, rank   int
	center    []float64 // d; subtracted first, so that large common offsets cost no digits
	whiten    []float64 // d×rank: whitenᵀ·(z − center) has identity covariance within the classes
	means     []float64 // classes×rank, the class means so whitened
	warned              // what was peculiar about the labels
}

var _ Detector = (*Mahalanobis)(nil)

// FitMahalanobis fits the class means and the shared covariance of train, on L2-normalised features
// (mahalanobis++) if normalize is set. Without labels and logits the error is a *NeedsError. Features that do not
// vary within any class are an error, and so is a zero vector if normalize is set.
func FitMahalanobis(train *features.Set, normalize bool) (*Mahalanobis, error) {
	m := &Mahalanobis{normalize: normalize, d: train.D}
	c, warnings, err := classesOf(m.Name(), train.Labels, train.Predicted())
	if err != nil {
		return nil, err
	}
	m.warn = warnings
	if err := m.fit(train, c); err != nil {
		return nil, fmt.Errorf("fit %s: %w", m.Name(), err)
	}
	return m, nil
}

// fit fits m to the images of train in the given classes.
func (m *Mahalanobis) fit(train *features.Set, c classes) error {
	rows, err := m.source(train)
	if err != nil {
		return err
	}
	mom := newMoments(rows, c)
	white, rank, err := whitening(mom.cov, m.d)
	if err != nil {
		return err
	}
	m.center, m.whiten, m.rank = mom.center, white, rank
	m.means = make([]float64, c.count*rank)
	multiply(m.means, mom.means, white, c.count, m.d, rank)
	return nil
}

// Name returns "mahalanobis" or "mahalanobis++".
func (m *Mahalanobis) Name() string {
	if m.normalize {
		return "mahalanobis++"
	}
	return "mahalanobis"
}

// Dim returns the number of features per image.
func (m *Mahalanobis) Dim() int { return m.d }

// Normalizes tells whether this is mahalanobis++.
func (m *Mahalanobis) Normalizes() bool { return m.normalize }

// scoreTile is the number of rows that are whitened at a time.
const scoreTile = 256

// Score implements [Detector].
func (m *Mahalanobis) Score(dst []float64, s *features.Set) ([]float64, error) {
	if err := checkFeatures(s, m.d); err != nil {
		return nil, err
	}
	rows, err := m.source(s)
	if err != nil {
		return nil, err
	}
	dst = grow(dst, s.N)
	x := make([]float64, scoreTile*m.d)
	y := make([]float64, scoreTile*m.rank)
	for from := 0; from < s.N; from += scoreTile {
		n := min(scoreTile, s.N-from)
		rows.centered(x, from, n, m.center)
		multiply(y, x, m.whiten, n, m.d, m.rank)
		parallel(n, func(a, b int) {
			for i := a; i < b; i++ {
				dst[from+i] = m.nearestMean(y[i*m.rank : (i+1)*m.rank])
			}
		})
	}
	return dst, checkScores(dst, s)
}

// source returns the rows of s as the method sees them.
func (m *Mahalanobis) source(s *features.Set) (rows64, error) {
	r := rows64{s: s}
	if !m.normalize {
		return r, nil
	}
	var err error
	r.norms, err = norms(s)
	return r, err
}

// nearestMean returns the smallest squared distance of a whitened vector to a class mean.
func (m *Mahalanobis) nearestMean(y []float64) float64 {
	best := math.Inf(1)
	for from := 0; from < len(m.means); from += m.rank {
		best = min(best, squaredDistance(y, m.means[from:from+m.rank]))
	}
	return best
}

// squaredDistance sums in four strands, which the processor can add side by side.
func squaredDistance(a, b []float64) float64 {
	var s0, s1, s2, s3 float64
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		d0, d1, d2, d3 := a[i]-b[i], a[i+1]-b[i+1], a[i+2]-b[i+2], a[i+3]-b[i+3]
		s0 += d0 * d0
		s1 += d1 * d1
		s2 += d2 * d2
		s3 += d3 * d3
	}
	for ; i < len(a); i++ {
		s0 += (a[i] - b[i]) * (a[i] - b[i])
	}
	return s0 + s1 + s2 + s3
}

// multiply writes the product of the n×k matrix a and the k×m matrix b to dst. With neither transposed, gonum adds up each
// row in the same order whatever the number of rows, so that a score does not depend on its batch.
func multiply(dst, a, b []float64, n, k, m int) {
	mat := func(rows, cols int, x []float64) blas64.General {
		return blas64.General{Rows: rows, Cols: cols, Stride: cols, Data: x[:rows*cols]}
	}
	blas64.Gemm(blas.NoTrans, blas.NoTrans, 1, mat(n, k, a), mat(k, m, b), 0, mat(n, m, dst))
}

func (m *Mahalanobis) encode(e *encoder) { m.encodeAs(e, "") }

// encodeAs puts prefix in front of the tensors' names.
func (m *Mahalanobis) encodeAs(e *encoder, prefix string) {
	e.float64(prefix+"center", m.center, m.d)
	e.float64(prefix+"whiten", m.whiten, m.d, m.rank)
	e.float64(prefix+"means", m.means, len(m.means)/m.rank, m.rank)
}

func decodeMahalanobis(d *decoder, prefix string, normalize bool) (*Mahalanobis, error) {
	white, err := d.shape(prefix+"whiten", 2)
	if err != nil {
		return nil, err
	}
	means, err := d.shape(prefix+"means", 2)
	if err != nil {
		return nil, err
	}
	m := &Mahalanobis{normalize: normalize, d: white[0], rank: white[1]}
	if m.center, err = d.float64(prefix+"center", m.d); err != nil {
		return nil, err
	}
	if m.whiten, err = d.float64(prefix+"whiten", m.d, m.rank); err != nil {
		return nil, err
	}
	m.means, err = d.float64(prefix+"means", means[0], m.rank)
	return m, err
}
