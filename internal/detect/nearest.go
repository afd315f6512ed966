package detect

import "math"

// nearest collects the rows of a bank that may have the k largest products with one query, from approximate products.
//
// Let E bound the error of an approximate product. At least k rows have an approximate product of at least the k-th
// largest one, a, so the true k-th largest is at least a − E, and a row as large as that has an approximate product of at
// least a − 2E. Dropping what lies below never loses one of the k. And a row above a + 2E is truly larger than a + E,
// which at most k − 1 rows are, so it is one of the k without a closer look.
type nearest struct {
	k     int
	slack float64 // 2E
	bound float32 // no row below this approximate product is needed
	kth   float64 // a, of the rows offered so far; set by prune
	found []candidate
	limit int       // len(found) at which to prune
	dots  []float32 // scratch of prune
}

type candidate struct {
	row int32
	dot float32 // approximate product
}

// productError bounds the error of an inner product of two vectors of d elements and norm of at most 1 that were rounded
// to float32 and multiplied in float32, in any order of summation: γ_d·‖a‖·‖b‖ plus the rounding of a and b (Higham,
// Accuracy and Stability of Numerical Algorithms, section 3.1), with a tenth to spare for second-order terms.
func productError(d int) float64 {
	const u = 0x1p-24
	n := float64(d) + 4
	return 1.1 * n * u / (1 - n*u)
}

// candidateLimit is how many candidates are collected before they are looked through.
func candidateLimit(k int) int { return 2*k + 256 }

func (s *nearest) reset() {
	s.bound = float32(math.Inf(-1))
	s.found = s.found[:0]
	s.limit = candidateLimit(s.k)
}

// offer takes the products of the query with consecutive rows of the bank, the first of which is row from.
func (s *nearest) offer(from int, dots []float32) {
	bound := s.bound
	for j, dot := range dots {
		if dot < bound {
			continue
		}
		s.found = append(s.found, candidate{int32(from + j), dot})
		if len(s.found) >= s.limit {
			s.prune()
			s.limit = max(s.limit, 2*len(s.found)) // many ties: do not prune again at once
			bound = s.bound
		}
	}
}

// prune finds the k-th largest product and drops what lies too far below. With fewer than k rows it does nothing.
func (s *nearest) prune() {
	if len(s.found) < s.k {
		return
	}
	s.dots = s.dots[:0]
	for _, c := range s.found {
		s.dots = append(s.dots, c.dot)
	}
	s.kth = float64(kthLargest(s.dots, s.k))
	s.bound = math.Nextafter32(float32(s.kth-s.slack), float32(math.Inf(-1)))
	kept := s.found[:0]
	for _, c := range s.found {
		if c.dot >= s.bound {
			kept = append(kept, c)
		}
	}
	s.found = kept
}

// certain tells whether a candidate is one of the k for sure, and not the last of them.
func (s *nearest) certain(c candidate) bool { return float64(c.dot) > s.kth+s.slack }
