package parquet

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// row is what the generator wrote down of one row.
type row struct {
	Label  *int64  `json:"label"`
	Bytes  *int    `json:"bytes"`
	SHA256 *string `json:"sha256"`
}

func (r row) String() string { b, _ := json.Marshal(r); return string(b) }

// rows reads the images and labels of a whole file, starting at row from.
func rows(b []byte, from int64) (out []string, err error) {
	f, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, err
	}
	find := func(names ...string) int {
		return slices.IndexFunc(f.Columns, func(c Column) bool { return slices.Contains(names, c.Path) })
	}
	image, label := find("image.bytes", "img.bytes"), find("label", "fine_label")
	if image < 0 || label < 0 {
		return nil, fmt.Errorf("columns %v", f.Columns)
	}
	for g := range f.Groups() {
		images, err := f.Cursor(g, image)
		if err != nil {
			return out, err
		}
		labels, err := f.Cursor(g, label)
		if err != nil {
			return out, err
		}
		skip := min(from, f.GroupRows(g))
		from -= skip
		for _, c := range []*Cursor{images, labels} {
			if err := c.Skip(skip); err != nil {
				return out, err
			}
		}
		for range f.GroupRows(g) - skip {
			r, err := readRow(images, labels)
			if err != nil {
				return out, err
			}
			out = append(out, r.String())
		}
		if _, err := images.Next(); err != io.EOF {
			return out, fmt.Errorf("after the last value: %v", err)
		}
	}
	return out, nil
}

func readRow(images, labels *Cursor) (r row, err error) {
	v, err := images.Next()
	if err != nil {
		return r, err
	}
	if !v.Null {
		n, sum := len(v.Bytes), fmt.Sprintf("%x", sha256.Sum256(v.Bytes))
		r.Bytes, r.SHA256 = &n, &sum
	}
	if v, err = labels.Next(); err == nil && !v.Null {
		r.Label = &v.Int
	}
	return r, err
}

// TestGoldens reads files of DuckDB and hyparquet-writer as hyparquet and
// DuckDB read them (testdata/gen/parquet.mjs), from every row on.
func TestGoldens(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.parquet")
	if len(files) != 8 {
		t.Fatalf("%d files", len(files))
	}
	refused := map[string]string{"brotli": "compression BROTLI is not read", "version2": "encoding DELTA_LENGTH_BYTE_ARRAY are not read"}
	for _, file := range files {
		b := read(t, file)
		if why := refused[strings.TrimSuffix(filepath.Base(file), ".parquet")]; why != "" {
			if _, err := rows(b, 0); err == nil || !strings.Contains(err.Error(), why) {
				t.Errorf("%s: error %v, want one with %q", file, err, why)
			}
			continue
		}
		var want []row
		if err := json.Unmarshal(read(t, strings.TrimSuffix(file, "parquet")+"json"), &want); err != nil {
			t.Fatal(err)
		}
		for from := range len(want) + 1 {
			got, err := rows(b, int64(from))
			if err != nil || len(got) != len(want)-from {
				t.Fatalf("%s from row %d: %d rows, want %d, %v", file, from, len(got), len(want)-from, err)
			}
			for i, r := range want[from:] {
				if got[i] != r.String() {
					t.Fatalf("%s from row %d: row %d is %s, want %s", file, from, i, got[i], r)
				}
			}
		}
	}
}

func TestOpen(t *testing.T) {
	b := read(t, "testdata/snappy.parquet")
	f, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if f.Rows != 12 || f.Groups() != 1 || f.GroupRows(0) != 12 || f.Column("image.path") != 1 || f.Column("image") != -1 ||
		f.Schema() != "image.bytes BYTE_ARRAY, image.path BYTE_ARRAY, label INT64" {
		t.Errorf("%d rows, %d groups, schema %s", f.Rows, f.Groups(), f.Schema())
	}
	if !strings.Contains(f.Meta["huggingface"], `"ClassLabel"`) {
		t.Errorf("notes %q", f.Meta)
	}
	b = read(t, "testdata/groups.parquet")
	if f, err = Open(bytes.NewReader(b), int64(len(b))); err != nil || f.Groups() != 3 || f.Rows != 30 || f.GroupRows(2) != 8 {
		t.Errorf("%d rows in %d groups, %v", f.Rows, f.Groups(), err)
	}
}

