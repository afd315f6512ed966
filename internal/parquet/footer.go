package parquet

import (
	"encoding/binary"
	"maps"
	"slices"
)

// footer writes the struct FileMetaData.
func (w *Writer) footer(t *thriftWriter) {
	if w.meta == nil {
		w.meta = map[string]string{}
	}
	w.meta[arrowNote] = arrowSchema(w.fields)
	keys := slices.Sorted(maps.Keys(w.meta))
	var elements []func()
	for _, f := range w.fields {
		elements = append(elements, f.elements(t)...)
	}
	rows := int64(0)
	for _, g := range w.groups {
		rows += g.rows
	}
	t.i32(1, 2)
	t.list(2, typeStruct, 1+len(elements), func(i int) {
		if i > 0 {
			t.object(elements[i-1])
			return
		}
		t.object(func() {
			t.text(4, "schema")
			t.i32(5, int64(len(w.fields)))
		})
	})
	t.i64(3, rows)
	t.list(4, typeStruct, len(w.groups), func(i int) { t.object(func() { w.rowGroup(t, w.groups[i]) }) })
	t.list(5, typeStruct, len(keys), func(i int) {
		t.object(func() {
			t.text(1, keys[i])
			t.text(2, w.meta[keys[i]])
		})
	})
	t.text(6, "oodflow")
}

// elements are what fills the structs SchemaElement of a column.
func (f Field) elements(t *thriftWriter) []func() {
	const required, repeated = 0, 2
	leaf := func(name string, kind Type, fill func()) func() {
		return func() {
			t.i32(1, int64(kind))
			if kind == FixedBytes {
				t.i32(2, 2)
			}
			t.i32(3, required)
			t.text(4, name)
			fill()
		}
	}
	logical := func(id int) func() {
		return func() { t.child(10, func() { t.child(id, func() {}) }) }
	}
	switch f.Kind {
	case Texts:
		return []func(){leaf(f.Name, ByteArray, func() {
			t.i32(6, 0) // UTF8
			logical(logicalString)()
		})}
	case Integers:
		return []func(){leaf(f.Name, Int64, func() {})}
	}
	number := leaf(elementName, Float, func() {})
	if f.Kind == Float16s {
		number = leaf(elementName, FixedBytes, logical(logicalFloat16))
	}
	return []func(){func() {
		t.i32(3, required)
		t.text(4, f.Name)
		t.i32(5, 1)
		t.i32(6, 3) // LIST
		logical(logicalList)()
	}, func() {
		t.i32(3, repeated)
		t.text(4, listName)
		t.i32(5, 1)
	}, number}
}

// rowGroup writes the struct RowGroup.
func (w *Writer) rowGroup(t *thriftWriter, g writtenGroup) {
	total := int64(0)
	t.list(1, typeStruct, len(g.columns), func(i int) {
		c, f := g.columns[i], w.fields[i]
		total += c.size
		t.object(func() {
			t.i64(2, 0)
			t.child(3, func() {
				t.i32(1, int64(f.stored()))
				t.list(2, typeI32, 2, func(i int) { t.b = binary.AppendVarint(t.b, []int64{encodingPlain, encodingRLE}[i]) })
				path := f.path()
				t.list(3, typeBinary, len(path), func(i int) { t.raw(path[i]) })
				t.i32(4, 0) // not compressed
				t.i64(5, g.rows*int64(f.perRow()))
				t.i64(6, c.size)
				t.i64(7, c.size)
				t.i64(9, c.at)
			})
		})
	})
	t.i64(2, total)
	t.i64(3, g.rows)
}

func (f Field) stored() Type {
	return map[Kind]Type{Texts: ByteArray, Integers: Int64, Float32s: Float, Float16s: FixedBytes}[f.Kind]
}

func (f Field) path() []string {
	if f.Kind >= Float32s {
		return []string{f.Name, listName, elementName}
	}
	return []string{f.Name}
}
