package parquet

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the files that testdata/gen/vectors.mjs reads with other tools")

const rowsInFiles, dimInFiles = 25, 5

// vectorAt is what testdata/gen/vectors.mjs writes.
func vectorAt(i, j int) float64 { return (float64((i*dimInFiles+j)*7%31) - 15) / 8 }

// number decodes a number of any width.
func number(b []byte) float64 {
	switch len(b) {
	case 2: // these are zero or normal
		h := binary.LittleEndian.Uint16(b)
		if h&0x7fff == 0 {
			return 0
		}
		return math.Ldexp(1+float64(h&1023)/1024, int(h>>10&31)-15) * (1 - 2*float64(h>>15))
	case 4:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(b))
}

// vectors reads the column of vectors of a whole file, so many rows at a time, as their bytes.
func vectors(b []byte, rows int) (v *Vectors, all []byte, err error) {
	f, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, nil, err
	}
	for i, c := range f.Columns {
		if c.maxRep == 0 {
			continue
		}
		if v, err = f.Vectors(i); err != nil {
			return nil, nil, err
		}
		for left := int(f.Rows); left > 0; left -= rows {
			part := make([]byte, min(rows, left)*v.Dim*v.Width)
			if err := v.Next(part); err != nil {
				return v, all, err
			}
			all = append(all, part...)
		}
		return v, all, nil
	}
	return nil, nil, fmt.Errorf("no list among %v", f.Columns)
}

func TestVectors(t *testing.T) {
	files, _ := filepath.Glob("testdata/vectors/*.parquet")
	good := 0
	for _, file := range files {
		if strings.Contains(file, "bad_") {
			continue
		}
		good++
		for _, rows := range []int{1, 4, rowsInFiles} {
			v, all, err := vectors(read(t, file), rows)
			if err != nil || v.Dim != dimInFiles || len(all) != rowsInFiles*dimInFiles*v.Width {
				t.Fatalf("%s: %+v, %d bytes, %v", file, v, len(all), err)
			}
			for i := range rowsInFiles * dimInFiles {
				if got, want := number(all[i*v.Width:(i+1)*v.Width]), vectorAt(i/dimInFiles, i%dimInFiles); got != want {
					t.Fatalf("%s, %d rows at a time: number %d is %v, want %v", file, rows, i, got, want)
				}
			}
		}
	}
	if good != 10 {
		t.Errorf("%d files", good)
	}
}

// TestUnevenVectors: lists of other lengths and nulls are found even where the counts are right.
func TestUnevenVectors(t *testing.T) {
	for name, want := range map[string]string{
		"long":    "row 4: is no list of 5 numbers",
		"empty":   "row 7: is no list of 5 numbers",
		"null":    "row 9: is no list of 5 numbers",
		"element": "row 11: is no list of 5 numbers",
		"sum":     "holds 124 numbers in 25 rows: vectors of one length",
	} {
		_, _, err := vectors(read(t, "testdata/vectors/bad_"+name+".parquet"), 2)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", name, err, want)
		}
	}
	f, err := Open(bytes.NewReader(read(t, "testdata/snappy.parquet")), int64(len(read(t, "testdata/snappy.parquet"))))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Vectors(0); err == nil || !strings.Contains(err.Error(), "is no list of numbers") {
		t.Errorf("a column of images: %v", err)
	}
}

// written is a file of ours with the rows of the goldens, in groups of a few rows and pages of fewer.
func written(kind Kind, group, page int) ([]byte, error) {
	var b bytes.Buffer
	w, err := NewWriter(&b, []Field{{"features", kind, dimInFiles}, {"label", Integers, 0}, {"id", Texts, 0}}, map[string]string{"note": "grün"})
	if err != nil {
		return nil, err
	}
	for from := 0; from < rowsInFiles; from += group {
		end := min(from+group, rowsInFiles)
		if err := w.Group(end - from); err != nil {
			return nil, err
		}
		for column := range 3 {
			for i := from; i < end; i += page {
				if err := writePage(w, kind, column, i, min(i+page, end)); err != nil {
					return nil, err
				}
			}
		}
	}
	err = w.Close()
	return b.Bytes(), err
}

func writePage(w *Writer, kind Kind, column, from, end int) error {
	var raw []byte
	var labels []int64
	var ids []string
	for i := from; i < end; i++ {
		labels, ids = append(labels, int64(i%3)), append(ids, fmt.Sprintf("%d/grün.png", i))
		for j := range dimInFiles {
			v := vectorAt(i, j)
			if kind == Float32s {
				raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(v)))
				continue
			}
			frac, exp := math.Frexp(math.Abs(v))
			h := uint16(0)
			if v != 0 {
				h = uint16(exp-1+15)<<10 | uint16((2*frac-1)*1024)
			}
			if v < 0 {
				h |= 0x8000
			}
			raw = binary.LittleEndian.AppendUint16(raw, h)
		}
	}
	switch column {
	case 0:
		return w.Vectors(raw)
	case 1:
		return w.Integers(labels)
	}
	return w.Texts(ids)
}

