package scorefile

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// ids finds out whether an id occurs twice. It keeps 96 bits of a hash and the line, since the ids of ten million images
// do not fit in memory as well as that: two of as many images have the same hash by chance once in 10^14 files.
type ids struct {
	seen []hashed
}

type hashed struct {
	high uint64
	low  uint32
	line uint32
}

func (s *ids) n() int { return len(s.seen) }

func (s *ids) add(id string, line int) error {
	if int64(line) > math.MaxUint32 {
		return fmt.Errorf("line %d: a file of scores may have up to %d lines", line, uint32(math.MaxUint32))
	}
	h := sha256.Sum256([]byte(id))
	s.seen = append(s.seen, hashed{binary.LittleEndian.Uint64(h[:]), binary.LittleEndian.Uint32(h[8:]), uint32(line)})
	return nil
}

// DuplicateError says that an image has two scores.
type DuplicateError struct{ Lines [2]int }

func (e *DuplicateError) Error() string {
	return fmt.Sprintf("line %d has the same id as line %d", e.Lines[1], e.Lines[0])
}

// check returns an error for the first line whose id has been there before.
func (s *ids) check() error {
	slices.SortFunc(s.seen, func(a, b hashed) int {
		return cmp.Or(cmp.Compare(a.high, b.high), cmp.Compare(a.low, b.low), cmp.Compare(a.line, b.line))
	})
	var first *DuplicateError
	for i := 1; i < len(s.seen); i++ {
		a, b := s.seen[i-1], s.seen[i]
		if a.high == b.high && a.low == b.low && (first == nil || int(b.line) < first.Lines[1]) {
			first = &DuplicateError{[2]int{int(a.line), int(b.line)}}
		}
	}
	s.seen = nil
	if first != nil {
		return first
	}
	return nil
}
