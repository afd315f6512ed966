package pickle

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

func load(b []byte) (any, error) { return Read(bytes.NewReader(b), int64(len(b))) }

func file(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// show describes a value as testdata/gen/cifar.py does.
func show(v any) any {
	switch v := v.(type) {
	case int64:
		return json.Number(strconv.FormatInt(v, 10))
	case float64:
		return map[string]any{"float": v}
	case Bytes:
		return map[string]any{"bytes": hex.EncodeToString(v)}
	case Tuple:
		return map[string]any{"tuple": showAll(v)}
	case *List:
		return showAll(v.Items)
	case *Dict:
		pairs := []any{}
		for i, k := range v.Keys {
			pairs = append(pairs, []any{show(k), show(v.Values[i])})
		}
		return map[string]any{"dict": pairs}
	case *Array:
		order := map[bool]string{false: "C", true: "F"}[v.Fortran]
		shape := []any{}
		for _, n := range v.Shape {
			shape = append(shape, json.Number(strconv.Itoa(n)))
		}
		return map[string]any{"array": fmt.Sprintf("%c%d", v.Kind, v.Size), "big": v.Big, "shape": shape, "order": order,
			"data": hex.EncodeToString(v.Data)}
	}
	return v
}

func showAll(items []any) []any {
	out := []any{}
	for _, v := range items {
		out = append(out, show(v))
	}
	return out
}

// floats turns Python's hexadecimal floats into numbers.
func floats(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if s, ok := x.(string); ok && k == "float" {
				v[k], _ = strconv.ParseFloat(s, 64)
			} else {
				v[k] = floats(x)
			}
		}
	case []any:
		for i := range v {
			v[i] = floats(v[i])
		}
	}
	return v
}

// TestGoldens: what Python and NumPy wrote at every protocol is what they had.
func TestGoldens(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.pickle")
	if len(files) < 14 {
		t.Fatalf("%d pickles", len(files))
	}
	for _, f := range files {
		name, _, _ := strings.Cut(f, ".")
		d := json.NewDecoder(bytes.NewReader(file(t, name+".json")))
		d.UseNumber()
		var want any
		if err := d.Decode(&want); err != nil {
			t.Fatal(err)
		}
		v, err := load(file(t, f))
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		if got, want := show(v), floats(want); !reflect.DeepEqual(got, want) {
			t.Errorf("%s is\n%v, want\n%v", f, got, want)
		}
	}
}

// TestShared: what a pickle uses twice is one value.
func TestShared(t *testing.T) {
	v, err := load(file(t, "testdata/plain.4.pickle"))
	if err != nil {
		t.Fatal(err)
	}
	l := v.(*Dict).Get("shared").(*List)
	if l.Items[0] != l.Items[1] {
		t.Error("one list became two")
	}
	if v.(*Dict).Get("nothing") != nil {
		t.Error("a key that is not there has a value")
	}
}

