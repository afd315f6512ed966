package detect

import (
	"errors"
	"fmt"
	"math"

	"github.com/oodflow/oodflow/features"
	"gonum.org/v1/gonum/mat"
)

// subspace is what the training features hardly ever use: the space across their principal directions, seen from the point
// where the classifier's logits are as small as they can be together.
type subspace struct {
	d, rank int
	origin  []float64 // d, u = −W⁺·b
	basis   []float64 // d×rank, orthonormal columns: the eigenvectors of the smallest eigenvalues
	typical float64   // mean of ‖(z − u)·basis‖ over the training images, above 0
}

// principal is how many of d dimensions count as principal: ViM's choice as OpenOOD has it.
func principal(d int) int {
	switch {
	case d >= 2048:
		return 1000
	case d >= 768:
		return 512
	}
	return d / 2
}

// fitSubspace finds the subspace for the features of train and the head h. Where the features do not reach all the
// dimensions that should be principal, half of those that they reach are, with a warning.
func fitSubspace(name string, train *features.Set, h *head) (*subspace, []string, error) {
	if train.N == 0 {
		return nil, nil, &NeedsError{Detector: name, What: "at least one image"}
	}
	u, err := origin(h)
	if err != nil {
		return nil, nil, fmt.Errorf("fit %s: %w", name, err)
	}
	values, vectors, err := principalAxes(train, u)
	if err != nil {
		return nil, nil, fmt.Errorf("fit %s: %w", name, err)
	}
	var warnings []string
	d, top, reached := train.D, principal(train.D), 0
	for _, v := range values {
		if v > float64(d)*0x1p-52*values[d-1] {
			reached++
		}
	}
	if reached <= top {
		warnings = append(warnings, fmt.Sprintf("%s: the training features span %d of %d dimensions, so %d instead of %d are taken for principal",
			name, reached, d, reached/2, top))
		top = reached / 2
	}
	s := &subspace{d: d, rank: d - top, origin: u}
	s.basis = mat.DenseCopyOf(vectors.Slice(0, d, 0, s.rank)).RawMatrix().Data
	norms, err := s.norms(nil, train)
	if err != nil {
		return nil, nil, fmt.Errorf("fit %s: %w", name, err)
	}
	for _, v := range norms {
		s.typical += v / float64(train.N)
	}
	return s, warnings, nil
}

// origin returns −W⁺·b. Where W is well-conditioned a QR factorisation tells it, which for a thousand classes takes a
// thirtieth of the time of the singular values.
func origin(h *head) ([]float64, error) {
	columns := mat.NewDense(h.d, h.c, h.w) // W transposed
	b := mat.NewVecDense(h.c, nil)
	b.ScaleVec(-1, mat.NewVecDense(h.c, h.b))
	var qr mat.QR
	if h.c <= h.d {
		qr.Factorize(columns)
	} else {
		qr.Factorize(columns.T())
	}
	if !(qr.Cond() <= maxCondition) {
		return originBySVD(h)
	}
	var u mat.VecDense
	if err := qr.SolveVecTo(&u, h.c <= h.d, b); err != nil {
		return nil, fmt.Errorf("invert the classifier's last layer: %w", err)
	}
	return u.RawVector().Data, nil
}

// originBySVD returns −W⁺·b. Singular values of at most max(c, d)·2⁻⁵² of the largest count as zero, as in NumPy's
// matrix_rank.
func originBySVD(h *head) ([]float64, error) {
	var svd mat.SVD
	if !svd.Factorize(mat.NewDense(h.d, h.c, h.w), mat.SVDThin) { // W transposed
		return nil, errors.New("the singular values of the classifier's last layer did not converge")
	}
	var left, right mat.Dense
	svd.UTo(&left)
	svd.VTo(&right)
	values := svd.Values(nil)
	u := make([]float64, h.d)
	for k, v := range values {
		if !(v > float64(max(h.c, h.d))*0x1p-52*values[0]) {
			break
		}
		var along float64
		for c, b := range h.b {
			along += right.At(c, k) * b
		}
		for j := range u {
			u[j] -= left.At(j, k) * along / v
		}
	}
	return u, nil
}

// principalAxes returns the eigenvalues, ascending, and eigenvectors of the mean over the images of (z − u)(z − u)ᵀ.
func principalAxes(train *features.Set, u []float64) ([]float64, *mat.Dense, error) {
	d := train.D
	m := moments{center: u, means: make([]float64, d), cov: make([]float64, d*d)}
	m.addCovariance(rows64{s: train}, oneClass(train.N))
	sigma := mat.NewSymDense(d, nil)
	for i := range d {
		for j := i; j < d; j++ {
			v := m.cov[i*d+j] / float64(train.N)
			if !finite(v) {
				return nil, nil, errors.New("the covariance is not finite: the features hold NaN, Inf or numbers too large")
			}
			sigma.SetSym(i, j, v)
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(sigma, true) {
		return nil, nil, errors.New("the eigenvalues of the covariance did not converge")
	}
	values := eigen.Values(nil)
	if !(values[d-1] > 0) {
		return nil, nil, errors.New("the features do not vary")
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	return values, &vectors, nil
}

// norms writes ‖(z − u)·basis‖ of every image of s to dst.
func (p *subspace) norms(dst []float64, s *features.Set) ([]float64, error) {
	if err := checkFeatures(s, p.d); err != nil {
		return nil, err
	}
	dst = grow(dst, s.N)
	rows := rows64{s: s}
	z := make([]float64, min(scoreTile, s.N)*p.d)
	y := make([]float64, min(scoreTile, s.N)*p.rank)
	for from := 0; from < s.N; from += scoreTile {
		n := min(scoreTile, s.N-from)
		rows.centered(z, from, n, p.origin)
		multiply(y, z, p.basis, n, p.d, p.rank)
		for i := range n {
			dst[from+i] = length(y[i*p.rank : (i+1)*p.rank])
		}
	}
	return dst, checkScores(dst, s)
}

// length returns the L2 norm of x.
func length(x []float64) float64 {
	var sum float64
	for _, v := range x {
		sum += v * v
	}
	return math.Sqrt(sum)
}

func (p *subspace) encode(e *encoder) {
	e.float64("origin", p.origin, p.d)
	e.float64("residual", p.basis, p.d, p.rank)
}

func decodeSubspace(d *decoder) (*subspace, error) {
	shape, err := d.shape("residual", 2)
	if err != nil {
		return nil, err
	}
	p := &subspace{d: shape[0], rank: shape[1]}
	if p.origin, err = d.float64("origin", p.d); err != nil {
		return nil, err
	}
	p.basis, err = d.float64("residual", p.d, p.rank)
	return p, err
}
