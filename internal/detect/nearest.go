package detect

import (
	"cmp"
	"math"
	"slices"
)

// nearest collects the bank rows that may be among the k nearest to one query, from approximate distances.
//
// Let E bound the error of an approximate distance. At least k rows have an approximate distance of at most the
// k-th smallest one, a, so the true k-th smallest distance is at most a + E, and a row as near as that has an
// approximate distance of at most a + 2E. Dropping what lies beyond never loses one of the k nearest.
type nearest struct {
	k     int
	slack float64 // 2E
	bound float64 // no row beyond this approximate distance is needed
	found []candidate
	limit int // len(found) at which to prune
}

type candidate struct {
	row  int
	dist float64 // approximate squared distance
}

// dotError bounds the error of 2 − 2·dot(a, b) for unit vectors of d elements that were rounded to float32 and
// multiplied in float32, in any order of summation: |error of dot| ≤ γ_d·‖a‖·‖b‖ plus the rounding of a and b
// (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1), with a tenth to spare for
// second-order terms.
func dotError(d int) float64 {
	const u = 0x1p-24
	n := float64(d) + 4
	return 1.1 * 2 * n * u / (1 - n*u)
}

func (s *nearest) reset(k int, distError float64) {
	s.k, s.slack, s.bound = k, 2*distError, math.Inf(1)
	s.found = s.found[:0]
	s.limit = 4*k + 256
}

// offer takes the dot products of the query with consecutive bank rows, the first of which is row from.
func (s *nearest) offer(from int, dots []float32) {
	for j, dot := range dots {
		dist := 2 - 2*float64(dot)
		if dist > s.bound {
			continue
		}
		s.found = append(s.found, candidate{from + j, dist})
		if len(s.found) >= s.limit {
			s.prune()
			s.limit = max(s.limit, 2*len(s.found)) // many ties: do not prune again at once
		}
	}
}

// prune lowers the bound and drops what lies beyond it.
func (s *nearest) prune() {
	if len(s.found) < s.k {
		return
	}
	slices.SortFunc(s.found, func(a, b candidate) int { return cmp.Compare(a.dist, b.dist) })
	s.bound = s.found[s.k-1].dist + s.slack
	keep := len(s.found)
	for s.found[keep-1].dist > s.bound {
		keep--
	}
	s.found = s.found[:keep]
}

// candidates returns at least k rows, the k nearest among them.
func (s *nearest) candidates() []candidate {
	s.prune()
	return s.found
}
