package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Value is one value of a column.
type Value struct {
	Null  bool
	Int   int64  // of an Int32 or Int64 column
	Bytes []byte // of a ByteArray column; valid until the next call
}

// Cursor reads a column of a row group value by value.
type Cursor struct {
	pages *pages
	left  int64 // values of the group that are still to come, those of this page among them
	page  page
	dict  []Value
}

// page is what is still to come of a page.
type page struct {
	left    int64
	defs    *hybrid // nil when no value can be null
	plain   []byte
	indices *hybrid // into the dictionary, nil in plain encoding
}

// Cursor starts reading a column of a group.
func (f *File) Cursor(group, column int) (*Cursor, error) {
	p, err := f.openPages(group, column)
	if err == nil && p.column.maxRep > 0 {
		err = errors.New("the column is repeated: lists are not read")
	}
	if err != nil {
		return nil, fmt.Errorf("read column %s of row group %d: %w", f.Columns[column].Path, group, err)
	}
	return &Cursor{pages: p, left: f.groups[group].rows}, nil
}

// Next returns the next value, or io.EOF after the last one.
func (c *Cursor) Next() (Value, error) {
	if c.left == 0 {
		return Value{}, io.EOF
	}
	for c.page.left == 0 {
		if err := c.turn(0); err != nil {
			return Value{}, c.pages.describe(err)
		}
	}
	c.left--
	c.page.left--
	v, err := c.value()
	if err != nil {
		return v, c.pages.describe(err)
	}
	return v, nil
}

// Skip passes over n values. Pages that hold nothing else are not unpacked.
func (c *Cursor) Skip(n int64) error {
	for n > 0 && c.left > 0 {
		if c.page.left == 0 {
			before := c.left
			if err := c.turn(n); err != nil {
				return c.pages.describe(err)
			}
			n -= before - c.left
			continue
		}
		if _, err := c.Next(); err != nil {
			return err
		}
		n--
	}
	return nil
}

// turn goes to the next page, or past it when it holds no more than skip values.
func (c *Cursor) turn(skip int64) error {
	h, err := c.pages.next()
	if err != nil {
		return err
	}
	switch {
	case h.kind == dictionaryPage:
		return c.readDictionary(h)
	case h.kind != dataPage && h.kind != dataPageV2:
		return c.pages.pass(h)
	case h.values < 0 || h.values > c.left:
		return fmt.Errorf("a page claims %d values where %d are left", h.values, c.left)
	case h.values <= skip:
		c.left -= h.values
		return c.pages.pass(h)
	}
	data, err := c.pages.read(h)
	if err != nil {
		return err
	}
	return c.open(h, data)
}

// open prepares reading the values of a page.
func (c *Cursor) open(h pageHeader, data []byte) (err error) {
	p := page{left: h.values}
	if _, p.defs, data, err = c.pages.levels(h, data); err != nil {
		return err
	}
	switch h.encoding {
	case encodingPlain:
		p.plain = data
	case encodingPlainDictionary, encodingRLEDictionary:
		if len(data) == 0 { // nothing but nulls
			break
		}
		if p.indices, err = newHybrid(data[1:], uint(data[0])); err != nil {
			return err
		}
	default:
		return fmt.Errorf("values in encoding %s are not read: expected PLAIN or a dictionary", encodingName(h.encoding))
	}
	c.page = p
	return nil
}

// value reads the next value of the page.
func (c *Cursor) value() (v Value, err error) {
	if c.page.defs != nil {
		level, err := c.page.defs.next()
		if err != nil {
			return v, err
		}
		if int64(level) < c.pages.column.maxDef {
			return Value{Null: true}, nil
		}
	}
	if c.page.indices == nil {
		return plainValue(&c.page.plain, c.pages.column.Type)
	}
	i, err := c.page.indices.next()
	if err != nil {
		return v, err
	}
	if int(i) >= len(c.dict) {
		return v, fmt.Errorf("value %d of a dictionary of %d", i, len(c.dict))
	}
	return c.dict[i], nil
}

// readDictionary reads the dictionary, which keeps the bytes of its page.
func (c *Cursor) readDictionary(h pageHeader) error {
	if c.dict != nil {
		return errors.New("there are two dictionaries")
	}
	if h.values < 0 || h.values > c.left {
		return fmt.Errorf("a dictionary claims %d values for %d", h.values, c.left)
	}
	if h.encoding != encodingPlain && h.encoding != encodingPlainDictionary {
		return fmt.Errorf("a dictionary in encoding %s is not read", encodingName(h.encoding))
	}
	data, err := c.pages.read(h)
	if err != nil {
		return err
	}
	c.pages.page = nil // it is kept here
	c.dict = []Value{}
	for range h.values {
		v, err := plainValue(&data, c.pages.column.Type)
		if err != nil {
			return fmt.Errorf("dictionary: %w", err)
		}
		c.dict = append(c.dict, v)
	}
	return nil
}

// plainValue cuts a value off data.
func plainValue(data *[]byte, kind Type) (v Value, err error) {
	d := *data
	switch kind {
	case ByteArray:
		v.Bytes, *data, err = cutBytes(d)
		return v, err
	case Int32:
		if len(d) >= 4 {
			v.Int, *data = int64(int32(binary.LittleEndian.Uint32(d))), d[4:]
			return v, nil
		}
	case Int64:
		if len(d) >= 8 {
			v.Int, *data = int64(binary.LittleEndian.Uint64(d)), d[8:]
			return v, nil
		}
	default:
		return v, fmt.Errorf("values of type %d are not read", kind)
	}
	return v, errShort
}

var errShort = errors.New("a page ends within its values")

// cutBytes cuts bytes with a length of four bytes before them off data.
func cutBytes(data []byte) (b, rest []byte, err error) {
	if len(data) < 4 {
		return nil, nil, errShort
	}
	n := uint64(binary.LittleEndian.Uint32(data))
	if n > uint64(len(data)-4) {
		return nil, nil, errShort
	}
	return data[4 : 4+n : 4+n], data[4+n:], nil
}