// TestDamaged: a file that is cut is an error. One with a byte changed is an
// error or other values, and never a crash, nor does it take memory that the
// file cannot justify.
func TestDamaged(t *testing.T) {
	for _, name := range []string{"snappy", "gzip", "zstd", "uncompressed", "groups", "version2"} {
		whole := read(t, "testdata/"+name+".parquet")
		for n := 0; n < len(whole); n += 7 {
			if _, err := rows(whole[:n], 0); err == nil {
				t.Fatalf("%s cut to %d of %d bytes: no error", name, n, len(whole))
			}
		}
		for at := 0; at < len(whole); at += 3 {
			b := bytes.Clone(whole)
			b[at] ^= 0x55
			rows(b, 0)
			rows(b, 5)
		}
	}
}

// TestLies: what a file claims is checked before memory is taken for it.
func TestLies(t *testing.T) {
	footer := func(b ...byte) []byte {
		all := append([]byte("PAR1"), b...)
		return append(binary.LittleEndian.AppendUint32(all, uint32(len(b))), "PAR1"...)
	}
	for _, c := range []struct {
		file []byte
		want string
	}{
		{nil, "too short"},
		{[]byte("PAR1aaaaaaaaPARE"), "encrypted"},
		{[]byte("PAR1aaaaaaaaaaaa"), "does not end in PAR1"},
		{[]byte("PAR1\xff\xff\xff\xffPAR1"), "the footer claims 4294967295 bytes of the file's 12"},
		{footer(0), "there is no schema"},
		{footer(0x29, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07), "a list claims"},
		{footer(0x59, 0x1c, 0x18, 0xff, 0xff, 0xff, 0xff, 0x07), "a text claims"},
		{footer(bytes.Repeat([]byte{0x1c}, 99)...), "nested too deep"},
		{footer(bytes.Repeat([]byte{0x19}, 99)...), "nested too deep"},
		{footer(0x1b, 0), "a field of type 11"},
		{footer(0x29, 0x1c, 0x55, 0x7e, 0, 0x00), "fewer columns than it claims"},
	} {
		if _, err := Open(bytes.NewReader(c.file), int64(len(c.file))); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want one with %q", c.file, err, c.want)
		}
	}
	for _, c := range []struct{ size, packed int }{{maxPage + 1, maxPage}, {freePage + 1, 1000}} {
		if _, err := unpack(nil, make([]byte, min(c.packed, 1<<20)), 1, c.size); err == nil || !strings.Contains(err.Error(), "claims to unpack") {
			t.Errorf("a page of %d bytes in %d: %v", c.size, c.packed, err)
		}
	}
}

// TestHybrid holds runs and bit-packed groups against numbers packed bit by bit.
func TestHybrid(t *testing.T) {
	for width := uint(0); width <= 32; width++ {
		mask := uint32(uint64(1)<<width - 1)
		var data []byte
		var want []uint32
		run := uint32(0xdeadbeef) & mask
		data = append(data, 5<<1)
		for i := range (width + 7) / 8 {
			data = append(data, byte(run>>(8*i)))
		}
		want = append(want, run, run, run, run, run)
		data = append(data, 2<<1|1) // two groups of eight
		packed := make([]byte, 2*width)
		for i := range 16 {
			v := uint32(i*0x9e3779b9) & mask
			want = append(want, v)
			for b := range int(width) {
				packed[(i*int(width)+b)/8] |= byte(v>>b&1) << ((i*int(width) + b) % 8)
			}
		}
		data = append(append(data, packed...), 1<<1)
		for i := range (width + 7) / 8 {
			data = append(data, byte(run>>(8*i)))
		}
		want = append(want, run)
		h, err := newHybrid(data, width)
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range want {
			if v, err := h.next(); err != nil || v != w {
				t.Fatalf("%d bits: number %d is %d, want %d, %v", width, i, v, w, err)
			}
		}
		if _, err := h.next(); err == nil {
			t.Errorf("%d bits: a number after the last", width)
		}
	}
	if _, err := newHybrid(nil, 33); err == nil {
		t.Error("33 bits are read")
	}
}

func FuzzParquet(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.parquet")
	for _, file := range files {
		f.Add(read(f, file))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		f, err := Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		if f.Rows > int64(len(b)) {
			t.Fatalf("%d rows in %d bytes", f.Rows, len(b))
		}
		for g := range f.Groups() {
			for column := range f.Columns {
				c, err := f.Cursor(g, column)
				if err != nil {
					continue
				}
				n := int64(0)
				for ; err == nil; n++ {
					_, err = c.Next()
				}
				if err == io.EOF && n-1 != f.GroupRows(g) {
					t.Errorf("%d values in a group of %d rows", n-1, f.GroupRows(g))
				}
			}
		}
	})
}
