package parquet

import (
	"errors"
	"fmt"
	"math"
)

// hybrid reads small numbers in Parquet's mixture of runs and bit-packed groups
// of eight: each begins with a length whose lowest bit tells which it is.
type hybrid struct {
	data   []byte
	width  uint // bits of a number, at most 32
	run    uint64
	value  uint32 // of the run
	packed int    // bits already read of a bit-packed stretch, -1 in a run
}

var errLevels = errors.New("a page ends within its levels or indices")

// newHybrid reads numbers of width bits.
func newHybrid(data []byte, width uint) (*hybrid, error) {
	if width > 32 {
		return nil, fmt.Errorf("numbers of %d bits", width)
	}
	return &hybrid{data: data, width: width}, nil
}

// next returns the next number.
func (h *hybrid) next() (uint32, error) {
	for h.run == 0 {
		if err := h.start(); err != nil {
			return 0, err
		}
	}
	h.run--
	if h.packed < 0 {
		return h.value, nil
	}
	var v uint64
	for i := range h.width {
		bit := h.packed + int(i)
		if bit/8 >= len(h.data) {
			return 0, errLevels
		}
		v |= uint64(h.data[bit/8]>>(bit%8)&1) << i
	}
	h.packed += int(h.width)
	if h.run == 0 {
		h.data = h.data[min((h.packed+7)/8, len(h.data)):]
	}
	return uint32(v), nil
}

// expect reads n numbers and tells whether all of them are want.
func (h *hybrid) expect(want uint32, n int) (bool, error) {
	for n > 0 {
		if h.run > 0 && h.packed < 0 {
			if h.value != want {
				return false, nil
			}
			k := min(uint64(n), h.run)
			h.run -= k
			n -= int(k)
			continue
		}
		v, err := h.next()
		if err != nil || v != want {
			return false, err
		}
		n--
	}
	return true, nil
}

// start reads the head of a stretch.
func (h *hybrid) start() error {
	var head uint64
	for shift := 0; ; shift += 7 {
		if len(h.data) == 0 || shift > 63 {
			return errLevels
		}
		b := h.data[0]
		h.data = h.data[1:]
		head |= uint64(b&0x7f) << shift
		if b < 0x80 {
			break
		}
	}
	h.run, h.packed = head>>1, 0
	if head&1 == 1 { // groups of eight; the last may be cut short
		if h.run > uint64(math.MaxInt32) {
			return errLevels
		}
		h.run *= 8
		return nil
	}
	h.packed, h.value = -1, 0
	for i := range (h.width + 7) / 8 {
		if len(h.data) == 0 {
			return errLevels
		}
		h.value |= uint32(h.data[0]) << (8 * i)
		h.data = h.data[1:]
	}
	return nil
}

// bitsFor is the number of bits that hold 0 to n.
func bitsFor(n int64) (bits uint) {
	for ; n > 0; n >>= 1 {
		bits++
	}
	return bits
}
