package parquet

import (
	"bufio"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
)

// Kinds of page, and encodings, by their numbers in parquet.thrift.
const (
	dataPage       = 0
	dictionaryPage = 2
	dataPageV2     = 3

	encodingPlain           = 0
	encodingPlainDictionary = 2
	encodingRLE             = 3
	encodingRLEDictionary   = 8
	encodingByteStreamSplit = 9
)

func encodingName(n int64) string {
	names := [...]string{"PLAIN", "1", "PLAIN_DICTIONARY", "RLE", "BIT_PACKED", "DELTA_BINARY_PACKED", "DELTA_LENGTH_BYTE_ARRAY",
		"DELTA_BYTE_ARRAY", "RLE_DICTIONARY", "BYTE_STREAM_SPLIT"}
	if n < 0 || n >= int64(len(names)) {
		return fmt.Sprint(n)
	}
	return names[n]
}

// maxHeader bounds the header of a page, in bytes: it may hold the least and
// the largest value of the page.
const maxHeader = 16 << 20

// pageHeader is the struct PageHeader, as far as it is needed.
type pageHeader struct {
	kind, packed, size, crc int64
	hasCRC                  bool
	values, encoding        int64
	defEncoding             int64
	repEncoding             int64
	repBytes, defBytes      int64 // version 2 only
	stored                  bool  // values are not compressed; version 2 only
}

// pages reads the pages of a column of a group one after the other.
type pages struct {
	group  int
	column Column
	codec  int64
	r      *bufio.Reader
	left   int64 // bytes
	packed []byte
	page   []byte
}

func (f *File) openPages(group, column int) (*pages, error) {
	s, err := f.section(group, column)
	if err != nil {
		return nil, err
	}
	return &pages{
		group: group, column: f.Columns[column], codec: f.groups[group].chunks[column].codec,
		r: bufio.NewReaderSize(s, 64<<10), left: s.Size(),
	}, nil
}

// describe says where an error was met.
func (p *pages) describe(err error) error {
	return fmt.Errorf("read column %s of row group %d: %w", p.column.Path, p.group, err)
}

// next reads the header of the next page.
func (p *pages) next() (h pageHeader, err error) {
	if p.left <= 0 {
		return h, errors.New("there are fewer pages than rows")
	}
	budget := min(p.left, maxHeader)
	t := &thrift{r: p.r, left: budget}
	if err := t.pageHeader(&h); err != nil {
		return h, fmt.Errorf("page header: %w", err)
	}
	p.left -= budget - t.left
	switch {
	case h.packed < 0 || h.packed > p.left:
		return h, fmt.Errorf("a page claims %d bytes where %d are left", h.packed, p.left)
	case h.size < 0 || h.size > math.MaxInt32:
		return h, fmt.Errorf("a page claims to unpack to %d bytes", h.size)
	case h.kind == dataPageV2 && (h.repBytes < 0 || h.defBytes < 0 || p.column.maxRep == 0 && h.repBytes > 0 ||
		h.repBytes > min(h.packed, h.size) || h.defBytes > min(h.packed, h.size)-h.repBytes):
		return h, fmt.Errorf("a page claims levels of %d and %d bytes", h.repBytes, h.defBytes)
	}
	return h, nil
}

// pass goes past a page.
func (p *pages) pass(h pageHeader) error {
	p.left -= h.packed
	_, err := p.r.Discard(int(h.packed))
	return truncated(err)
}

// read returns a page's bytes, unpacked, the levels of version 2 before them.
// They are valid until the next call.
func (p *pages) read(h pageHeader) ([]byte, error) {
	if cap(p.packed) < int(h.packed) {
		p.packed = make([]byte, h.packed)
	}
	p.packed = p.packed[:h.packed]
	p.left -= h.packed
	if _, err := io.ReadFull(p.r, p.packed); err != nil {
		return nil, truncated(err)
	}
	if h.hasCRC && crc32.ChecksumIEEE(p.packed) != uint32(h.crc) {
		return nil, errors.New("a page is damaged: its checksum differs")
	}
	if h.stored || p.codec == 0 {
		if h.packed != h.size {
			return nil, errSize
		}
		p.page, p.packed = p.packed, p.page
		return p.page, nil
	}
	levels := 0
	if h.kind == dataPageV2 { // its levels are never compressed
		levels = int(h.repBytes + h.defBytes)
	}
	var err error
	if h.size == int64(levels) && h.packed == h.size { // no values at all
		return p.packed, nil
	}
	if p.page, err = unpack(p.page, p.packed[levels:], p.codec, int(h.size)-levels); err != nil {
		return nil, fmt.Errorf("unpack a page: %w", err)
	}
	if levels > 0 {
		p.page = append(p.packed[:levels:levels], p.page...)
	}
	return p.page, nil
}

// levels cuts the repetition and definition levels off a data page's bytes; nil where the column has none.
func (p *pages) levels(h pageHeader, data []byte) (reps, defs *hybrid, values []byte, err error) {
	cut := func(most, bytes, encoding int64) (*hybrid, error) {
		if most == 0 {
			return nil, nil
		}
		var levels []byte
		switch {
		case h.kind == dataPageV2:
			levels, data = data[:bytes], data[bytes:]
		case encoding != encodingRLE:
			return nil, fmt.Errorf("levels in encoding %s are not read", encodingName(encoding))
		default:
			var err error
			if levels, data, err = cutBytes(data); err != nil {
				return nil, err
			}
		}
		return newHybrid(levels, bitsFor(most))
	}
	if reps, err = cut(p.column.maxRep, h.repBytes, h.repEncoding); err != nil {
		return nil, nil, nil, err
	}
	defs, err = cut(p.column.maxDef, h.defBytes, h.defEncoding)
	return reps, defs, data, err
}

// pageHeader reads the struct.
func (t *thrift) pageHeader(h *pageHeader) error {
	return t.fields(func(id int, kind byte) error {
		switch {
		case id == 1:
			return t.into(&h.kind, kind)
		case id == 2:
			return t.into(&h.size, kind)
		case id == 3:
			return t.into(&h.packed, kind)
		case id == 4:
			h.hasCRC = true
			return t.into(&h.crc, kind)
		case kind == typeStruct && id == 5:
			return t.numbers(map[int]*int64{1: &h.values, 2: &h.encoding, 3: &h.defEncoding, 4: &h.repEncoding}, nil)
		case kind == typeStruct && id == 7:
			return t.numbers(map[int]*int64{1: &h.values, 2: &h.encoding}, nil)
		case kind == typeStruct && id == 8:
			return t.numbers(map[int]*int64{1: &h.values, 4: &h.encoding, 5: &h.defBytes, 6: &h.repBytes}, map[int]*bool{7: &h.stored})
		}
		return t.skip(kind, false)
	})
}

// numbers reads a struct's integers into their places, and sets those of
// booleans that are false.
func (t *thrift) numbers(into map[int]*int64, isFalse map[int]*bool) error {
	return t.fields(func(id int, kind byte) error {
		if dst := into[id]; dst != nil {
			return t.into(dst, kind)
		}
		if dst := isFalse[id]; dst != nil {
			*dst = kind == typeFalse
		}
		return t.skip(kind, false)
	})
}
