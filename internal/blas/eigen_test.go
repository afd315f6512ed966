package blas

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/lapack"
	lapackgonum "gonum.org/v1/gonum/lapack/gonum"
	"gonum.org/v1/gonum/mat"

	"github.com/oodflow/oodflow/internal/dl"
)

// eigensolvers are those of the libraries that have one. That it was refused is not to be skipped over.
func eigensolvers(t testing.TB) map[string]eigensolver {
	t.Helper()
	found := map[string]eigensolver{}
	for _, l := range libraries(t) {
		if l.double.syevd != 0 {
			found[l.choice.Name+" "+l.choice.Library] = eigensolver{lib: l}
		}
		for _, w := range l.choice.Warnings {
			if strings.Contains(w, "eigen") {
				t.Error(w)
			}
		}
	}
	if len(found) == 0 {
		t.Skip("this machine's BLAS libraries have no LAPACK")
	}
	return found
}

// symmetric is a random n×n matrix by rows of the given rank, scaled, with gaps of NaN behind the rows and NaN for
// the triangle that is not meant.
func symmetric(seed uint64, ul blas.Uplo, n, lda, rank int, scale float64) []float64 {
	r := rand.New(rand.NewPCG(seed, 6))
	factors, weights := random[float64](r, n*rank), random[float64](r, rank)
	a := make([]float64, (n-1)*lda+n)
	for i := range a {
		a[i] = math.NaN()
	}
	for i := range n {
		for j := range n {
			if ul == blas.Upper && j < i || ul == blas.Lower && j > i {
				continue
			}
			a[i*lda+j] = 0
			for k := range rank {
				a[i*lda+j] += factors[i*rank+k] * weights[k] * factors[j*rank+k] * scale
			}
		}
	}
	return a
}

// TestEigen: vectors and values solve the problem, and the values are gonum's, for matrices that are regular, of
// lesser rank (as the covariance of features that never light up), zero, and so small or
// large that squares are not numbers, where gonum's own panics.
func TestEigen(t *testing.T) {
	for name, e := range eigensolvers(t) {
		for i, n := range []int{1, 2, 3, 17, 200} {
			for _, rank := range []int{n, (n + 2) / 3, 0} {
				for _, scale := range []float64{1, 0x1p-660, 0x1p660} {
					ul, lda := triangles[(i+rank)%2], n+i%3
					a := symmetric(uint64(i), ul, n, lda, rank, scale)
					what := fmt.Sprintf("%s: %c, n %d, stride %d, rank %d, scale %v", name, ul, n, lda, rank, scale)
					if err := proveSolution(e, ul, n, a, lda, 1e-12); err != nil {
						t.Errorf("%s: %v", what, err)
					}
					got := valuesOf(t, e, ul, n, a, lda)
					want := valuesOf(t, lapackgonum.Implementation{}, ul, n, symmetric(uint64(i), ul, n, lda, rank, 1), lda)
					norm := max(math.Abs(want[0]), math.Abs(want[n-1]))
					for k := range want {
						if !(math.Abs(got[k]/scale-want[k]) <= 1e-12*norm) {
							t.Errorf("%s: eigenvalue %d is %v, gonum has %v unscaled", what, k, got[k], want[k])
						}
					}
				}
			}
		}
	}
}

func valuesOf(t *testing.T, e lapack.Float64, ul blas.Uplo, n int, a []float64, lda int) []float64 {
	t.Helper()
	values, work := make([]float64, n), make([]float64, 3*n)
	if !e.Dsyev(lapack.EVNone, ul, n, slices.Clone(a), lda, values, work, len(work)) {
		t.Fatal("the eigenvalues do not converge")
	}
	return values
}

// TestEigenLeft: queries, panics, and what is empty or not finite are gonum's.
func TestEigenLeft(t *testing.T) {
	x := func(n int) []float64 { return make([]float64, n) }
	const U, V = blas.Upper, lapack.EVCompute
	for name, e := range eigensolvers(t) {
		for what, f := range map[string]func(e lapack.Float64){
			"job":            func(e lapack.Float64) { e.Dsyev('X', U, 2, x(4), 2, x(2), x(6), 6) },
			"triangle":       func(e lapack.Float64) { e.Dsyev(V, 'X', 2, x(4), 2, x(2), x(6), 6) },
			"negative n":     func(e lapack.Float64) { e.Dsyev(V, U, -2, x(4), 2, x(2), x(6), 6) },
			"stride":         func(e lapack.Float64) { e.Dsyev(V, U, 2, x(4), 1, x(2), x(6), 6) },
			"short A":        func(e lapack.Float64) { e.Dsyev(V, U, 2, x(3), 2, x(2), x(6), 6) },
			"short values":   func(e lapack.Float64) { e.Dsyev(V, U, 2, x(4), 2, x(1), x(6), 6) },
			"little work":    func(e lapack.Float64) { e.Dsyev(V, U, 2, x(4), 2, x(2), x(6), 4) },
			"short work":     func(e lapack.Float64) { e.Dsyev(V, U, 2, x(4), 2, x(2), x(4), 6) },
			"short for wish": func(e lapack.Float64) { e.Dsyev(V, U, 2, x(4), 2, x(2), x(0), -1) },
		} {
			want, got := panicOf(func() { f(lapackgonum.Implementation{}) }), panicOf(func() { f(e) })
			if want == nil || got != want {
				t.Errorf("%s, %s: panics with %v, gonum with %v", name, what, got, want)
			}
		}
		var wish, gonums [1]float64
		lapackgonum.Implementation{}.Dsyev(V, U, 100, nil, 100, nil, gonums[:], -1)
		e.Dsyev(V, U, 100, nil, 100, nil, wish[:], -1)
		if wish != gonums || wish[0] < 299 {
			t.Errorf("%s: wants workspace %v, gonum %v", name, wish, gonums)
		}
		if !e.Dsyev(V, U, 0, nil, 1, nil, x(1), 1) {
			t.Errorf("%s: nothing has no eigenvalues", name)
		}
		for _, wrong := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			for _, ul := range triangles {
				a := symmetric(1, ul, 30, 30, 30, 1)
				at := 3*30 + 20
				if ul == blas.Lower {
					at = 20*30 + 3
				}
				if !eigenFits(V, ul, 30, a, 30, x(30), x(90), 90) {
					t.Errorf("%s: what fits is left to gonum", name)
				}
				if a[at] = wrong; eigenFits(V, ul, 30, a, 30, x(30), x(90), 90) {
					t.Errorf("%s: %v is handed over", name, wrong)
				}
			}
		}
	}
}

