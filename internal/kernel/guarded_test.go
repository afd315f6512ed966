package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"
)

// rig draws the operands of a kernel from larger buffers at odd places, so that a kernel that writes where it must not
// is seen.
type rig struct {
	rng   *rand.Rand
	value func(*rand.Rand) float32
	all   []*guarded
}

// guarded is an operand: a matrix, or a vector as its one row.
type guarded struct {
	buf    []float32
	start  int
	was    []float32
	values blas32.General
}

func (r *rig) matrix(rows, cols int) *guarded {
	stride := cols + r.rng.IntN(5)
	g := &guarded{start: 1 + r.rng.IntN(16)}
	size := 0
	if rows > 0 {
		size = (rows-1)*stride + cols
	}
	g.buf = make([]float32, g.start+size+17)
	for i := range g.buf {
		g.buf[i] = r.value(r.rng)
	}
	g.was = append(g.was, g.buf...)
	g.values = blas32.General{Rows: rows, Cols: cols, Stride: stride, Data: g.buf[g.start : g.start+size : g.start+size]}
	r.all = append(r.all, g)
	return g
}

func (r *rig) vector(n int) *guarded { return r.matrix(1, n) }

func (g *guarded) slice() []float32 { return g.values.Data }

// old is element i, j before the kernel ran.
func (g *guarded) old(i, j int) float64 { return float64(g.was[g.start+i*g.values.Stride+j]) }

func (g *guarded) now(i, j int) float64 { return float64(g.values.Data[i*g.values.Stride+j]) }

// restore undoes what a kernel did.
func (g *guarded) restore() { copy(g.buf, g.was) }

// results runs a kernel in one form and returns all operands as they are then; it fails when anything outside the
// operands has changed.
func (r *rig) results(t *testing.T, run func()) [][]float32 {
	t.Helper()
	var out [][]float32
	run()
	for k, g := range r.all {
		inside := make([]bool, len(g.buf))
		for i := range g.values.Rows {
			for j := range g.values.Cols {
				inside[g.start+i*g.values.Stride+j] = true
			}
		}
		for i, ok := range inside {
			if !ok && math.Float32bits(g.buf[i]) != math.Float32bits(g.was[i]) {
				t.Fatalf("operand %d, %d×%d: wrote at %d, outside of it", k, g.values.Rows, g.values.Cols, i-g.start)
			}
		}
		out = append(out, append([]float32(nil), g.buf...))
	}
	return out
}

func normal(rng *rand.Rand) float32 { return float32(rng.NormFloat64()) }

// special draws the values at which formulas go wrong. Products of two of them do not overflow: where a product
// overflows, a sum with it depends on whether the product is rounded first.
func special(rng *rand.Rand) float32 {
	values := []float64{0, math.Copysign(0, -1), 1, -1, 0.5, 1e15, -1e15, 1e-30, -1e-30, 1e-42, -1e-42,
		math.Inf(1), math.Inf(-1), math.NaN(), 19, -19, 100, -100}
	return float32(values[rng.IntN(len(values))])
}

// sane is special without what is not finite, and what overflows or loses bits when squared.
func sane(rng *rand.Rand) float32 {
	for {
		if v := special(rng); v == 0 || v*v > 1e-9 && v*v < 1e9 {
			return v
		}
	}
}

// sameKind tells whether both are NaN, the same infinity, or finite.
func sameKind(a, b float64) bool {
	if math.IsInf(a, 0) || math.IsInf(b, 0) {
		return a == b
	}
	return math.IsNaN(a) == math.IsNaN(b)
}

// alike compares with a tolerance relative to the larger of the two and to floor; NaN is like NaN.
func alike(a, b, floor, tol float64) bool {
	if math.IsNaN(a) || math.IsNaN(b) {
		return math.IsNaN(a) && math.IsNaN(b)
	}
	return a == b || math.Abs(a-b) <= tol*max(math.Abs(a), math.Abs(b), floor)
}
