package blas

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"

	"github.com/oodflow/oodflow/internal/dl"
)

// libraries returns the libraries that this machine has, whichever they are, and the one that the environment names.
func libraries(t testing.TB) []*library {
	t.Helper()
	var found []*library
	add := func(p *picked) {
		if p == nil || p.implementation.lib == nil {
			return
		}
		for _, l := range found {
			if l.choice.Library == p.choice.Library {
				return
			}
		}
		found = append(found, p.implementation.lib)
	}
	if dl.Native {
		for _, k := range kinds() {
			p, _ := first(k.candidates())
			add(p)
		}
		if p, err := pick(environment()); err == nil {
			add(&p)
		}
	}
	if len(found) == 0 {
		t.Skip("this machine has no BLAS library")
	}
	return found
}

// implementations are a library's, once as it is and split between several numbers of goroutines.
func implementations(l *library) []Implementation {
	var all []Implementation
	for _, parts := range []int{1, 2, 3, 8} {
		all = append(all, Implementation{lib: l, parts: parts})
	}
	return all
}

// TestAgainstGonum draws shapes, strides, factors and modes; every routine must leave all of its result, the gaps
// between the rows included, as gonum does.
func TestAgainstGonum(t *testing.T) {
	for _, l := range libraries(t) {
		t.Run(l.choice.Name, func(t *testing.T) {
			rounds := 150
			if testing.Short() {
				rounds = 100
			}
			var single []level3[float32]
			var double []level3[float64]
			for _, b := range implementations(l) {
				single, double = append(single, level3Of32(b)), append(double, level3Of64(b))
			}
			for seed := range uint64(rounds) {
				compareAll(t, seed, single, level3Of32(gonum.Implementation{}), 2e-5)
				compareAll(t, seed, double, level3Of64(gonum.Implementation{}), 1e-13)
			}
		})
	}
}

// compareAll runs each routine once, in a mode and at a size that the seed decides.
func compareAll[T number](t *testing.T, seed uint64, got []level3[T], want level3[T], tolerance float64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	large := seed%2 == 0
	m, n, k := extent(r, large), extent(r, large), extent(r, large)
	tA, tB := pickOne(r, blas.NoTrans, blas.Trans, blas.ConjTrans), pickOne(r, blas.NoTrans, blas.Trans, blas.ConjTrans)
	ul, s, d := pickOne(r, triangles...), pickOne(r, sides...), pickOne(r, diagonals...)
	alpha, beta := pickOne[T](r, 1, -0.7, 0), pickOne[T](r, 0, 1, 0.3)
	what := fmt.Sprintf("seed %d: m %d n %d k %d, tA %c tB %c ul %c side %c diag %c, alpha %v beta %v", seed, m, n, k, tA, tB, ul, s, d, alpha, beta)

	check := func(name string, length int, nan bool, run func(l level3[T], c []T)) {
		t.Helper()
		start := random[T](r, length)
		if nan {
			for i := range start {
				start[i] = T(math.NaN())
			}
		}
		y := slices.Clone(start)
		run(want, y)
		for _, g := range got {
			x := slices.Clone(start)
			run(g, x)
			for i := range x {
				if x[i] != y[i] && !(math.Abs(float64(x[i]-y[i])) <= tolerance*float64(k+10)) && !(x[i] != x[i] && y[i] != y[i]) {
					t.Fatalf("%s, %s: element %d is %v, gonum has %v", name, what, i, x[i], y[i])
				}
			}
		}
	}

	a, lda := matrix[T](r, tA, m, k)
	bm, ldb := matrix[T](r, tB, k, n)
	ldc := n + 1 + r.IntN(4)
	check("gemm", m*ldc, beta == 0, func(l level3[T], c []T) { l.gemm(tA, tB, m, n, k, alpha, a, lda, bm, ldb, beta, c, ldc) })

	a, lda = matrix[T](r, tA, n, k)
	check("syrk", n*ldc, false, func(l level3[T], c []T) { l.syrk(ul, tA, n, k, alpha, a, lda, beta, c, ldc) })

	order := n
	if s == blas.Left {
		order = m
	}
	a, lda = matrix[T](r, blas.NoTrans, order, order)
	for i := range a { // solving shall lose no digits
		a[i] /= T(order)
	}
	for i := range order {
		a[i*lda+i] += 2
	}
	check("trsm", m*ldc, false, func(l level3[T], c []T) { l.trsm(s, ul, tA, d, m, n, alpha, a, lda, c, ldc) })
	check("trmm", m*ldc, false, func(l level3[T], c []T) { l.trmm(s, ul, tA, d, m, n, alpha, a, lda, c, ldc) })
}

