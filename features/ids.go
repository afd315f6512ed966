package features

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// ids are the names of a set's images.
type ids interface {
	read(index []int) ([]string, error)
}

// numberedIDs are the row numbers, where the file names none.
type numberedIDs struct{}

func (numberedIDs) read(index []int) ([]string, error) {
	out := make([]string, len(index))
	for k, i := range index {
		out[k] = strconv.Itoa(i)
	}
	return out, nil
}

// memoryIDs are ids in memory.
type memoryIDs []string

func (m memoryIDs) read(index []int) ([]string, error) {
	out := make([]string, len(index))
	for k, i := range index {
		out[k] = m[i]
	}
	return out, nil
}

// packedIDs lie one after the other, with the offsets of their ends.
type packedIDs struct {
	path          string // for errors
	text, offsets array
	bytes         io.ReaderAt
	ends          io.ReaderAt // n+1 of 8 bytes, little-endian
	n             int
}

func (p *packedIDs) read(index []int) ([]string, error) {
	out := make([]string, 0, len(index))
	for k := 0; k < len(index); {
		n := run(index[k:])
		part, err := p.run(out, index[k], n)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", p.path, err)
		}
		out, k = part, k+n
	}
	return out, nil
}

// run appends the n ids from the first one on to out.
func (p *packedIDs) run(out []string, first, n int) ([]string, error) {
	raw := make([]byte, 8*(n+1))
	if err := section(p.ends, raw, 8*int64(first)); err != nil {
		return nil, fmt.Errorf("%s: %w", p.offsets.name, err)
	}
	ends := make([]int64, n+1)
	for i := range ends {
		ends[i] = int64(binary.LittleEndian.Uint64(raw[8*i:]))
	}
	size := p.text.shape[0]
	if first == 0 && ends[0] != 0 || first+n == p.n && ends[n] != size {
		return nil, fmt.Errorf("%s: does not start at 0 and end at %d, the bytes of %s", p.offsets.name, size, p.text.name)
	}
	for i := range n {
		if lo, hi := ends[i], ends[i+1]; lo < 0 || lo > hi || hi > size {
			return nil, fmt.Errorf("%s: id %d lies at bytes %d to %d of %d", p.offsets.name, first+i, lo, hi, size)
		}
	}
	text := make([]byte, ends[n]-ends[0])
	if err := section(p.bytes, text, ends[0]); err != nil {
		return nil, fmt.Errorf("%s: %w", p.text.name, err)
	}
	joined := string(text)
	for i := range n {
		id := joined[ends[i]-ends[0] : ends[i+1]-ends[0]]
		if !utf8.ValidString(id) {
			return nil, fmt.Errorf("%s: id %d is not UTF-8", p.text.name, first+i)
		}
		out = append(out, id)
	}
	return out, nil
}

// section fills b with the bytes from the given one on.
func section(r io.ReaderAt, b []byte, from int64) error {
	n, err := r.ReadAt(b, from)
	switch {
	case n == len(b):
		return nil
	case errors.Is(err, io.EOF):
		return errors.New("the file ended early")
	}
	return bare(err)
}
