package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"math"
)

// Kind is what a column that is written holds.
type Kind int

// The kinds of column.
const (
	Texts    Kind = iota // one string, UTF-8
	Integers             // one int64
	Float32s             // a vector of Dim float32s
	Float16s             // a vector of Dim float16s
)

// Field describes a column that is written. None of its values is null.
type Field struct {
	Name string
	Kind Kind
	Dim  int // of vectors, at least 1
}

// Vectors are lists in Parquet, in three levels, and Arrow's fixed-size lists by the note "ARROW:schema".
const (
	listName    = "list"
	elementName = "element"
)

// Writer writes a table of columns without nulls, in plain encoding and not compressed, each page with its checksum. Rows
// are written in groups, a group column by column, a column page by page; it holds one page in memory.
type Writer struct {
	w      io.Writer
	at     int64
	fields []Field
	meta   map[string]string
	groups []writtenGroup
	rows   int64 // of the group that is open
	left   int64 // which its current column lacks
	column int   // the current one
	page   []byte
}

// writtenGroup is what the footer says of a group.
type writtenGroup struct {
	rows    int64
	columns []struct{ at, size int64 }
}

// NewWriter starts a file on w. meta are its notes besides Arrow's.
func NewWriter(w io.Writer, fields []Field, meta map[string]string) (*Writer, error) {
	for _, f := range fields {
		if f.Kind >= Float32s && (f.Dim < 1 || f.Dim > math.MaxInt32) {
			return nil, fmt.Errorf("column %s is of vectors of %d numbers", f.Name, f.Dim)
		}
	}
	pw := &Writer{w: w, fields: fields, meta: maps.Clone(meta), column: len(fields)}
	return pw, pw.write([]byte(magic))
}

func (w *Writer) write(b []byte) error {
	n, err := w.w.Write(b)
	w.at += int64(n)
	return err
}

// Group starts a group of so many rows, when the one before is complete.
func (w *Writer) Group(rows int) error {
	if w.column != len(w.fields) {
		return fmt.Errorf("column %s lacks %d rows", w.fields[w.column].Name, w.left)
	}
	if rows < 1 {
		return errors.New("a group without rows")
	}
	w.rows, w.left, w.column = int64(rows), int64(rows), 0
	w.groups = append(w.groups, writtenGroup{rows: w.rows, columns: make([]struct{ at, size int64 }, len(w.fields))})
	return nil
}

// Texts writes a page of a column of texts.
func (w *Writer) Texts(x []string) error {
	data := w.page[:0]
	for _, s := range x {
		data = append(binary.LittleEndian.AppendUint32(data, uint32(len(s))), s...)
	}
	return w.add(data, len(x), Texts)
}

// Integers writes a page of a column of integers.
func (w *Writer) Integers(x []int64) error {
	data := w.page[:0]
	for _, v := range x {
		data = binary.LittleEndian.AppendUint64(data, uint64(v))
	}
	return w.add(data, len(x), Integers)
}

// Vectors writes a page of a column of vectors: their numbers, little-endian.
func (w *Writer) Vectors(raw []byte) error {
	if w.column == len(w.fields) {
		return errors.New("more columns than were declared")
	}
	f := w.fields[w.column]
	width := 4
	if f.Kind == Float16s {
		width = 2
	}
	rows := len(raw) / (width * max(f.Dim, 1))
	data := append(vectorLevels(w.page[:0], rows, f.Dim), raw...)
	if rows*width*f.Dim != len(raw) {
		return fmt.Errorf("column %s: %d bytes are no whole rows", f.Name, len(raw))
	}
	return w.add(data, rows, f.Kind)
}

// vectorLevels appends the repetition levels 0, 1, 1, ... of each row and the definition levels, all 1, as runs.
func vectorLevels(b []byte, rows, dim int) []byte {
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	for range rows {
		b = append(b, 1<<1, 0)
		if dim > 1 {
			b = append(binary.AppendUvarint(b, uint64(dim-1)<<1), 1)
		}
	}
	binary.LittleEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	defs := append(binary.AppendUvarint(nil, uint64(rows)*uint64(dim)<<1), 1)
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(defs))), defs...)
}

// add writes a page of so many rows to the current column.
func (w *Writer) add(data []byte, rows int, kind Kind) error {
	w.page = data[:0]
	if w.column == len(w.fields) {
		return errors.New("more columns than were declared")
	}
	f := w.fields[w.column]
	values := int64(rows) * int64(f.perRow())
	switch {
	case kind != f.Kind || int64(rows) > w.left:
		return fmt.Errorf("column %s, which lacks %d rows, does not take these", f.Name, w.left)
	case values > math.MaxInt32 || len(data) > math.MaxInt32:
		return fmt.Errorf("column %s: a page of %d bytes", f.Name, len(data))
	case rows == 0:
		return nil
	}
	t := &thriftWriter{}
	t.object(func() {
		t.i32(1, dataPage)
		t.i32(2, int64(len(data)))
		t.i32(3, int64(len(data)))
		t.i32(4, int64(int32(crc32.ChecksumIEEE(data))))
		t.child(5, func() {
			t.i32(1, values)
			t.i32(2, encodingPlain)
			t.i32(3, encodingRLE)
			t.i32(4, encodingRLE)
		})
	})
	c := &w.groups[len(w.groups)-1].columns[w.column]
	if c.size == 0 {
		c.at = w.at
	}
	err := errors.Join(w.write(t.b), w.write(data))
	c.size = w.at - c.at
	if w.left -= int64(rows); w.left == 0 {
		w.column++
		w.left = w.rows
	}
	return err
}

// perRow is how many numbers a row holds.
func (f Field) perRow() int {
	if f.Kind >= Float32s {
		return f.Dim
	}
	return 1
}

// Close writes the footer. It does not close the underlying writer.
func (w *Writer) Close() error {
	if w.column != len(w.fields) {
		return fmt.Errorf("column %s lacks %d rows", w.fields[w.column].Name, w.left)
	}
	t := &thriftWriter{}
	t.object(func() { w.footer(t) })
	end := append(binary.LittleEndian.AppendUint32(t.b, uint32(len(t.b))), magic...)
	return w.write(end)
}
