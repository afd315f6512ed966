package parquet

import "encoding/binary"

// thriftWriter writes structs in Thrift's compact protocol, fields in ascending order.
type thriftWriter struct {
	b    []byte
	last []int // number of the last field of each struct that is open
}

// field begins a field of the struct that is open.
func (t *thriftWriter) field(id int, kind byte) {
	top := &t.last[len(t.last)-1]
	t.b = append(t.b, byte(id-*top)<<4|kind) // numbers of Parquet's fields are less than 16 apart
	*top = id
}

func (t *thriftWriter) i32(id int, v int64) {
	t.field(id, typeI32)
	t.b = binary.AppendVarint(t.b, v)
}

func (t *thriftWriter) i64(id int, v int64) {
	t.field(id, typeI64)
	t.b = binary.AppendVarint(t.b, v)
}

func (t *thriftWriter) text(id int, s string) {
	t.field(id, typeBinary)
	t.raw(s)
}

// raw is a text without its field: an element of a list.
func (t *thriftWriter) raw(s string) {
	t.b = append(binary.AppendUvarint(t.b, uint64(len(s))), s...)
}

// object writes a struct without its field: an element of a list, or the whole.
func (t *thriftWriter) object(fill func()) {
	t.last = append(t.last, 0)
	fill()
	t.b = append(t.b, 0)
	t.last = t.last[:len(t.last)-1]
}

func (t *thriftWriter) child(id int, fill func()) {
	t.field(id, typeStruct)
	t.object(fill)
}

// list writes a list of n elements, each by one call.
func (t *thriftWriter) list(id int, kind byte, n int, element func(i int)) {
	t.field(id, typeList)
	if n < 15 {
		t.b = append(t.b, byte(n)<<4|kind)
	} else {
		t.b = binary.AppendUvarint(append(t.b, 0xf0|kind), uint64(n))
	}
	for i := range n {
		element(i)
	}
}
