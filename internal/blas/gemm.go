package blas

// product is C = alpha·op(A)·op(B) + beta·C, by rows: op(A) is m×k, op(B) is k×n, C is m×n.
type product[T number] struct {
	tA, tB  bool
	m, n, k int
	alpha   T
	a       []T
	lda     int
	b       []T
	ldb     int
	beta    T
	c       []T
	ldc     int

	routines *routines[T]
	down     int // C is cut into down × across blocks, one for each part
	across   int
}

// gemm computes the product on up to the given number of goroutines.
func gemm[T number](r *routines[T], goroutines int, p product[T]) {
	t, ok := r.products.Get().(*product[T])
	if !ok {
		t = new(product[T])
	}
	*t = p
	t.routines = r
	t.down, t.across = grid(p.m, p.n, parts(goroutines, work(p.m, p.n, p.k)))
	workers().parallel(t.down*t.across, goroutines, t)
	*t = product[T]{}
	r.products.Put(t)
}

// Part computes one block of C.
func (p *product[T]) Part(i int) {
	i0, i1 := span(p.m, p.down, i/p.across)
	j0, j1 := span(p.n, p.across, i%p.across)
	if i0 == i1 || j0 == j1 {
		return
	}
	a, b := i0*p.lda, j0
	if p.tA {
		a = i0
	}
	if p.tB {
		b = j0 * p.ldb
	}
	p.routines.callGemm(p.tA, p.tB, i1-i0, j1-j0, p.k, p.alpha, &p.a[a], p.lda, &p.b[b], p.ldb, p.beta, &p.c[i0*p.ldc+j0], p.ldc)
}
