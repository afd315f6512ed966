package blas

import "math"

// rank is one triangle of C = alpha·op(A)·op(A)ᵀ + beta·C, by rows: op(A) is n×k, C is n×n.
type rank[T number] struct {
	upper, trans bool
	n, k         int
	alpha        T
	a            []T
	lda          int
	beta         T
	c            []T
	ldc          int

	routines *routines[T]
	bands    int // C is cut into bands × bands blocks; those of the triangle are the parts
}

// syrk computes the triangle on up to the given number of goroutines.
func syrk[T number](r *routines[T], goroutines int, p rank[T]) {
	t, ok := r.ranks.Get().(*rank[T])
	if !ok {
		t = new(rank[T])
	}
	*t = p
	t.routines = r
	t.bands = bands(p.n, parts(goroutines, work(p.n, p.n, p.k)/2))
	workers().parallel(t.bands*(t.bands+1)/2, goroutines, t)
	*t = rank[T]{}
	r.ranks.Put(t)
}

// bands is the number of bands whose blocks off the diagonal are at least so many parts, where n has room for them.
func bands(n, parts int) int {
	if parts == 1 {
		return 1
	}
	return min(pieces(n), int(math.Ceil((1+math.Sqrt(1+8*float64(parts)))/2)))
}

// Part computes one block: those off the diagonal first, as they are twice the work of those on it.
func (p *rank[T]) Part(i int) {
	row, col := p.bands-1, 0
	if off := p.bands * (p.bands - 1) / 2; i >= off {
		row, col = i-off, i-off
	} else {
		for i >= row { // the row-th band has row blocks below the diagonal
			i -= row
			row--
		}
		col = i
	}
	r0, r1 := span(p.n, p.bands, row)
	c0, c1 := span(p.n, p.bands, col)
	if r0 == r1 || c0 == c1 {
		return
	}
	if row == col {
		p.routines.callSyrk(p.upper, p.trans, r1-r0, p.k, p.alpha, &p.a[p.at(r0)], p.lda, p.beta, &p.c[r0*p.ldc+r0], p.ldc)
		return
	}
	if p.upper {
		r0, r1, c0, c1 = c0, c1, r0, r1
	}
	p.routines.callGemm(p.trans, !p.trans, r1-r0, c1-c0, p.k, p.alpha, &p.a[p.at(r0)], p.lda, &p.a[p.at(c0)], p.lda, p.beta, &p.c[r0*p.ldc+c0], p.ldc)
}

// at is the place in a of the i-th row of op(A).
func (p *rank[T]) at(i int) int {
	if p.trans {
		return i
	}
	return i * p.lda
}
