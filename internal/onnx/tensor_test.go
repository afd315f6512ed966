package onnx

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// proto makes a TensorProto of a type and dimensions with more fields.
func proto(typ DType, dims []int64, fields ...[]byte) []byte {
	var msg []byte
	for _, d := range dims {
		msg = appendInt(msg, 1, d)
	}
	msg = appendText(appendInt(msg, 2, int64(typ)), 8, "t")
	return append(msg, slices.Concat(fields...)...)
}

func packed(num protowire.Number, values ...uint64) []byte {
	var b []byte
	for _, v := range values {
		b = protowire.AppendVarint(b, v)
	}
	return appendBytes(nil, num, b)
}

func unpacked(num protowire.Number, values ...uint64) (b []byte) {
	for _, v := range values {
		b = appendInt(b, num, int64(v))
	}
	return b
}

func float32Bits(v float32) uint32 { return math.Float32bits(v) }

// TestTensorElements reads each element type from each place that onnx.proto
// allows for it.
func TestTensorElements(t *testing.T) {
	le := binary.LittleEndian
	minusTwo := uint64(math.MaxUint64 - 1) // as an int64 or int32 varint
	f32 := le.AppendUint32(le.AppendUint32(nil, float32Bits(1.5)), float32Bits(-2))
	f64 := le.AppendUint64(le.AppendUint64(nil, math.Float64bits(1.5)), math.Float64bits(-2))
	oneByOne := protowire.AppendFixed32(protowire.AppendTag(nil, 4, protowire.Fixed32Type), float32Bits(1.5))
	oneByOne = protowire.AppendFixed32(protowire.AppendTag(oneByOne, 4, protowire.Fixed32Type), float32Bits(-2))
	tests := []struct {
		name string
		typ  DType
		data []byte
		want []float32
	}{
		{"float raw", Float, appendBytes(nil, 9, f32), []float32{1.5, -2}},
		{"float packed", Float, appendBytes(nil, 4, f32), []float32{1.5, -2}},
		{"float one by one", Float, oneByOne, []float32{1.5, -2}},
		{"double raw", Double, appendBytes(nil, 9, f64), []float32{1.5, -2}},
		{"double packed", Double, appendBytes(nil, 10, f64), []float32{1.5, -2}},
		{"half raw", Float16, appendBytes(nil, 9, []byte{0x00, 0x3e, 0x00, 0xc0}), []float32{1.5, -2}},
		{"half in int32_data", Float16, packed(5, 0x3e00, 0xc000), []float32{1.5, -2}},
		{"bfloat16 raw", BFloat16, appendBytes(nil, 9, []byte{0xc0, 0x3f, 0x00, 0xc0}), []float32{1.5, -2}},
		{"bfloat16 in int32_data", BFloat16, unpacked(5, 0x3fc0, 0xc000), []float32{1.5, -2}},
		{"int8 raw", Int8, appendBytes(nil, 9, []byte{3, 0xfe}), []float32{3, -2}},
		{"int8 in int32_data", Int8, packed(5, 3, minusTwo), []float32{3, -2}},
		{"uint8 raw", Uint8, appendBytes(nil, 9, []byte{3, 0xfe}), []float32{3, 254}},
		{"int16 raw", Int16, appendBytes(nil, 9, []byte{3, 0, 0xfe, 0xff}), []float32{3, -2}},
		{"uint16 raw", Uint16, appendBytes(nil, 9, []byte{3, 0, 0xfe, 0xff}), []float32{3, 65534}},
		{"int32 raw", Int32, appendBytes(nil, 9, []byte{3, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff}), []float32{3, -2}},
		{"int64 packed", Int64, packed(7, 3, minusTwo), []float32{3, -2}},
		{"int64 one by one", Int64, unpacked(7, 3, minusTwo), []float32{3, -2}},
		{"uint64 packed", Uint64, packed(11, 3, 4), []float32{3, 4}},
		{"uint32 packed", Uint32, packed(11, 3, 4), []float32{3, 4}},
		{"bool raw", Bool, appendBytes(nil, 9, []byte{0, 1}), []float32{0, 1}},
	}
	for _, test := range tests {
		tensor, err := parseTensor(proto(test.typ, []int64{2}, test.data), "")
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		got, err := tensor.Float32s()
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: got %v, %v; want %v", test.name, got, err, test.want)
		}
		ints, err := tensor.Int64s()
		if test.typ.IsFloat() {
			if err == nil {
				t.Errorf("%s: read as integers %v", test.name, ints)
			}
		} else if err != nil || float32(ints[1]) != test.want[1] {
			t.Errorf("%s: integers %v, %v", test.name, ints, err)
		}
	}
}

