package eval

import "math"

// argsort returns x in ascending order, and in order the index in x of each value returned, equal values in the order
// of their indices. x must hold no NaN; −0 and +0 are equal.
//
// It is a radix sort of the bit patterns, 11 bits a pass from the lowest, and passes in which all values agree are left
// out: O(n) time, and 24 bytes a score while it runs, 12 of which are the result.
func argsort(x []float64) (values []float64, order []uint32) {
	n := len(x)
	from := keyed{make([]uint64, n), make([]uint32, n)}
	to := keyed{make([]uint64, n), make([]uint32, n)}
	var counts [passes][1 << digit]uint32
	for i, v := range x {
		k := key(v)
		from.key[i], from.at[i] = k, uint32(i)
		for p := range counts {
			counts[p][k>>(p*digit)&(1<<digit-1)]++
		}
	}
	for p := range counts {
		if n > 0 && counts[p][from.key[0]>>(p*digit)&(1<<digit-1)] == uint32(n) {
			continue
		}
		from.scatter(to, &counts[p], p*digit)
		from, to = to, from
	}
	values = make([]float64, n)
	for i, k := range from.key {
		values[i] = value(k)
	}
	return values, from.at
}

const (
	digit  = 11
	passes = (64 + digit - 1) / digit
)

// keyed is a column of sort keys and one of where they came from.
type keyed struct {
	key []uint64
	at  []uint32
}

// scatter moves the rows to where the bits from shift on put them. counts says how often each pattern occurs, and is
// used up.
func (from keyed) scatter(to keyed, counts *[1 << digit]uint32, shift int) {
	var start uint32
	for d, c := range counts {
		counts[d] = start
		start += c
	}
	for i, k := range from.key {
		d := k >> shift & (1<<digit - 1)
		to.key[counts[d]], to.at[counts[d]] = k, from.at[i]
		counts[d]++
	}
}

// key maps floats to integers of the same order: positive ones get the sign bit, of negative ones all bits are
// flipped. Adding zero makes −0 a +0.
func key(v float64) uint64 {
	b := math.Float64bits(v + 0)
	if b>>63 == 1 {
		return ^b
	}
	return b | 1<<63
}

// value is the inverse of key.
func value(k uint64) float64 {
	if k>>63 == 1 {
		return math.Float64frombits(k &^ (1 << 63))
	}
	return math.Float64frombits(^k)
}
