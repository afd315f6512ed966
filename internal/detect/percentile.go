package detect

import (
	"math"
	"slices"
)

// percentile returns the p-th percentile of x, 0 ≤ p ≤ 100, interpolated linearly between the two values next to rank
// (n−1)·p/100, as NumPy does by default. x is not empty and not changed.
func percentile(x []float64, p float64) float64 {
	sorted := slices.Sorted(slices.Values(x))
	low, high, part := ranks(len(x), p)
	return sorted[low] + part*(sorted[high]-sorted[low])
}

// percentile32 is percentile for as many float32 values as there are features in a set, without a copy of them.
func percentile32(x []float32, p float64) float64 {
	low, high, part := ranks(len(x), p)
	a, b := float64(atRank(x, low)), float64(atRank(x, high))
	return a + part*(b-a)
}

// ranks returns the ranks between which the percentile p of n values lies, and which part of the way.
func ranks(n int, p float64) (low, high int, part float64) {
	h := float64(n-1) * p / 100
	low = min(int(h), n-1)
	return low, min(low+1, n-1), h - float64(low)
}

// atRank returns the value that would stand at index rank if x were sorted. Two passes count the upper and then the
// lower halves of the values' bits.
func atRank(x []float32, rank int) float32 {
	var upper, lower [1 << 16]int
	for _, v := range x {
		upper[orderedBits(v)>>16]++
	}
	bucket, rank := bucketOf(&upper, rank)
	for _, v := range x {
		if b := orderedBits(v); b>>16 == bucket {
			lower[b&0xffff]++
		}
	}
	last, _ := bucketOf(&lower, rank)
	bits := bucket<<16 | last
	if bits>>31 != 0 {
		return math.Float32frombits(bits &^ (1 << 31))
	}
	return math.Float32frombits(^bits)
}

// bucketOf returns the bucket that holds a rank, and the rank within it.
func bucketOf(counts *[1 << 16]int, rank int) (uint32, int) {
	for b, n := range counts {
		if rank < n {
			return uint32(b), rank
		}
		rank -= n
	}
	panic("detect: rank beyond the values")
}

// orderedBits maps a float32 to bits that compare as unsigned numbers like the values do.
func orderedBits(v float32) uint32 {
	b := math.Float32bits(v)
	if b>>31 != 0 {
		return ^b
	}
	return b | 1<<31
}

// kthLargest returns the k-th largest of x, 1 ≤ k ≤ len(x), and moves the k largest to the front. x holds no NaN.
func kthLargest[T float32 | float64](x []T, k int) T {
	from, to := 0, len(x)-1
	for from < to {
		pivot := median(x[from], x[from+(to-from)/2], x[to])
		i, j := from, to
		for i <= j {
			for x[i] > pivot {
				i++
			}
			for x[j] < pivot {
				j--
			}
			if i <= j {
				x[i], x[j] = x[j], x[i]
				i++
				j--
			}
		}
		switch {
		case k-1 <= j:
			to = j
		case k-1 >= i:
			from = i
		default:
			return x[k-1]
		}
	}
	return x[k-1]
}

func median[T float32 | float64](a, b, c T) T {
	return max(min(a, b), min(max(a, b), c))
}
