package parquet

import (
	"errors"
	"fmt"
	"io"
)

// maxDensity bounds how many numbers a byte of a file is believed to hold: what deflate makes of one, 1032 bytes, as float32s.
const maxDensity = maxRatio / 4

// Vectors reads a column of lists of numbers that all have one length, row by row through all groups.
type Vectors struct {
	// Dim is the length of every list, at least 1.
	Dim int
	// Width is the bytes of a number, 2, 4 or 8: IEEE 754, little-endian.
	Width int

	f      *File
	column int

	row   int64 // rows read
	group int   // the one to open next
	pages *pages
	left  int64 // numbers of the group that are still to come, those of this page among them
	page  vectorPage
	dict  []byte
}

// vectorPage is what is still to come of a page.
type vectorPage struct {
	left       int64
	reps, defs *hybrid
	plain      []byte
	indices    *hybrid // into the dictionary, nil in other encodings
}

// Vectors starts reading a column. It is an error when the file's own counts already tell that its lists have several lengths.
func (f *File) Vectors(column int) (*Vectors, error) {
	c := f.Columns[column]
	v := &Vectors{f: f, column: column}
	switch {
	case c.maxRep != 1:
		return nil, fmt.Errorf("column %s is no list of numbers", c.Path)
	case c.Type == Float:
		v.Width = 4
	case c.Type == Double:
		v.Width = 8
	case c.Type == FixedBytes && c.half && c.length == 2:
		v.Width = 2
	default:
		return nil, fmt.Errorf("column %s holds no floating-point numbers", c)
	}
	var values, rows int64
	for _, g := range f.groups {
		n := g.chunks[column].values
		if n < 0 || n/maxDensity > f.size || values/maxDensity > f.size {
			return nil, fmt.Errorf("column %s claims %d numbers in a file of %d bytes", c.Path, n, f.size)
		}
		values, rows = values+n, rows+g.rows
	}
	if rows == 0 || values < rows || values%rows != 0 {
		return nil, fmt.Errorf("column %s holds %d numbers in %d rows: vectors of one length are read, without nulls", c.Path, values, rows)
	}
	v.Dim = int(values / rows)
	return v, nil
}

// Next reads the vectors of the next rows into dst, whose length is a multiple of Dim·Width.
func (v *Vectors) Next(dst []byte) error {
	size := v.Dim * v.Width
	for ; len(dst) > 0; dst = dst[size:] {
		if err := v.vector(dst[:size]); err != nil {
			return fmt.Errorf("read column %s: row %d: %w", v.f.Columns[v.column].Path, v.row, err)
		}
		v.row++
	}
	return nil
}

// vector reads one row, which may lie on several pages.
func (v *Vectors) vector(dst []byte) error {
	for at := 0; at < v.Dim; {
		for v.page.left == 0 {
			if at == 0 && v.left == 0 {
				if err := v.open(); err != nil {
					return err
				}
			}
			if err := v.turn(); err != nil {
				return err
			}
		}
		n := int(min(int64(v.Dim-at), v.page.left))
		if err := v.take(dst[at*v.Width:(at+n)*v.Width], n, at == 0); err != nil {
			return err
		}
		at += n
	}
	return nil
}

// open goes to the next group that has rows.
func (v *Vectors) open() error {
	for v.group < len(v.f.groups) && v.f.groups[v.group].rows == 0 {
		v.group++
	}
	if v.group == len(v.f.groups) {
		return io.ErrUnexpectedEOF
	}
	p, err := v.f.openPages(v.group, v.column)
	if err != nil {
		return err
	}
	g := v.f.groups[v.group]
	v.pages, v.left, v.dict = p, g.chunks[v.column].values, nil
	v.group++
	if v.left != g.rows*int64(v.Dim) {
		return v.uneven()
	}
	return nil
}

func (v *Vectors) uneven() error {
	return fmt.Errorf("is no list of %d numbers: vectors of one length are read, without nulls", v.Dim)
}