// TestWriter writes files that testdata/gen/vectors.mjs reads with other tools, and reads them itself.
func TestWriter(t *testing.T) {
	for name, kind := range map[string]Kind{"f32": Float32s, "f16": Float16s} {
		b, err := written(kind, 10, 4)
		if err != nil {
			t.Fatal(err)
		}
		path := "testdata/vectors/written_" + name + ".parquet"
		if *update {
			if err := os.WriteFile(path, b, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(b, read(t, path)) {
			t.Errorf("%s is not what is written now; go test -update, then node testdata/gen/vectors.mjs", path)
		}
		f, err := Open(bytes.NewReader(b), int64(len(b)))
		if err != nil || f.Rows != rowsInFiles || f.Groups() != 3 || f.Meta["note"] != "grün" {
			t.Fatal(f, err)
		}
		row := 0
		for g := range f.Groups() {
			labels, err1 := f.Cursor(g, f.Column("label"))
			ids, err2 := f.Cursor(g, f.Column("id"))
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			for range f.GroupRows(g) {
				y, err1 := labels.Next()
				id, err2 := ids.Next()
				if err1 != nil || err2 != nil || y.Int != int64(row%3) || string(id.Bytes) != fmt.Sprintf("%d/grün.png", row) {
					t.Fatalf("row %d: %v %q, %v %v", row, y.Int, id.Bytes, err1, err2)
				}
				row++
			}
		}
	}
}

func TestWriterRefusals(t *testing.T) {
	start := func(rows int) *Writer {
		w, err := NewWriter(io.Discard, []Field{{"x", Float32s, 2}, {"y", Integers, 0}}, nil)
		if err != nil || rows > 0 && w.Group(rows) != nil {
			t.Fatal(err)
		}
		return w
	}
	for want, err := range map[string]error{
		"more columns":   start(0).Vectors(make([]byte, 8)),
		"no whole rows":  start(2).Vectors(make([]byte, 12)),
		"lacks 1 rows":   start(1).Vectors(make([]byte, 16)),
		"does not take":  start(1).Integers([]int64{1}),
		"x lacks 3 rows": start(3).Close(),
		"without rows":   start(0).Group(0),
		"x lacks 2 rows": start(2).Group(1),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if _, err := NewWriter(io.Discard, []Field{{"x", Float32s, 0}}, nil); err == nil {
		t.Error("vectors of no numbers are written")
	}
}

// TestDamagedVectors: a file that is cut is an error, and so is a changed byte within the pages of our own, which have
// checksums. Elsewhere it is an error or other numbers, never a crash.
func TestDamagedVectors(t *testing.T) {
	files, _ := filepath.Glob("testdata/vectors/*.parquet")
	for _, file := range files {
		whole := read(t, file)
		own := strings.Contains(file, "written")
		pages := len(whole) - tail - int(binary.LittleEndian.Uint32(whole[len(whole)-tail:]))
		for n := 0; n < len(whole); n += 11 {
			if _, _, err := vectors(whole[:n], 9); err == nil {
				t.Fatalf("%s cut to %d of %d bytes: no error", file, n, len(whole))
			}
		}
		_, want, err := vectors(whole, 9)
		for at := 0; at < len(whole); at++ {
			if !own {
				at += 6
			}
			at = min(at, len(whole)-1)
			b := bytes.Clone(whole)
			b[at] ^= 0x55
			_, got, damaged := vectors(b, 9)
			if own && at < pages && err == nil && damaged == nil && !bytes.Equal(got, want) {
				t.Errorf("%s: a change of byte %d goes unnoticed", file, at)
			}
		}
	}
}

// TestVectorLies: a file's counts are checked before memory is taken for them.
func TestVectorLies(t *testing.T) {
	for _, values := range []int64{-1, 0, 24, 1 << 40, math.MaxInt64} {
		b := read(t, "testdata/vectors/arrow_list.parquet")
		f, err := Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		f.groups[0].chunks[0].values = values
		if _, err := f.Vectors(0); err == nil {
			t.Errorf("%d numbers in %d rows of %d bytes are believed", values, f.Rows, len(b))
		}
	}
}

func FuzzVectors(f *testing.F) {
	files, _ := filepath.Glob("testdata/vectors/*.parquet")
	for _, file := range files {
		f.Add(read(f, file))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		for i := range file.Columns {
			v, err := file.Vectors(i)
			if err != nil {
				continue
			}
			if v.Dim < 1 || int64(v.Dim)/maxDensity > int64(len(b)) {
				t.Fatalf("vectors of %d numbers in %d bytes", v.Dim, len(b))
			}
			part := make([]byte, v.Dim*v.Width)
			rows := int64(0)
			for ; err == nil; rows++ {
				err = v.Next(part)
			}
			if rows-1 > file.Rows {
				t.Errorf("%d vectors in a file of %d rows", rows-1, file.Rows)
			}
		}
	})
}
