package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/quick"
)

// raw builds a file of the given header text and data.
func raw(head, data string) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(head)))
	return append(append(b, head...), data...)
}

func open(b []byte) (*File, error) { return NewFile("f", bytes.NewReader(b), int64(len(b))) }

func TestBytesOfASmallFile(t *testing.T) {
	var b bytes.Buffer
	w, err := NewWriter(&b, []Info{
		{Name: "y", DType: I64, Shape: []int64{1}},
		{Name: "none", DType: F32, Shape: []int64{0, 7}},
		{Name: "x", DType: F32, Shape: []int64{1, 2}},
	}, map[string]string{"b": `"`, "a": "grün"})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Int64([]int64{-2}), w.Float32([]float32{1}), w.Float32([]float32{-0.5}), w.Close()); err != nil {
		t.Fatal(err)
	}
	head := `{"__metadata__":{"a":"grün","b":"\""},"y":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},` +
		`"none":{"dtype":"F32","shape":[0,7],"data_offsets":[8,8]},"x":{"dtype":"F32","shape":[1,2],"data_offsets":[8,16]}}`
	for len(head)%8 != 0 {
		head += " "
	}
	want := raw(head, "\xfe\xff\xff\xff\xff\xff\xff\xff\x00\x00\x80\x3f\x00\x00\x00\xbf")
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("wrote\n%q\nwant\n%q", b.Bytes(), want)
	}
}

func TestRoundTrip(t *testing.T) {
	f := func(x []float32, y []int64, z []float64, u []byte, meta map[string]string) bool {
		for k, v := range meta {
			delete(meta, k)
			meta[strings.ToValidUTF8(k, "?")] = strings.ToValidUTF8(v, "?")
		}
		infos := []Info{
			{Name: "y", DType: I64, Shape: []int64{int64(len(y))}},
			{Name: "z", DType: F64, Shape: []int64{1, int64(len(z))}},
			{Name: "x", DType: F32, Shape: []int64{int64(len(x))}},
			{Name: "u", DType: U8, Shape: []int64{int64(len(u))}},
		}
		write := func() []byte {
			var b bytes.Buffer
			w, err := NewWriter(&b, infos, meta)
			if err != nil {
				t.Fatal(err)
			}
			_, errU := w.ReadFrom(strings.NewReader(""))
			if err := errors.Join(errU, w.Int64(y), w.Float64(z), w.Float32(x)); err != nil {
				t.Fatal(err)
			}
			if _, err := w.ReadFrom(bytes.NewReader(u)); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			return b.Bytes()
		}
		b := write()
		if !bytes.Equal(b, write()) {
			t.Error("equal input gave other bytes")
		}
		if binary.LittleEndian.Uint64(b)%8 != 0 {
			t.Error("the data section is not aligned")
		}
		file, err := open(b)
		if err != nil {
			t.Fatal(err)
		}
		gotX, err1 := file.Float32("x")
		gotY, err2 := file.Int64("y")
		gotZ, err3 := file.Float64("z")
		gotU, err4 := file.Bytes("u")
		if err := errors.Join(err1, err2, err3, err4); err != nil {
			t.Fatal(err)
		}
		if len(meta) == 0 {
			meta = map[string]string{}
		}
		return slices.Equal(gotX, x) && slices.Equal(gotY, y) && slices.Equal(gotZ, z) && bytes.Equal(gotU, u) &&
			reflect.DeepEqual(file.Metadata, meta)
	}
	if err := quick.Check(f, nil); err != nil {
		t.Error(err)
	}
}

