package blas

// How products are cut into parts. The cuts depend on the sizes and the number of goroutines alone, so that a product
// has the same bits however many of the workers were free.

const (
	// smallPart is the work of the smallest part worth handing out: some 20 µs on one core, ten times what handing
	// it out costs. There are no more parts than goroutines, as the library packs its operands anew for each.
	smallPart = 2 << 20

	// grain is what the library's kernels compute at a time, or a multiple of it: cuts fall between.
	grain = 16
)

// work is the number of floating-point operations of an m×n×k product.
func work(m, n, k int) float64 { return 2 * float64(m) * float64(n) * float64(k) }

// parts is how many parts so many operations are cut into for so many goroutines.
func parts(goroutines int, operations float64) int {
	return max(1, min(goroutines, int(operations/smallPart)))
}

// grid cuts an m×n matrix into down·across ≤ parts blocks, as many as have room, with the shortest sides: what the
// library has to pack for a block grows with its sides.
func grid(m, n, parts int) (down, across int) {
	down, across = 1, 1
	best := m + n
	for d := 1; d <= min(parts, pieces(m)); d++ {
		a := min(parts/d, pieces(n))
		sides := (m+d-1)/d + (n+a-1)/a
		if d*a > down*across || d*a == down*across && sides < best {
			down, across, best = d, a, sides
		}
	}
	return down, across
}

// pieces is the number of grains in n, at least one.
func pieces(n int) int { return max(1, n/grain) }

// span is the i-th of the given number of nearly equal stretches of 0 to n, cut between grains.
func span(n, parts, i int) (from, to int) {
	cut := func(i int) int {
		if i == parts {
			return n
		}
		return i * n / parts / grain * grain
	}
	return cut(i), cut(i + 1)
}
