package features

import (
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"math"
	"slices"
)

// summaryPass gathers what a Summary is made of, some images at a time. Directions are the normalised vectors; zeros have none.
type summaryPass struct {
	badFeatures, badLogits notFinite

	norms   []float64
	moments moments
	classes *classSums // of the labels, or of the predicted classes when none is known
	known   bool       // some labels are
	right   int        // images whose label is predicted

	sample []int     // images whose directions are still to come into z, ascending
	z      []float32 // directions

	rows, ids repeats
	bits      []byte // scratch
}

// newSummaryPass prepares to describe what r reads; counts are the images of each label.
func newSummaryPass(r *Reader, counts map[int64]int) *summaryPass {
	var classes []int64 // with pairs
	for y, n := range counts {
		if n > 1 {
			classes = append(classes, y)
		}
	}
	slices.Sort(classes)
	if len(counts) == 0 {
		for c := range r.C {
			classes = append(classes, int64(c))
		}
	}
	sample := Sample(r.N, mostSampled)
	return &summaryPass{
		norms: make([]float64, 0, r.N), moments: newMoments(r.D),
		classes: newClassSums(classes, r.D, mostSums/r.D), known: len(counts) > 0,
		sample: sample, z: make([]float32, 0, len(sample)*r.D),
		rows: newRepeats(r.N), ids: newRepeats(r.N),
	}
}

// add takes the images of s, of which the first is that of the given number in the whole set.
func (p *summaryPass) add(s *Set, first int) {
	p.badFeatures.look(s.Features, s.D, s.IDs)
	p.badLogits.look(s.Logits, s.C, s.IDs)
	if p.badFeatures.rows > 0 || p.badLogits.rows > 0 {
		return // there will be no summary
	}
	predicted := s.Predicted()
	z := make([]float32, s.D)
	for i := range s.N {
		row, class := s.Row(i), int64(-1)
		if predicted != nil {
			class = int64(predicted[i])
		}
		if p.known {
			if s.Labels[i] == class {
				p.right++
			}
			class = s.Labels[i]
		}
		p.bits = appendBits(p.bits[:0], row)
		p.rows.add(p.bits)
		p.bits = append(p.bits[:0], s.IDs[i]...)
		p.ids.add(p.bits)
		r := norm(row)
		p.norms = append(p.norms, r)
		sampled := len(p.sample) > 0 && p.sample[0] == first+i
		if sampled {
			p.sample = p.sample[1:]
		}
		if r == 0 {
			continue
		}
		divide(z, row, r)
		p.moments.add(row, z)
		p.classes.add(z, norm(z), class)
		if sampled {
			p.z = append(p.z, z...)
		}
	}
}

// repeats counts things that equal an earlier one, by 128 bits of hash: among a million different things two agree with a
// probability of 1e-27.
type repeats struct {
	seeds [2]maphash.Seed
	seen  [][2]uint64
}

func newRepeats(n int) repeats {
	return repeats{[2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, make([][2]uint64, 0, n)}
}

func (r *repeats) add(b []byte) {
	r.seen = append(r.seen, [2]uint64{maphash.Bytes(r.seeds[0], b), maphash.Bytes(r.seeds[1], b)})
}

// count forgets what it counts.
func (r *repeats) count() int {
	n := len(r.seen)
	slices.SortFunc(r.seen, func(a, b [2]uint64) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	return n - len(slices.Compact(r.seen))
}

func appendBits(b []byte, x []float32) []byte {
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}