// TestEigenConcurrent: several goroutines at once get the bits that each gets alone.
func TestEigenConcurrent(t *testing.T) {
	for name, e := range eigensolvers(t) {
		var wait sync.WaitGroup
		for i, n := range []int{40, 90, 150, 151} {
			a := symmetric(uint64(i), blas.Upper, n, n, n, 1)
			solve := func() []float64 {
				v, work := slices.Clone(a), make([]float64, 4*n)
				if !e.Dsyev(lapack.EVCompute, blas.Upper, n, v, n, work[3*n:], work[:3*n], 3*n) {
					t.Errorf("%s: n %d does not converge", name, n)
				}
				return append(v, work[3*n:]...)
			}
			want := solve()
			wait.Go(func() {
				for range 5 {
					if !slices.Equal(solve(), want) {
						t.Errorf("%s: n %d has other bits", name, n)
						return
					}
				}
			})
		}
		wait.Wait()
	}
}

// TestEigenInstalled: gonum's matrices are solved by the library that was picked.
func TestEigenInstalled(t *testing.T) {
	const n = 90
	if _, err := Use(); err != nil {
		t.Fatal(err)
	}
	e := eigensolver{lib: Split().lib}
	if e.lib == nil || e.lib.double.syevd == 0 {
		t.Skip("the library that was picked has no LAPACK")
	}
	a := symmetric(1, blas.Upper, n, n, n, 1)
	var eigen mat.EigenSym
	if !eigen.Factorize(mat.NewSymDense(n, slices.Clone(a)), true) {
		t.Fatal("it does not converge")
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	values, work := make([]float64, n), make([]float64, 3*n)
	e.Dsyev(lapack.EVCompute, blas.Upper, n, a, n, values, work, len(work))
	if !slices.Equal(vectors.RawMatrix().Data, a) || !slices.Equal(eigen.Values(nil), values) {
		t.Error("gonum does not use the library's eigenvectors")
	}
}

// TestEigenRefused: a library whose eigenvalues are wrong keeps its products, and gonum computes the eigenvalues.
func TestEigenRefused(t *testing.T) {
	for name, e := range eigensolvers(t) {
		handle, err := dl.Open(e.lib.choice.Library)
		if err != nil {
			t.Fatal(err)
		}
		right, warnings := e.lib.double.syevd, e.lib.choice.Warnings
		if e.lib.double.syevd = dl.Symbol(handle, "sched_yield"); e.lib.double.syevd == 0 {
			t.Fatal("the system has no function that does nothing")
		}
		err = e.lib.prove()
		if err != nil || e.lib.double.syevd != 0 || len(e.lib.choice.Warnings) != len(warnings)+1 {
			t.Errorf("%s: a function that does nothing passes: %v, %v", name, e.lib.choice.Warnings, err)
		}
		if err := proveEigen(e); err != nil {
			t.Errorf("%s: gonum does not stand in: %v", name, err)
		}
		e.lib.double.syevd, e.lib.choice.Warnings = right, warnings
	}
	for name, wrong := range map[string]func(n int, a []float64, lda int, w []float64){
		"vectors by rows":    func(n int, a []float64, lda int, _ []float64) { transposeSquare(n, a, lda) },
		"a vector's length":  func(n int, a []float64, lda int, _ []float64) { a[0] *= 1.01 },
		"an eigenvalue":      func(n int, _ []float64, _ int, w []float64) { w[n/2] += 1e-9 },
		"NaN for a value":    func(n int, _ []float64, _ int, w []float64) { w[n-1] = math.NaN() },
		"what lies between":  func(n int, a []float64, lda int, _ []float64) { a[n] = 1 },
		"descending numbers": func(_ int, _ []float64, _ int, w []float64) { slices.Reverse(w) },
	} {
		if proveEigen(spoiled{spoil: wrong}) == nil {
			t.Errorf("%s: it passes", name)
		}
	}
}

// spoiled is gonum's LAPACK with one thing wrong about the eigenvectors that it returns.
type spoiled struct {
	lapackgonum.Implementation
	spoil func(n int, a []float64, lda int, w []float64)
}

func (s spoiled) Dsyev(jobz lapack.EVJob, ul blas.Uplo, n int, a []float64, lda int, w, work []float64, lwork int) bool {
	ok := s.Implementation.Dsyev(jobz, ul, n, a, lda, w, work, lwork)
	if jobz == lapack.EVCompute {
		s.spoil(n, a, lda, w)
	}
	return ok
}