// TestRefuses: what could run code, and what is no pickle, is refused by name.
func TestRefuses(t *testing.T) {
	for _, c := range []struct{ pickle, want string }{
		{"cos\nsystem\n(S'rm -rf /'\ntR.", `"os.system": refused`},
		{"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02ls\x85R.", `"os.system": refused`},
		{"\x80\x04\x8c\x05numpy\x8c\x04load\x93.", `"numpy.load": refused`},
		{"cbuiltins\neval\n(V1+1\ntR.", `"builtins.eval": refused`},
		{"c__builtin__\ngetattr\n.", `"__builtin__.getattr": refused`},
		{"(i__main__\nX\n.", "instruction INST is refused"},
		{"(cnumpy\nndarray\no.", "instruction OBJ is refused"},
		{"cnumpy\nndarray\n)\x81.", "instruction NEWOBJ is refused"},
		{"cnumpy\nndarray\n)}\x92.", "instruction NEWOBJ_EX is refused"},
		{"Pid\n.", "instruction PERSID is refused"},
		{"NQ.", "instruction BINPERSID is refused"},
		{"\x82\x01.", "instruction EXT1 is refused"},
		{"\x97.", "instruction NEXT_BUFFER is refused"},
		{"\x8f.", "instruction EMPTY_SET is refused"},
		{"cnumpy\nndarray\n)R.", "numpy.ndarray in an unknown way: refused"},
		{"cnumpy\nndarray\n.", "holds no value"},
		{"N)R.", "calls None in an unknown way"}, {"cnumpy\ndtype\nNR.", "numpy.dtype is called with None"},
		{"}}b.", "the state of a dict: refused"},
		{"c_codecs\nencode\n(Vabc\nVrot13\ntR.", `"rot13": only text to latin1`},
		{"c_codecs\nencode\n(V\\u2603\nVlatin1\ntR.", "is not in latin1"},
		{"c_codecs\nencode\np0\n0(Vabcdefghijklmnopqrstuvwxyz\nVlatin1\ntp1\n0" + strings.Repeat("g0\ng1\nR0", 9) + "N.", "again and again"},
		{"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR.", "no contents"},
		{"cnumpy\ndtype\n(S'O8'\ntR.", `type "O8": expected numbers`},
		{"\x80\x09.", "protocol 9"},
		{"(.", "too few values"}, {".", "too few values"}, {"(0a.", "too few values"}, {"e.", "too few values"}, {"g5\n.", "value 5 is used before"},
		{"(I1\nd.", "a key without a value"}, {"Ia\n.", `"a" is not a whole number`}, {"\x8a\x09", "9 bytes: expected at most 8"},
		{"S'a\n.", "not quoted"}, {"S'\\q'\n.", "escape"}, {"S'\\x1'\n.", "two digits"}, {"V\\u12\n.", "damaged escape"}, {"X\x01\x00\x00\x00\xff.", "not UTF-8"},
		{"", "truncated"}, {"I1", "truncated"}, {"B\xff\xff\xff\x7fabc", "claims 2147483647 bytes, 3 are left"},
		{"\x8e\xff\xff\xff\xff\xff\xff\xff\xffabc", "are left"}, {"PK\x03\x04", "PERSID"}, {"\x1f\x8b\x08", "0x1f is not known: not a pickle"},
		{strings.Repeat("]", maxObjects+1) + ".", "more than 2097152 values"}, {strings.Repeat("N\x940", maxObjects), "more than 2097152 values"},
	} {
		v, err := load([]byte(c.pickle))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40q: %v, %v, want an error with %q", c.pickle, v, err, c.want)
		}
	}
}

// TestArrayLies: an array has exactly the bytes that its shape asks for.
func TestArrayLies(t *testing.T) {
	array := func(shape, data string) string {
		return "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(" + shape +
			"tcnumpy\ndtype\n(S'u2'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\nS'" + data + "'\ntb."
	}
	if v, err := load([]byte(array("I2\nI1\n", "abcd"))); err != nil || len(v.(*Array).Data) != 4 {
		t.Fatalf("%v, %v", v, err)
	}
	for _, c := range []struct{ shape, data string }{
		{"I2\nI2\n", "abcd"}, {"I1\n", "abcd"}, {"I-2\nI-1\n", "abcd"}, {"I4294967296\nI4294967296\n", "abcd"}, {"I9223372036854775807\nI2\n", "ab"},
		{"N", "ab"}, {strings.Repeat("I1\n", 33), "ab"},
	} {
		if v, err := load([]byte(array(c.shape, c.data))); err == nil {
			t.Errorf("shape %q of %d bytes: %v", c.shape, len(c.data), v)
		}
	}
}

// TestTruncated: a pickle cut anywhere is an error.
func TestTruncated(t *testing.T) {
	for _, name := range []string{"plain.0", "plain.2", "plain.5", "arrays.2", "arrays.5", "python2.2"} {
		whole := file(t, "testdata/"+name+".pickle")
		for n := range len(whole) {
			if _, err := load(whole[:n]); err == nil {
				t.Errorf("%s cut to %d of %d bytes: no error", name, n, len(whole))
			}
		}
	}
}

// TestMemory: a length is not believed before its bytes have been seen, even
// where the caller has a wrong idea of the file's size.
func TestMemory(t *testing.T) {
	lie := append([]byte("\x8e"), 0, 0, 0, 0, 0x10, 0, 0, 0) // 64 GiB
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := Read(bytes.NewReader(lie), 1<<62); !errors.Is(err, errTruncated) {
		t.Error(err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 2*chunk {
		t.Errorf("%d bytes allocated for nothing", n)
	}
}

func FuzzRead(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.pickle")
	for _, name := range files {
		if b := file(f, name); len(b) < 8<<10 {
			f.Add(b)
		}
	}
	f.Add([]byte("cos\nsystem\n(S'ls'\ntR."))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := load(b)
		if err != nil {
			return
		}
		if a, ok := v.(*Array); ok {
			n := a.Size
			for _, s := range a.Shape {
				n *= s
			}
			if n != len(a.Data) || n > len(b) {
				t.Fatalf("%v values of %d bytes in %d", a.Shape, a.Size, len(a.Data))
			}
		}
		if d, ok := v.(*Dict); ok {
			d.Get("data")
		}
	})
}