func TestTensorRefused(t *testing.T) {
	tests := map[string][]byte{
		"too few bytes":      proto(Float, []int64{2}, appendBytes(nil, 9, make([]byte, 7))),
		"too many bytes":     proto(Float, []int64{2}, appendBytes(nil, 9, make([]byte, 9))),
		"no data":            proto(Float, []int64{2}),
		"huge without data":  proto(Float, []int64{1 << 30, 1 << 20}),
		"too few elements":   proto(Int64, []int64{3}, packed(7, 1, 2)),
		"too many elements":  proto(Int64, []int64{1}, packed(7, 1, 2)),
		"in another field":   proto(Float, []int64{2}, packed(7, 1, 2)),
		"strings":            proto(String, []int64{1}, appendBytes(nil, 6, []byte("a"))),
		"of an unknown type": proto(99, []int64{1}, appendBytes(nil, 9, []byte{1})),
		"overflowing shape":  proto(Float, []int64{1 << 32, 1 << 32}, appendBytes(nil, 9, nil)),
		"negative shape":     proto(Float, []int64{-1, -2}, appendBytes(nil, 9, make([]byte, 8))),
		"raw_data a number":  proto(Float, []int64{1}, appendInt(nil, 9, 4)),
	}
	for name, msg := range tests {
		tensor, err := parseTensor(msg, "")
		if err == nil {
			_, err = tensor.Float32s()
		}
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestHalf checks widening at the corners of the format.
func TestHalf(t *testing.T) {
	for bits, want := range map[uint16]float64{
		0x0000: 0, 0x0001: 0x1p-24, 0x03ff: 1023 * 0x1p-24, 0x0400: 0x1p-14, 0x3c00: 1, 0x3c01: 1 + 0x1p-10,
		0x7bff: 65504, 0x7c00: math.Inf(1), 0xfc00: math.Inf(-1), 0xbc00: -1, 0x8001: -0x1p-24,
	} {
		if got := float64(halfToFloat(bits)); got != want {
			t.Errorf("%#04x: got %v, want %v", bits, got, want)
		}
	}
	if v := halfToFloat(0x7e00); v == v {
		t.Errorf("NaN became %v", v)
	}
	if v := halfToFloat(0x8000); v != 0 || !math.Signbit(float64(v)) {
		t.Errorf("minus zero became %v", v)
	}
}

// externalTensor is a 2×2 weight whose data lies elsewhere.
func externalTensor(name string, entries ...string) *Tensor {
	msg := proto(Float, []int64{2, 2})
	for i := 0; i < len(entries); i += 2 {
		msg = appendBytes(msg, 13, appendText(appendText(nil, 1, entries[i]), 2, entries[i+1]))
	}
	return &Tensor{Name: name, msg: appendInt(msg, 14, 1)}
}

// writeExternal writes a model whose only weight is external.
func writeExternal(t *testing.T, dir string, entries ...string) string {
	t.Helper()
	g := &Graph{
		IRVersion: 8, Opsets: map[string]int64{"": 13},
		Inputs: []Value{{Name: "x", Type: Float, Shape: []int64{-1, -1}}}, Outputs: []Value{{Name: "y"}},
		Initializers: []*Tensor{externalTensor("t", entries...)},
		Nodes:        []Node{node("Relu", "x", "f"), node("Gemm", "f t", "y")},
	}
	path := filepath.Join(dir, "model.onnx")
	if err := os.WriteFile(path, g.Encode(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestExternalData(t *testing.T) {
	dir := t.TempDir()
	data := make([]byte, 4, 20)
	for _, v := range []float32{1, 2, 3, 4} {
		data = binary.LittleEndian.AppendUint32(data, float32Bits(v))
	}
	if err := os.MkdirAll(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "sub", "model.data"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, entries := range [][]string{
		{"location", "sub/model.data", "offset", "4", "length", "16"},
		{"location", "sub/model.data", "offset", "4"},
	} {
		m, err := Load(writeExternal(t, dir, entries...))
		if err != nil {
			t.Fatal(err)
		}
		h, err := m.FindHead()
		if err != nil || !slices.Equal(h.W, []float32{1, 3, 2, 4}) {
			t.Errorf("%v: got %v, %v", entries, h, err)
		}
	}
	for _, test := range []struct {
		words   string
		entries []string
	}{
		{"gone.data", []string{"location", "gone.data"}},
		{"out of the model's folder", []string{"location", "../model.data"}},
		{"out of the model's folder", []string{"location", "sub/../../model.data"}},
		{"out of the model's folder", []string{"location", filepath.Join(dir, "sub", "model.data")}},
		{"no location", nil},
		{"truncated", []string{"location", "sub/model.data", "offset", "8", "length", "16"}},
		{"truncated", []string{"location", "sub/model.data", "offset", "21"}},
		{"not a size", []string{"location", "sub/model.data", "offset", "-4"}},
		{"not a size", []string{"location", "sub/model.data", "length", "many"}},
		{"gives 8 bytes", []string{"location", "sub/model.data", "length", "8"}},
		{"gives 12 bytes", []string{"location", "sub/model.data", "offset", "8"}},
		{"not a regular file", []string{"location", "sub"}},
	} {
		m, err := Load(writeExternal(t, dir, test.entries...))
		if err == nil {
			_, err = m.FindHead()
		}
		if err == nil || !errors.Is(err, ErrExternalData) || !strings.Contains(err.Error(), test.words) {
			t.Errorf("%v: got %v, want words %q", test.entries, err, test.words)
		}
	}
}
