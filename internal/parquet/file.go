// Package parquet reads columns of Parquet files value by value, and writes tables of vectors.
//
// It reads what data sets of images and their features are kept in: columns of
// byte arrays and integers, which may be fields of a struct and may be null but
// are not repeated, and columns of lists of floating-point numbers, all of one
// length; in plain, dictionary and byte-stream-split encoding, uncompressed or
// as Snappy, gzip or Zstandard. Everything else is refused by name. Memory holds
// one page of each column that is read and its dictionary; no length in a file
// is believed beyond the bytes that are there.
//
// Format: Apache Parquet, https://parquet.apache.org/docs/file-format/ and
// parquet.thrift of version 2.10.
package parquet

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Type is the type in which a column's values are stored.
type Type int64

// The types that are read. Others, of parquet.thrift, can be skipped.
const (
	Int32      Type = 1
	Int64      Type = 2
	Float      Type = 4
	Double     Type = 5
	ByteArray  Type = 6
	FixedBytes Type = 7
)

// File is an opened file. It may be read by several goroutines at a time.
type File struct {
	// Rows is the number of rows.
	Rows int64
	// Columns are the leaves of the schema.
	Columns []Column
	// Meta are the file's own notes, "key_value_metadata".
	Meta map[string]string

	r      io.ReaderAt
	size   int64
	groups []group
}

// Column is a leaf of the schema.
type Column struct {
	// Path is the names from the root, with dots between them.
	Path string
	// Name is the Path, of a list without what names its elements.
	Name string
	Type Type

	maxDef int64 // definition level of a value that is not null
	maxRep int64 // how many lists it is in
	length int64 // bytes of a FixedBytes value
	half   bool  // which is a float16
}

// group is a number of rows, whose columns lie together.
type group struct {
	rows   int64
	chunks []chunk
}

// chunk is one column of a group.
type chunk struct {
	codec, values, size  int64
	data, dictionary     int64 // offsets of the first pages; dictionary is 0 without one
	kind                 Type
	elsewhere, encrypted bool
}

// element is one node of the schema, as stored.
type element struct {
	name                       string
	kind, repetition, children int64
	length                     int64
	half                       bool
}

const magic = "PAR1"

// The end of a file: the footer, its length in four bytes, and the magic.
const tail = 8

// Open reads the footer of a file of size bytes.
func Open(r io.ReaderAt, size int64) (*File, error) {
	if size < int64(len(magic))+tail {
		return nil, errors.New("not a Parquet file: it is too short")
	}
	var end [tail]byte
	if _, err := r.ReadAt(end[:], size-tail); err != nil {
		return nil, truncated(err)
	}
	n := int64(binary.LittleEndian.Uint32(end[:4]))
	switch string(end[4:]) {
	case magic:
	case "PARE":
		return nil, errors.New("the file is encrypted")
	default:
		return nil, errors.New("not a Parquet file, or truncated: it does not end in PAR1")
	}
	if n > size-tail-int64(len(magic)) {
		return nil, fmt.Errorf("the footer claims %d bytes of the file's %d", n, size)
	}
	f := &File{r: r, size: size, Meta: map[string]string{}}
	section := io.NewSectionReader(r, size-tail-n, n)
	if err := f.footer(&thrift{r: bufio.NewReaderSize(section, 64<<10), left: n}); err != nil {
		return nil, fmt.Errorf("read the footer: %w", err)
	}
	return f, nil
}

// footer reads the struct FileMetaData and checks it against the file's size.
func (f *File) footer(t *thrift) error {
	var schema []element
	err := t.fields(func(id int, kind byte) error {
		switch {
		case id == 2 && kind == typeList:
			return t.list(func(byte) error {
				e, err := t.element()
				schema = append(schema, e)
				return err
			})
		case id == 4 && kind == typeList:
			return t.list(func(byte) error {
				g, err := t.group()
				f.groups = append(f.groups, g)
				return err
			})
		case id == 5 && kind == typeList:
			return t.list(func(byte) error { return t.pair(f.Meta) })
		}
		return t.skip(kind, false)
	})
	if err != nil {
		return err
	}
	if len(schema) == 0 {
		return errors.New("there is no schema")
	}
	if _, err := f.leaves(schema[1:], schema[0].children, "", Column{}, 0); err != nil {
		return err
	}
	return f.check()
}

// check holds the groups against the schema and the size of the file.
func (f *File) check() error {
	for i, g := range f.groups {
		if len(g.chunks) != len(f.Columns) {
			return fmt.Errorf("row group %d has %d columns, the schema %d", i, len(g.chunks), len(f.Columns))
		}
		if g.rows < 0 || g.rows > f.size || f.Rows > f.size-g.rows {
			return fmt.Errorf("row group %d claims %d rows in a file of %d bytes", i, g.rows, f.size)
		}
		f.Rows += g.rows
	}
	return nil
}

// leaves lists the columns below n children of a node, whose elements come
// first in schema, and returns the elements after them.
func (f *File) leaves(schema []element, n int64, prefix string, up Column, depth int) ([]element, error) {
	if depth > maxDepth {
		return nil, errors.New("the schema is nested too deep")
	}
	for range n {
		if len(schema) == 0 {
			return nil, errors.New("the schema has fewer columns than it claims")
		}
		e := schema[0]
		c := up
		c.Path = prefix + e.name
		if c.maxRep == 0 { // not in a list yet
			c.Name = c.Path
			if e.repetition == 2 && up.Path != "" {
				c.Name = up.Path
			}
		}
		c.Type, c.length, c.half = Type(e.kind), e.length, e.half
		switch e.repetition {
		case 1: // optional
			c.maxDef++
		case 2:
			c.maxDef++
			c.maxRep++
		}
		schema = schema[1:]
		if e.children == 0 {
			f.Columns = append(f.Columns, c)
			continue
		}
		var err error
		if schema, err = f.leaves(schema, e.children, c.Path+".", c, depth+1); err != nil {
			return nil, err
		}
	}
	return schema, nil
}

