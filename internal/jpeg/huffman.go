package jpeg

import (
	"encoding/binary"
	"errors"
)

// lookBits is the length of the codes that are looked up at once.
const lookBits = 9

// huffman is a table of Huffman codes.
type huffman struct {
	// fast is length<<8 | symbol by the next lookBits bits, 0 where the code is longer.
	fast [1 << lookBits]uint16
	// whole is value<<8 | run<<4 | length where the next lookBits bits hold a code of AC and
	// the value after it, length bits together; 0 where they do not.
	whole [1 << lookBits]int16
	// last is the last code of each length, -1 where there is none, and first where
	// the symbols of that length begin, less the first code.
	last, first [17]int32
	symbols     [256]byte
}

// huffmanTables reads tables of codes: for each, how many codes of each length
// there are, and their symbols.
func (d *decoder) huffmanTables(s []byte) error {
	for len(s) > 0 {
		if len(s) < 17 {
			return errors.New("a damaged Huffman table")
		}
		n := 0
		for _, c := range s[1:17] {
			n += int(c)
		}
		class, id := s[0]>>4, s[0]&15
		if class > 1 || id > 3 || n > 256 || len(s) < 17+n {
			return errors.New("a damaged Huffman table")
		}
		h := &d.tables[4*class+id]
		if err := h.set(s[1:17], s[17:17+n]); err != nil {
			return err
		}
		if class == 0 {
			d.dc[id] = h
		} else {
			d.ac[id] = h
		}
		s = s[17+n:]
	}
	return nil
}

// set makes the codes (T.81 annex C): those of a length count up, and go on
// with a zero appended for the next length.
func (h *huffman) set(counts, symbols []byte) error {
	*h = huffman{}
	copy(h.symbols[:], symbols)
	code, k := int32(0), int32(0)
	for length := 1; length <= 16; length++ {
		n := int32(counts[length-1])
		h.first[length], h.last[length] = k-code, -1
		if code+n > 1<<length {
			return errors.New("a Huffman table with more codes than there are")
		}
		for range n {
			if length <= lookBits {
				h.look(code, length, symbols[k])
			}
			code++
			k++
		}
		if n > 0 {
			h.last[length] = code - 1
		}
		code <<= 1
	}
	h.join()
	return nil
}

// join enters the codes whose values are looked up with them.
func (h *huffman) join() {
	for i, e := range h.fast {
		length, run, size := int(e>>8), int(e>>4&15), int(e&15)
		if length == 0 || size == 0 || length+size > lookBits {
			continue
		}
		if v := extend(i>>(lookBits-length-size)&(1<<size-1), size); v >= -128 && v <= 127 {
			h.whole[i] = int16(v<<8 | run<<4 | length + size)
		}
	}
}

// look enters a code into the table of short ones.
func (h *huffman) look(code int32, length int, symbol byte) {
	rest := lookBits - length
	for i := range 1 << rest {
		h.fast[int(code)<<rest+i] = uint16(length)<<8 | uint16(symbol)
	}
}

// bits reads entropy-coded data bit by bit. At a marker, or the end of the data,
// it goes on with zeros and counts them.
type bits struct {
	data   []byte
	pos    int
	acc    uint64 // the next n bits, in its low end
	n      int
	padded int // zeros appended
}

// fill makes at least 32 bits available.
func (b *bits) fill() {
	if b.n > 32 {
		return
	}
	if b.pos+4 <= len(b.data) {
		v := binary.BigEndian.Uint32(b.data[b.pos:])
		if (v&^(v+0x01010101))&0x80808080 == 0 { // no byte is FF
			b.acc, b.n, b.pos = b.acc<<32|uint64(v), b.n+32, b.pos+4
			return
		}
	}
	b.fillSlowly()
}

// fillSlowly heeds that FF 00 stands for FF, and that FF with anything else is a
// marker.
func (b *bits) fillSlowly() {
	for b.n <= 56 {
		var v byte
		switch rest := b.data[b.pos:]; {
		case len(rest) > 0 && rest[0] != 0xff:
			v = rest[0]
			b.pos++
		case len(rest) > 1 && rest[1] == 0:
			v = 0xff
			b.pos += 2
		default:
			b.padded += 8
		}
		b.acc, b.n = b.acc<<8|uint64(v), b.n+8
	}
}

// over reports whether zeros have been taken that are not in the data.
func (b *bits) over() bool { return b.padded > b.n }

// symbol reads a Huffman code. It needs 16 bits.
func (b *bits) symbol(h *huffman) (byte, error) {
	if e := h.fast[b.acc>>(b.n-lookBits)&(1<<lookBits-1)]; e != 0 {
		b.n -= int(e >> 8)
		return byte(e), nil
	}
	next := int32(b.acc >> (b.n - 16) & 0xffff)
	for length := lookBits + 1; length <= 16; length++ {
		if code := next >> (16 - length); code <= h.last[length] {
			b.n -= length
			return h.symbols[byte(code+h.first[length])], nil
		}
	}
	return 0, errCode
}

// take reads n ≤ 16 bits.
func (b *bits) take(n int) int {
	b.n -= n
	return int(b.acc >> b.n & (1<<n - 1))
}

// value reads a number of n bits whose first bit tells the sign.
func (b *bits) value(n int) int { return extend(b.take(n), n) }

// extend makes a number of n bits one with a sign (T.81, EXTEND).
func extend(v, n int) int {
	if n > 0 && v < 1<<(n-1) {
		v += -1<<n + 1
	}
	return v
}