// extent is a size, on demand one that makes for splitting, else small, and 0 or 1 at times.
func extent(r *rand.Rand, large bool) int {
	if large {
		return 64 + r.IntN(190)
	}
	return max(0, r.IntN(70)-5)
}

func pickOne[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func random[T number](r *rand.Rand, n int) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = T(r.Float64()*2 - 1)
	}
	return x
}

// matrix is one that op makes r×c, with some room between the rows and no more behind the last than gonum asks for.
func matrix[T number](rnd *rand.Rand, op blas.Transpose, r, c int) ([]T, int) {
	r, c = turned(op, r, c)
	stride := max(1, c+rnd.IntN(4))
	if r == 0 {
		return nil, stride
	}
	return random[T](rnd, (r-1)*stride+c), stride
}

// TestNaN covers what a factor of 0 has to clear in syrk, where gonum lets NaN through.
func TestNaN(t *testing.T) {
	const n, k = 150, 60
	a := random[float64](rand.New(rand.NewPCG(1, 2)), n*k)
	for _, l := range libraries(t) {
		for i, b := range implementations(l) {
			ul := triangles[i%2]
			got, want := make([]float64, n*n), make([]float64, n*n)
			for i := range got {
				got[i] = math.NaN()
			}
			b.Dsyrk(ul, blas.NoTrans, n, k, 1, a, k, 0, got, n)
			gonum.Implementation{}.Dsyrk(ul, blas.NoTrans, n, k, 1, a, k, 0, want, n)
			for i := range n {
				for j := range n {
					within := j >= i
					if ul == blas.Lower {
						within = j <= i
					}
					if x := got[i*n+j]; within && !(math.Abs(x-want[i*n+j]) < 1e-12) || !within && x == x {
						t.Fatalf("%c: element %d, %d is %v, gonum has %v", ul, i, j, x, want[i*n+j])
					}
				}
			}
		}
	}
}

// TestFits: the library gets what lies in its slice without room to spare; gonum would be right and slow.
func TestFits(t *testing.T) {
	const N, T = blas.NoTrans, blas.Trans
	if !gemmFits(N, N, 3, 4, 5, 2*7+5, 7, 4*8+4, 8, 2*9+4, 9) || !gemmFits(T, T, 3, 4, 5, 4*7+3, 7, 3*8+5, 8, 2*9+4, 9) ||
		!syrkFits(blas.Upper, N, 3, 5, 2*7+5, 7, 2*4+3, 4) || !triangularFits(blas.Left, blas.Lower, T, blas.Unit, 3, 4, 2*5+3, 5, 2*6+4, 6) {
		t.Error("a matrix that fits is left to gonum")
	}
	if gemmFits(N, N, 1<<31, 1, 1, 1<<31, 1, 1, 1, 1<<31, 1) {
		t.Error("a size beyond 32 bits is handed over")
	}
}