// A tensor longer than the reader's buffer arrives whole.
func TestLargeTensor(t *testing.T) {
	x := make([]float32, 300_001)
	for i := range x {
		x[i] = float32(i)
	}
	path := filepath.Join(t.TempDir(), "f")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := NewWriter(out, []Info{{Name: "x", DType: F32, Shape: []int64{int64(len(x))}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Float32(x[:7]), w.Float32(x[7:]), w.Close(), out.Close()); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	wide, err := f.Float64("x")
	if err != nil {
		t.Fatal(err)
	}
	narrow, err := f.Float32("x")
	if err != nil || !slices.Equal(narrow, x) {
		t.Errorf("read back otherwise: %v", err)
	}
	for i, v := range wide {
		if v != float64(i) {
			t.Fatalf("element %d is %v", i, v)
		}
	}
}

func TestHostileHeaders(t *testing.T) {
	ok := `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}}`
	if _, err := open(raw(ok+"  ", "123456")); err != nil {
		t.Fatalf("the base of the table does not open: %v", err)
	}
	swap := func(old, new string) []byte {
		if !strings.Contains(ok, old) {
			t.Fatalf("%q is not in the base", old)
		}
		return raw(strings.Replace(ok, old, new, 1), "123456")
	}
	for _, c := range []struct {
		name, want string
		file       []byte
	}{
		{"empty", "too short", nil},
		{"length only", "too short", make([]byte, 8)},
		{"endless header", "claims a header", append(binary.LittleEndian.AppendUint64(nil, math.MaxUint64), "{}"...)},
		{"header past the end", "truncated", append(binary.LittleEndian.AppendUint64(nil, 1000), "{}"...)},
		{"header past 100 MB", "not a safetensors file", append(binary.LittleEndian.AppendUint64(nil, 1<<40), "{}"...)},
		{"not an object", "does not start", raw(`["a"]`, "")},
		{"no header", "does not start", raw("", "123456")},
		{"leading space", "does not start", raw(" "+ok, "123456")},
		{"not UTF-8", "UTF-8", swap(`"a"`, "\"\xff\"")},
		{"cut JSON", "damaged", raw(ok[:len(ok)-1], "123456")},
		{"text behind", "text after", raw(ok+"x", "123456")},
		{"second object", "text after", raw(ok+"{}", "123456")},
		{"tensor twice", "twice", swap(`"b"`, `"a"`)},
		{"escaped tensor twice", "twice", swap(`"b"`, `"\u0061"`)},
		{"field twice", "twice", swap(`"dtype":"F32"`, `"dtype":"F32","dtype":"F32"`)},
		{"field missing", "lacks", swap(`"dtype":"F32",`, ``)},
		{"field unknown", "unknown field", swap(`"dtype":"F32",`, `"dtype":"F32","x":1,`)},
		{"type unknown", "unknown type", swap(`F32`, `F33`)},
		{"type not a string", "expected a string", swap(`"F32"`, `32`)},
		{"tensor not an object", "expected", raw(`{"a":1}`, "")},
		{"overlap", "overlaps", swap(`[4,6]`, `[3,5]`)},
		{"hole", "hole", swap(`[4,6]`, `[5,7]`)},
		{"hole at the start", "hole", swap(`[0,4]`, `[1,4]`)},
		{"reversed", "offsets", swap(`[4,6]`, `[4,2]`)},
		{"negative offset", "data_offsets", swap(`[0,4]`, `[-4,0]`)},
		{"three offsets", "data_offsets", swap(`[0,4]`, `[0,4,4]`)},
		{"fraction", "whole number", swap(`[0,4]`, `[0,4.5]`)},
		{"offset past int64", "whole number", swap(`[0,4]`, `[0,99999999999999999999]`)},
		{"shape not the bytes", "is declared as", swap(`[1]`, `[2]`)},
		{"shape negative", "negative", swap(`[1]`, `[-1]`)},
		{"shape overflows to the bytes", "larger than any file", swap(`[1]`, `[4294967296,4294967296,1]`)},
		{"overflow behind a zero", "larger than any file", swap(`"shape":[1],"data_offsets":[0,4]`, `"shape":[4611686018427387904,4611686018427387904,0],"data_offsets":[0,0]`)},
		{"truncated data", "truncated", raw(ok, "12345")},
		{"data behind", "after the last", raw(ok, "1234567")},
		{"metadata not strings", "expected a string", raw(`{"__metadata__":{"a":1}}`, "")},
		{"metadata twice", "twice", raw(`{"__metadata__":{"a":"1","a":"2"}}`, "")},
		{"half a byte", "within a byte", raw(`{"a":{"dtype":"F4","shape":[1],"data_offsets":[0,1]}}`, "1")},
	} {
		_, err := open(c.file)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "read f: ") {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

func TestOpenNamesTheFile(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Join(dir, "none")} {
		if _, err := Open(path); err == nil || strings.Count(err.Error(), path) != 1 {
			t.Errorf("Open(%q): %v", path, err)
		}
	}
}

func TestIntegers(t *testing.T) {
	head := `{"BOOL":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]},"I8":{"dtype":"I8","shape":[1],"data_offsets":[2,3]},` +
		`"U8":{"dtype":"U8","shape":[1],"data_offsets":[3,4]},"I16":{"dtype":"I16","shape":[1],"data_offsets":[4,6]},` +
		`"U16":{"dtype":"U16","shape":[1],"data_offsets":[6,8]},"I32":{"dtype":"I32","shape":[],"data_offsets":[8,12]},` +
		`"U32":{"dtype":"U32","shape":[1],"data_offsets":[12,16]},"U64":{"dtype":"U64","shape":[1],"data_offsets":[16,24]},` +
		`"big":{"dtype":"U64","shape":[1],"data_offsets":[24,32]},"F32":{"dtype":"F32","shape":[1],"data_offsets":[32,36]}}`
	data := "\x00\x01" + "\xfe" + "\xfe" + "\xfe\xff" + "\xfe\xff" + "\xfe\xff\xff\xff" + "\xfe\xff\xff\xff" +
		"\x05\x00\x00\x00\x00\x00\x00\x00" + "\x00\x00\x00\x00\x00\x00\x00\x80" + "\x00\x00\x80\x3f"
	f, err := open(raw(head, data))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]int64{
		"BOOL": {0, 1}, "I8": {-2}, "U8": {254}, "I16": {-2}, "U16": {65534}, "I32": {-2}, "U32": {1<<32 - 2}, "U64": {5},
	} {
		if got, err := f.Int64(name); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v, want %v", name, got, err, want)
		}
	}
	for name, read := range map[string]func(string) error{
		"big":  func(n string) error { _, err := f.Int64(n); return err },
		"F32":  func(n string) error { _, err := f.Int64(n); return err },
		"I8":   func(n string) error { _, err := f.Float32(n); return err },
		"none": func(n string) error { _, err := f.Bytes(n); return err },
	} {
		if err := read(name); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// Every half-precision number, against its definition.
func TestHalf(t *testing.T) {
	for h := range 1 << 16 {
		sign, exp, frac := 1.0, h>>10&31, float64(h&1023)
		if h>>15 == 1 {
			sign = -1
		}
		want := sign * math.Ldexp(1+frac/1024, exp-15)
		switch {
		case exp == 0:
			want = sign * math.Ldexp(frac/1024, -14)
		case exp == 31 && frac == 0:
			want = sign * math.Inf(1)
		case exp == 31:
			if got := Half(uint16(h)); got == got {
				t.Fatalf("Half(%#x) = %v, want NaN", h, got)
			}
			continue
		}
		if got := float64(Half(uint16(h))); got != want || math.Signbit(got) != (sign < 0) {
			t.Fatalf("Half(%#x) = %v, want %v", h, got, want)
		}
	}
}

func TestWriterRefusals(t *testing.T) {
	one := []Info{{Name: "a", DType: F32, Shape: []int64{2}}, {Name: "b", DType: I64, Shape: []int64{1}}}
	w, err := NewWriter(io.Discard, one, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), `"a" lacks 8 bytes`) {
		t.Errorf("Close of nothing: %v", err)
	}
	if err := w.Int64([]int64{1}); err == nil {
		t.Error("I64 was taken for F32")
	}
	if err := w.Float32(make([]float32, 3)); err == nil {
		t.Error("more values than the tensor has were taken")
	}
	if err := errors.Join(w.Float32(make([]float32, 2)), w.Int64([]int64{1}), w.Close()); err != nil {
		t.Error(err)
	}
	if err := w.Int64([]int64{1}); err == nil {
		t.Error("values past the end were taken")
	}
	if _, err := w.Write([]byte{1}); err == nil {
		t.Error("bytes past the end were taken")
	}
	if _, err := w.ReadFrom(strings.NewReader("x")); err == nil {
		t.Error("a reader past the end was taken")
	}
	for name, infos := range map[string][]Info{
		"twice":    {one[0], one[0]},
		"metadata": {{Name: "__metadata__", DType: F32}},
		"type":     {{Name: "a", DType: "F33"}},
		"negative": {{Name: "a", DType: F32, Shape: []int64{-1}}},
		"not text": {{Name: "\xff", DType: F32}},
		"overflow": {{Name: "a", DType: U8, Shape: []int64{1 << 62}}, {Name: "b", DType: U8, Shape: []int64{1 << 62}}},
	} {
		if _, err := NewWriter(io.Discard, infos, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := NewWriter(io.Discard, nil, map[string]string{"a": "\xff"}); err == nil {
		t.Error("metadata that is not UTF-8 was taken")
	}
}

// fullDisk takes some bytes and then fails.
type fullDisk int

func (d *fullDisk) Write(p []byte) (int, error) {
	n := min(len(p), int(*d))
	*d -= fullDisk(n)
	if n < len(p) {
		return n, errors.New("no space left on device")
	}
	return n, nil
}

func TestFullDiskAtEveryByte(t *testing.T) {
	run := func(room int) error {
		disk := fullDisk(room)
		w, err := NewWriter(&disk, []Info{{Name: "a", DType: F32, Shape: []int64{2}}, {Name: "b", DType: U8, Shape: []int64{4}}}, nil)
		if err != nil {
			return err
		}
		if err := w.Float32([]float32{1, 2}); err != nil {
			return err
		}
		if _, err := w.ReadFrom(strings.NewReader("abcd")); err != nil {
			return err
		}
		return w.Close()
	}
	whole := 0
	for run(whole) != nil {
		if whole++; whole > 1000 {
			t.Fatal("never enough room")
		}
	}
	if whole%4 != 0 || whole < 8+12 {
		t.Errorf("the file has %d bytes", whole)
	}
}

func FuzzHeader(f *testing.F) {
	f.Add([]byte(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"__metadata__":{"k":"v"}}`), []byte("1234"))
	f.Add([]byte(`{"a":{"dtype":"F4","shape":[2,0],"data_offsets":[0,0]}} `), []byte(""))
	f.Add([]byte(`{}`), []byte(""))
	f.Fuzz(func(t *testing.T, head, data []byte) {
		file, err := open(raw(string(head), string(data)))
		if err != nil {
			return
		}
		var total int64
		for _, info := range file.Tensors() {
			b, err := file.Bytes(info.Name)
			if err != nil || int64(len(b)) != info.Size() {
				t.Fatalf("%v: %d bytes, %v", info, len(b), err)
			}
			total += info.Size()
			if x, err := file.Float64(info.Name); err == nil && int64(len(x)) != info.Len() {
				t.Fatalf("%v: %d values", info, len(x))
			}
			file.Float32(info.Name)
			file.Int64(info.Name)
		}
		if total != int64(len(data)) {
			t.Fatalf("tensors hold %d of %d bytes", total, len(data))
		}
		// What was read can be written, and reads the same.
		var b bytes.Buffer
		w, err := NewWriter(&b, file.Tensors(), file.Metadata)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
		again, err := open(b.Bytes())
		if err != nil || !reflect.DeepEqual(again.Tensors(), file.Tensors()) || !reflect.DeepEqual(again.Metadata, file.Metadata) {
			t.Fatalf("written and read again: %v", err)
		}
	})
}
