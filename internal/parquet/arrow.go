package parquet

import (
	"encoding/base64"
	"encoding/binary"

	flatbuffers "github.com/google/flatbuffers/go"
)

// Parquet knows lists but not their length. Arrow's readers learn it from the note "ARROW:schema": the schema as an Arrow IPC
// message, in base64 (https://arrow.apache.org/docs/format/Columnar.html, Schema.fbs and Message.fbs).
const arrowNote = "ARROW:schema"

// Members of the unions MessageHeader and Type.
const (
	arrowHeaderSchema = 1

	arrowInt           = 2
	arrowFloatingPoint = 3
	arrowUtf8          = 5
	arrowFixedSizeList = 16
)

// arrowSchema is the note for a file of these fields.
func arrowSchema(fields []Field) string {
	b := flatbuffers.NewBuilder(1024)
	var all []flatbuffers.UOffsetT
	for _, f := range fields {
		all = append(all, arrowColumn(b, f))
	}
	list := offsets(b, all)
	b.StartObject(4) // Schema: endianness, fields, ...
	b.PrependUOffsetTSlot(1, list, 0)
	schema := b.EndObject()
	b.StartObject(5)            // Message: version, header_type, header, bodyLength, ...
	b.PrependInt16Slot(0, 4, 0) // V5
	b.PrependByteSlot(1, arrowHeaderSchema, 0)
	b.PrependUOffsetTSlot(2, schema, 0)
	b.Finish(b.EndObject())
	message := b.FinishedBytes()
	for len(message)%8 != 0 {
		message = append(message, 0)
	}
	whole := binary.LittleEndian.AppendUint32([]byte{0xff, 0xff, 0xff, 0xff}, uint32(len(message)))
	return base64.StdEncoding.EncodeToString(append(whole, message...))
}

// arrowColumn writes the table Field of a column.
func arrowColumn(b *flatbuffers.Builder, f Field) flatbuffers.UOffsetT {
	switch f.Kind {
	case Texts:
		b.StartObject(0)
		return arrowField(b, f.Name, arrowUtf8, b.EndObject())
	case Integers:
		b.StartObject(2) // Int: bitWidth, is_signed
		b.PrependInt32Slot(0, 64, 0)
		b.PrependBoolSlot(1, true, false)
		return arrowField(b, f.Name, arrowInt, b.EndObject())
	}
	precision := int16(1) // SINGLE
	if f.Kind == Float16s {
		precision = 0 // HALF
	}
	b.StartObject(1)
	b.PrependInt16Slot(0, precision, 0)
	number := arrowField(b, elementName, arrowFloatingPoint, b.EndObject())
	b.StartObject(1) // FixedSizeList: listSize
	b.PrependInt32Slot(0, int32(f.Dim), 0)
	return arrowField(b, f.Name, arrowFixedSizeList, b.EndObject(), number)
}

// arrowField writes the table Field: name, nullable, type_type, type, dictionary, children, ...
func arrowField(b *flatbuffers.Builder, name string, kind byte, t flatbuffers.UOffsetT, children ...flatbuffers.UOffsetT) flatbuffers.UOffsetT {
	text, list := b.CreateString(name), offsets(b, children)
	b.StartObject(7)
	b.PrependUOffsetTSlot(0, text, 0)
	b.PrependByteSlot(2, kind, 0)
	b.PrependUOffsetTSlot(3, t, 0)
	b.PrependUOffsetTSlot(5, list, 0)
	return b.EndObject()
}

// offsets writes a vector of tables.
func offsets(b *flatbuffers.Builder, all []flatbuffers.UOffsetT) flatbuffers.UOffsetT {
	b.StartVector(4, len(all), 4)
	for i := range all {
		b.PrependUOffsetT(all[len(all)-1-i])
	}
	return b.EndVector(len(all))
}