// TestPanics: what is out of shape panics with gonum's own words.
func TestPanics(t *testing.T) {
	x := make([]float32, 6)
	y := make([]float64, 6)
	const N, T, U, L, D = blas.NoTrans, blas.Trans, blas.Upper, blas.Left, blas.NonUnit
	calls := map[string]func(s blas.Float32, d blas.Float64){
		"transpose of A": func(s blas.Float32, _ blas.Float64) { s.Sgemm('X', N, 2, 2, 2, 1, x, 2, x, 2, 0, x, 2) },
		"transpose of B": func(_ blas.Float32, d blas.Float64) { d.Dgemm(N, 'X', 2, 2, 2, 1, y, 2, y, 2, 0, y, 2) },
		"negative m":     func(s blas.Float32, _ blas.Float64) { s.Sgemm(N, N, -2, 2, 2, 1, x, 2, x, 2, 0, x, 2) },
		"negative k":     func(s blas.Float32, _ blas.Float64) { s.Sgemm(N, N, 2, 2, -2, 1, x, 2, x, 2, 0, x, 2) },
		"stride of A":    func(s blas.Float32, _ blas.Float64) { s.Sgemm(N, N, 2, 2, 3, 1, x, 2, x, 2, 0, x, 2) },
		"stride of Aᵀ":   func(s blas.Float32, _ blas.Float64) { s.Sgemm(T, N, 3, 2, 2, 1, x, 2, x, 2, 0, x, 2) },
		"stride of B":    func(s blas.Float32, _ blas.Float64) { s.Sgemm(N, N, 2, 3, 2, 1, x, 2, x, 2, 0, x, 3) },
		"stride of C":    func(s blas.Float32, _ blas.Float64) { s.Sgemm(N, N, 2, 3, 2, 1, x, 2, x, 3, 0, x, 2) },
		"short A":        func(s blas.Float32, _ blas.Float64) { s.Sgemm(N, N, 4, 1, 2, 1, x, 2, x, 1, 0, x, 1) },
		"short Bᵀ":       func(s blas.Float32, _ blas.Float64) { s.Sgemm(N, T, 1, 4, 2, 1, x, 2, x, 2, 0, x, 4) },
		"short C":        func(_ blas.Float32, d blas.Float64) { d.Dgemm(N, N, 3, 3, 2, 1, y, 2, y, 3, 0, y, 3) },
		"syrk triangle":  func(s blas.Float32, _ blas.Float64) { s.Ssyrk('X', N, 2, 2, 1, x, 2, 0, x, 2) },
		"syrk stride":    func(_ blas.Float32, d blas.Float64) { d.Dsyrk(U, N, 2, 3, 1, y, 2, 0, y, 2) },
		"syrk short C":   func(s blas.Float32, _ blas.Float64) { s.Ssyrk(U, N, 3, 1, 1, x, 1, 0, x, 3) },
		"trsm side":      func(s blas.Float32, _ blas.Float64) { s.Strsm('X', U, N, D, 2, 2, 1, x, 2, x, 2) },
		"trsm diagonal":  func(_ blas.Float32, d blas.Float64) { d.Dtrsm(L, U, N, 'X', 2, 2, 1, y, 2, y, 2) },
		"trsm short A":   func(s blas.Float32, _ blas.Float64) { s.Strsm(L, U, N, D, 3, 1, 1, x, 3, x, 1) },
		"trmm stride":    func(_ blas.Float32, d blas.Float64) { d.Dtrmm(blas.Right, U, N, D, 2, 3, 1, y, 2, y, 3) },
		"trmm short B":   func(s blas.Float32, _ blas.Float64) { s.Strmm(L, U, N, D, 2, 4, 1, x, 2, x, 4) },
		"trmm short A":   func(_ blas.Float32, d blas.Float64) { d.Dtrmm(blas.Right, U, N, D, 1, 3, 1, y, 3, y, 3) },
	}
	for _, l := range libraries(t) {
		b := Implementation{lib: l, parts: 2}
		for name, f := range calls {
			want := panicOf(func() { f(gonum.Implementation{}, gonum.Implementation{}) })
			got := panicOf(func() { f(b, b) })
			if want == nil || got != want {
				t.Errorf("%s, %s: panics with %v, gonum with %v", l.choice.Name, name, got, want)
			}
		}
	}
}

func panicOf(f func()) (reason any) {
	defer func() { reason = recover() }()
	f()
	return nil
}

// TestProveRefuses: a library with the wrong function in any one place is refused.
func TestProveRefuses(t *testing.T) {
	l := libraries(t)[0]
	if err := l.prove(); err != nil {
		t.Fatal(err)
	}
	s, d := &l.single, &l.double
	for name, swap := range map[string][2]*uintptr{
		"strsm": {&s.trsm, &s.trmm}, "strmm": {&s.trmm, &s.trsm}, "dtrsm": {&d.trsm, &d.trmm}, "dtrmm": {&d.trmm, &d.trsm},
		"dgemm": {&d.gemm, &s.gemm}, "sgemm": {&s.gemm, &d.gemm}, "ssyrk": {&s.syrk, &d.syrk}, "dsyrk": {&d.syrk, &s.syrk},
	} {
		right := *swap[0]
		*swap[0] = *swap[1]
		if l.prove() == nil {
			t.Errorf("a wrong %s passes", name)
		}
		*swap[0] = right
	}
}

// TestProveNaN: a library that lets NaN through where a factor of 0 has to clear it is refused, as gonum's own syrk
// would be, and so is NaN for a number.
func TestProveNaN(t *testing.T) {
	g := level3Of64(gonum.Implementation{})
	if err := prove(g, g, 5, 6, 7, 1e-12); err == nil || !strings.Contains(err.Error(), "syrk") {
		t.Errorf("NaN passes: %v", err)
	}
	for _, wrong := range []float64{math.NaN(), 2, math.Inf(1)} {
		set := func(x float64) func([]float64) { return func(c []float64) { c[0] = x } }
		if agree("this", 1e-12, []float64{5, 6}, set(wrong), set(1)) == nil {
			t.Errorf("%v passes for 1", wrong)
		}
	}
}
