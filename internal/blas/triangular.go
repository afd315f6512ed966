package blas

// sweep is trsm or trmm: B is m×n by rows, A is triangular, m×m on the left of B or n×n on its right.
type sweep[T number] struct {
	routine                  uintptr
	left, upper, trans, unit bool
	m, n                     int
	alpha                    T
	a                        []T
	lda                      int
	b                        []T
	ldb                      int

	routines *routines[T]
	strips   int // B is cut into strips, one for each part: of columns for an A on the left, else of rows
}

// triangular computes the sweep on up to the given number of goroutines.
func triangular[T number](r *routines[T], goroutines int, p sweep[T]) {
	t, ok := r.solves.Get().(*sweep[T])
	if !ok {
		t = new(sweep[T])
	}
	*t = p
	t.routines = r
	order, length := p.n, p.m
	if p.left {
		order, length = p.m, p.n
	}
	t.strips = min(pieces(length), parts(goroutines, work(order, order, length)/2))
	workers().parallel(t.strips, goroutines, t)
	*t = sweep[T]{}
	r.solves.Put(t)
}

// Part computes one strip of B.
func (p *sweep[T]) Part(i int) {
	m, n, b := p.m, p.n, 0
	if p.left {
		from, to := span(n, p.strips, i)
		n, b = to-from, from
	} else {
		from, to := span(m, p.strips, i)
		m, b = to-from, from*p.ldb
	}
	if m == 0 || n == 0 {
		return
	}
	p.routines.callTriangular(p.routine, p.left, p.upper, p.trans, p.unit, m, n, p.alpha, &p.a[0], p.lda, &p.b[b], p.ldb)
}
