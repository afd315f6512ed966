package blas

import (
	"sync"
	"unsafe"

	"github.com/oodflow/oodflow/internal/dl"
)

// number is what the routines compute with.
type number interface{ float32 | float64 }

// routines are the library's functions for one kind of number, through BLAS's original Fortran interface: it takes
// every argument by address, so that a call needs no floating-point registers, no reflection and no allocation.
// Whole numbers are handed over as 64 bits. A library that reads only 32 of them sees the same number, as all the
// systems that we open libraries on store the low half first.
type routines[T number] struct {
	gemm, syrk, trsm, trmm uintptr
	syevd                  uintptr // LAPACK's, or 0: not every BLAS has it

	lock     *sync.Mutex // for libraries that must not be entered twice at a time
	calls    sync.Pool   // of *arguments[T]
	products sync.Pool   // of *product[T], and so on: the tasks of split calls
	ranks    sync.Pool
	solves   sync.Pool
}

// arguments are what the addresses of one call point at. They are on the heap and stay where they are.
type arguments[T number] struct {
	flags  [4]byte  // N, T; U, L; ...
	sizes  [6]int64 // extents and strides
	scales [2]T     // alpha, beta
	data   [3]*T    // keeps the matrices alive, and their owners from placing them on a stack
	whole  []int64  // workspace of whole numbers
	list   [16]uintptr
}

// get returns arguments to fill in.
func (r *routines[T]) get() *arguments[T] {
	if a, ok := r.calls.Get().(*arguments[T]); ok {
		return a
	}
	return new(arguments[T])
}

// put takes the arguments of a call back.
func (r *routines[T]) put(a *arguments[T]) {
	a.data, a.whole = [3]*T{}, nil
	r.calls.Put(a)
}

// run calls a routine with the first n addresses of the list.
func (r *routines[T]) run(routine uintptr, a *arguments[T], n int) {
	if r.lock != nil {
		r.lock.Lock()
		defer r.lock.Unlock()
	}
	dl.Call(routine, a.list[:n]...)
}

// do runs a routine that returns nothing but its matrix and takes the arguments back.
func (r *routines[T]) do(routine uintptr, a *arguments[T], n int) {
	r.run(routine, a, n)
	r.put(a)
}

func address[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }

// flag returns which of two letters stands for a choice.
func flag(yes bool, letter, other byte) byte {
	if yes {
		return letter
	}
	return other
}

// fortran calls gemm, which knows matrices by columns. A matrix by rows is to it the transpose of that matrix, so
// the product by rows, C = op(A)·op(B), is its product Cᵀ = op(B)ᵀ·op(A)ᵀ.
func (r *routines[T]) callGemm(tA, tB bool, m, n, k int, alpha T, a *T, lda int, b *T, ldb int, beta T, c *T, ldc int) {
	p := r.get()
	p.flags = [4]byte{flag(tB, 'T', 'N'), flag(tA, 'T', 'N')}
	p.sizes = [6]int64{int64(n), int64(m), int64(k), int64(ldb), int64(lda), int64(ldc)}
	p.scales = [2]T{alpha, beta}
	p.data = [3]*T{b, a, c}
	p.list = [16]uintptr{
		address(&p.flags[0]), address(&p.flags[1]),
		address(&p.sizes[0]), address(&p.sizes[1]), address(&p.sizes[2]),
		address(&p.scales[0]), address(b), address(&p.sizes[3]), address(a), address(&p.sizes[4]),
		address(&p.scales[1]), address(c), address(&p.sizes[5]),
		1, 1, // the lengths of the letters, which Fortran compilers append
	}
	r.do(r.gemm, p, 15)
}

// callSyrk calls syrk: the other triangle, the other product.
func (r *routines[T]) callSyrk(upper, trans bool, n, k int, alpha T, a *T, lda int, beta T, c *T, ldc int) {
	p := r.get()
	p.flags = [4]byte{flag(upper, 'L', 'U'), flag(trans, 'N', 'T')}
	p.sizes = [6]int64{int64(n), int64(k), int64(lda), int64(ldc)}
	p.scales = [2]T{alpha, beta}
	p.data = [3]*T{a, c}
	p.list = [16]uintptr{
		address(&p.flags[0]), address(&p.flags[1]), address(&p.sizes[0]), address(&p.sizes[1]),
		address(&p.scales[0]), address(a), address(&p.sizes[2]),
		address(&p.scales[1]), address(c), address(&p.sizes[3]),
		1, 1,
	}
	r.do(r.syrk, p, 12)
}

// callTriangular calls trsm or trmm: the other side, the other triangle.
func (r *routines[T]) callTriangular(routine uintptr, left, upper, trans, unit bool, m, n int, alpha T, a *T, lda int, b *T, ldb int) {
	p := r.get()
	p.flags = [4]byte{flag(left, 'R', 'L'), flag(upper, 'L', 'U'), flag(trans, 'T', 'N'), flag(unit, 'U', 'N')}
	p.sizes = [6]int64{int64(n), int64(m), int64(lda), int64(ldb)}
	p.scales = [2]T{alpha}
	p.data = [3]*T{a, b}
	p.list = [16]uintptr{
		address(&p.flags[0]), address(&p.flags[1]), address(&p.flags[2]), address(&p.flags[3]),
		address(&p.sizes[0]), address(&p.sizes[1]), address(&p.scales[0]),
		address(a), address(&p.sizes[2]), address(b), address(&p.sizes[3]),
		1, 1, 1, 1,
	}
	r.do(routine, p, 15)
}

// callSyevd calls syevd, which is told of the other triangle, and tells whether it converged. The vectors, if any, come
// by rows. Of the whole numbers a library with 32 bits takes half the room.
func (r *routines[T]) callSyevd(vectors, upper bool, n int, a []T, lda int, w []T) bool {
	const block = 64 // columns that are reduced together, at most, in builds that are usual
	length, wholes := (2+block)*n+1, 1
	if vectors {
		length, wholes = 2*n*n+6*n+1, 5*n+3 // what LAPACK demands, and enough for the blocks
	}
	work := make([]T, length)
	p := r.get()
	p.flags = [4]byte{flag(vectors, 'V', 'N'), flag(upper, 'L', 'U')}
	p.sizes = [6]int64{int64(n), int64(lda), int64(length), int64(wholes), 0}
	p.data = [3]*T{&a[0], &w[0], &work[0]}
	p.whole = make([]int64, wholes)
	p.list = [16]uintptr{
		address(&p.flags[0]), address(&p.flags[1]), address(&p.sizes[0]), address(p.data[0]), address(&p.sizes[1]),
		address(p.data[1]), address(p.data[2]), address(&p.sizes[2]), address(&p.whole[0]), address(&p.sizes[3]),
		address(&p.sizes[4]), // what went wrong: 0 for nothing
		1, 1,
	}
	r.run(r.syevd, p, 13)
	converged := p.sizes[4] == 0
	r.put(p)
	return converged
}