// maxName bounds names of columns and the file's notes, in bytes.
const maxName = 16 << 20

// element reads the struct SchemaElement.
func (t *thrift) element() (e element, err error) {
	err = t.fields(func(id int, kind byte) (err error) {
		switch id {
		case 1:
			return t.into(&e.kind, kind)
		case 2:
			return t.into(&e.length, kind)
		case 3:
			return t.into(&e.repetition, kind)
		case 4:
			e.name, err = t.text(maxName)
			return err
		case 5:
			return t.into(&e.children, kind)
		case 10: // the union LogicalType: one field
			return t.fields(func(id int, kind byte) error {
				e.half = e.half || id == logicalFloat16
				return t.skip(kind, false)
			})
		}
		return t.skip(kind, false)
	})
	return e, err
}

// Fields of the union LogicalType.
const (
	logicalString  = 1
	logicalList    = 3
	logicalFloat16 = 15
)

// pair reads the struct KeyValue.
func (t *thrift) pair(into map[string]string) error {
	var key, value string
	err := t.fields(func(id int, kind byte) (err error) {
		switch id {
		case 1:
			key, err = t.text(maxName)
		case 2:
			value, err = t.text(maxName)
		default:
			err = t.skip(kind, false)
		}
		return err
	})
	into[key] = value
	return err
}

// group reads the struct RowGroup.
func (t *thrift) group() (g group, err error) {
	err = t.fields(func(id int, kind byte) error {
		switch {
		case id == 1 && kind == typeList:
			return t.list(func(byte) error {
				c, err := t.chunk()
				g.chunks = append(g.chunks, c)
				return err
			})
		case id == 3:
			return t.into(&g.rows, kind)
		}
		return t.skip(kind, false)
	})
	return g, err
}

// chunk reads the struct ColumnChunk.
func (t *thrift) chunk() (c chunk, err error) {
	err = t.fields(func(id int, kind byte) error {
		switch {
		case id == 3 && kind == typeStruct:
			return t.columnMeta(&c)
		case id == 1:
			c.elsewhere = true
		case id == 8 || id == 9:
			c.encrypted = true
		}
		return t.skip(kind, false)
	})
	return c, err
}

// columnMeta reads the struct ColumnMetaData.
func (t *thrift) columnMeta(c *chunk) error {
	return t.fields(func(id int, kind byte) error {
		switch id {
		case 1:
			return t.into((*int64)(&c.kind), kind)
		case 4:
			return t.into(&c.codec, kind)
		case 5:
			return t.into(&c.values, kind)
		case 7:
			return t.into(&c.size, kind)
		case 9:
			return t.into(&c.data, kind)
		case 11:
			return t.into(&c.dictionary, kind)
		}
		return t.skip(kind, false)
	})
}

// Groups is the number of row groups.
func (f *File) Groups() int { return len(f.groups) }

// GroupRows is the number of rows of a group.
func (f *File) GroupRows(i int) int64 { return f.groups[i].rows }

// Column returns the index of the column with a path, -1 when there is none.
func (f *File) Column(path string) int {
	for i, c := range f.Columns {
		if c.Path == path {
			return i
		}
	}
	return -1
}

// section returns where the pages of a column of a group lie.
func (f *File) section(g, column int) (*io.SectionReader, error) {
	c, col := f.groups[g].chunks[column], f.Columns[column]
	start := c.data
	if c.dictionary > 0 && c.dictionary < start {
		start = c.dictionary
	}
	switch {
	case c.elsewhere:
		return nil, errors.New("the column lies in another file")
	case c.encrypted:
		return nil, errors.New("the column is encrypted")
	case c.kind != col.Type:
		return nil, fmt.Errorf("the column has type %d, and %d in the schema", c.kind, col.Type)
	case col.maxRep == 0 && c.values != f.groups[g].rows:
		return nil, fmt.Errorf("the column claims %d values in a group of %d rows", c.values, f.groups[g].rows)
	case start < int64(len(magic)) || c.size < 0 || c.size > f.size || start > f.size-c.size:
		return nil, fmt.Errorf("the column claims %d bytes from %d on, of a file of %d", c.size, start, f.size)
	case c.codec < 0 || c.codec >= int64(len(codecs)) || codecs[c.codec].unpack == nil:
		return nil, fmt.Errorf("its compression %s is not read: expected none, SNAPPY, GZIP or ZSTD", codecName(c.codec))
	}
	return io.NewSectionReader(f.r, start, c.size), nil
}

// List tells whether the column is of lists.
func (c Column) List() bool { return c.maxRep > 0 }

// TypeName is the type as parquet.thrift spells it.
func (c Column) TypeName() string {
	names := [...]string{"BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"}
	switch {
	case c.half:
		return "FLOAT16"
	case c.Type < 0 || int(c.Type) >= len(names):
		return fmt.Sprintf("of type %d", int64(c.Type))
	}
	return names[c.Type]
}

// String is the path and the type.
func (c Column) String() string { return c.Path + " " + c.TypeName() }

// Schema lists the columns, for messages.
func (f *File) Schema() string {
	var all []string
	for _, c := range f.Columns[:min(len(f.Columns), 20)] {
		all = append(all, c.String())
	}
	return strings.Join(all, ", ")
}