// turn goes to the next page.
func (v *Vectors) turn() error {
	if v.left == 0 {
		return v.uneven()
	}
	h, err := v.pages.next()
	if err != nil {
		return err
	}
	switch {
	case h.kind == dictionaryPage:
		return v.readDictionary(h)
	case h.kind != dataPage && h.kind != dataPageV2:
		return v.pages.pass(h)
	case h.values < 0 || h.values > v.left:
		return fmt.Errorf("a page claims %d values where %d are left", h.values, v.left)
	}
	data, err := v.pages.read(h)
	if err != nil {
		return err
	}
	p := vectorPage{left: h.values}
	if p.reps, p.defs, data, err = v.pages.levels(h, data); err != nil {
		return err
	}
	switch h.encoding {
	case encodingPlain:
		p.plain = data
	case encodingByteStreamSplit:
		if p.plain, err = unsplit(data, v.Width); err != nil {
			return err
		}
	case encodingPlainDictionary, encodingRLEDictionary:
		if len(data) == 0 {
			return errShort
		}
		if p.indices, err = newHybrid(data[1:], uint(data[0])); err != nil {
			return err
		}
	default:
		return fmt.Errorf("values in encoding %s are not read: expected PLAIN, a dictionary or BYTE_STREAM_SPLIT", encodingName(h.encoding))
	}
	v.page = p
	return nil
}

// readDictionary keeps the dictionary, the bytes of its page.
func (v *Vectors) readDictionary(h pageHeader) error {
	if v.dict != nil {
		return errors.New("there are two dictionaries")
	}
	if h.encoding != encodingPlain && h.encoding != encodingPlainDictionary {
		return fmt.Errorf("a dictionary in encoding %s is not read", encodingName(h.encoding))
	}
	data, err := v.pages.read(h)
	if err != nil {
		return err
	}
	if h.values < 0 || h.values != int64(len(data)/v.Width) {
		return fmt.Errorf("a dictionary claims %d values in %d bytes", h.values, len(data))
	}
	v.pages.page = nil // it is kept here
	v.dict = data
	return nil
}

// take reads the next n numbers of the page, which are of one row; first tells that it begins with them.
func (v *Vectors) take(dst []byte, n int, first bool) error {
	p := &v.page
	begins := 0
	if first {
		begins = 1
	}
	for _, levels := range []struct {
		h    *hybrid
		want uint32
		n    int
	}{{p.reps, 0, begins}, {p.reps, 1, n - begins}, {p.defs, uint32(v.pages.column.maxDef), n}} {
		if ok, err := levels.h.expect(levels.want, levels.n); err != nil {
			return err
		} else if !ok {
			return v.uneven()
		}
	}
	p.left -= int64(n)
	v.left -= int64(n)
	if p.indices != nil {
		return v.look(dst)
	}
	if len(p.plain) < len(dst) {
		return errShort
	}
	p.plain = p.plain[copy(dst, p.plain):]
	return nil
}

// look fills dst from the dictionary.
func (v *Vectors) look(dst []byte) error {
	for ; len(dst) > 0; dst = dst[v.Width:] {
		i, err := v.page.indices.next()
		if err != nil {
			return err
		}
		at := uint64(i) * uint64(v.Width)
		if at >= uint64(len(v.dict)) {
			return fmt.Errorf("value %d of a dictionary of %d", i, len(v.dict)/v.Width)
		}
		copy(dst[:v.Width], v.dict[at:])
	}
	return nil
}

// unsplit puts numbers together whose first bytes, second bytes and so on lie together.
func unsplit(data []byte, width int) ([]byte, error) {
	n := len(data) / width
	if n*width != len(data) {
		return nil, errShort
	}
	out := make([]byte, len(data))
	for k := range width {
		for i, b := range data[k*n : (k+1)*n] {
			out[i*width+k] = b
		}
	}
	return out, nil
}
