package npy

import (
	"archive/zip"
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestWriter writes what NumPy wrote into the goldens, to the byte, in pieces of every size.
func TestWriter(t *testing.T) {
	x := make([]float32, len(wantX))
	for i, v := range wantX {
		x[i] = float32(v)
	}
	for _, c := range []struct {
		golden string
		t      Type
		shape  []int64
		put    func(w *Writer, from, to int) error
	}{
		{"le_f4", Float32, []int64{5, 3}, func(w *Writer, i, j int) error { return w.Float32(x[3*i : 3*j]) }},
		{"le_f2", Float16, []int64{5, 3}, func(w *Writer, i, j int) error { return w.Float32(x[3*i : 3*j]) }},
		{"le_i8", Int64, []int64{5}, func(w *Writer, i, j int) error { return w.Int64(wantY[i:j]) }},
		{"u1", Uint8, []int64{5}, func(w *Writer, i, j int) error { return w.Bytes([]byte{0, 1, 2, 200, 255}[i:j]) }},
		{"strings", Text(10), []int64{5}, func(w *Writer, i, j int) error { return w.Strings(wantIDs[i:j]...) }},
	} {
		want, err := os.ReadFile("testdata/" + c.golden + ".npy")
		if err != nil {
			t.Fatal(err)
		}
		for size := 1; size <= 5; size++ {
			var b bytes.Buffer
			w, err := NewWriter(&b, c.t, c.shape...)
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < 5; i += size {
				if w.Close() == nil {
					t.Errorf("%s: complete after %d of 5", c.golden, i)
				}
				if err := c.put(w, i, min(i+size, 5)); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil || !bytes.Equal(b.Bytes(), want) {
				t.Errorf("%s: wrote %q, NumPy %q, %v", c.golden, b.Bytes(), want, err)
			}
		}
	}
	var b bytes.Buffer
	if w, err := NewWriter(&b, Float32); err != nil || w.Float32([]float32{1.5}) != nil || w.Close() != nil {
		t.Error(err)
	} else if want, _ := os.ReadFile("testdata/scalar.npy"); !bytes.Equal(b.Bytes(), want) {
		t.Errorf("a scalar: %q, NumPy %q", b.Bytes(), want)
	}
}

func TestWriterRefusals(t *testing.T) {
	for want, write := range map[string]func(w *Writer) error{
		"does not take []float32": func(w *Writer) error { return w.Float32([]float32{1}) },
		"more elements":           func(w *Writer) error { return w.Strings("a", "b", "c") },
		`"grüne" does not fit 4`:  func(w *Writer) error { return w.Strings("grün", "grüne") },
		`"a\x00" does not fit`:    func(w *Writer) error { return w.Strings("a\x00") },
		"lacks 1 elements":        func(w *Writer) error { w.Strings("grün"); return w.Close() },
	} {
		w, err := NewWriter(io.Discard, Text(4), 2)
		if err != nil {
			t.Fatal(err)
		}
		if err := write(w); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if _, err := NewWriter(io.Discard, Float32, 1<<40, 1<<40); err == nil {
		t.Error("a shape larger than any file is written")
	}
}

// TestNext reads every golden in pieces of random sizes: the same as at once, or refused in Fortran order.
func TestNext(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, name := range []string{"le_f2", "le_f4", "be_f8", "le_i2", "bool", "le_f4_fortran", "strings"} {
		want, err := mustGolden(t, name).Float32()
		a := mustGolden(t, name)
		if err != nil || !a.Sequential() {
			if a.Next(make([]float32, 1)) == nil {
				t.Errorf("%s is read in order", name)
			}
			continue
		}
		var got []float32
		for len(got) < len(want) {
			part := make([]float32, 1+rng.IntN(len(want)-len(got)))
			if err := a.Next(part); err != nil {
				t.Fatal(name, err)
			}
			got = append(got, part...)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
		if a.Next(make([]float32, 1)) == nil {
			t.Errorf("%s is read beyond its end", name)
		}
	}
}

// TestArchiveWriter writes an archive and reads it in the three ways there are.
func TestArchiveWriter(t *testing.T) {
	x := []float32{1, 2, 3, 4, 5, 6}
	var b bytes.Buffer
	w := NewArchiveWriter(&b)
	a, err := w.Create("x", Float16, 3, 2)
	if err != nil || a.Float32(x) != nil {
		t.Fatal(err)
	}
	if a, err = w.Create("grün", Text(3), 2); err != nil || a.Strings("a", "猫") != nil || w.Close() != nil {
		t.Fatal(err)
	}
	z, err := NewArchive("f.npz", bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil || !slices.Equal(z.Names(), []string{"x", "grün"}) {
		t.Fatal(z, err)
	}
	err = z.Array("grün", func(a *Array) error {
		ids, err := a.Strings()
		if !slices.Equal(ids, []string{"a", "猫"}) {
			t.Errorf("strings %q", ids)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	n, closer, err := z.Open("x")
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	got := make([]float32, 6)
	if err := n.Next(got); err != nil || !slices.Equal(got, x) {
		t.Errorf("in order: %v, %v", got, err)
	}
	p, err := z.InPlace("x")
	if err != nil || p == nil {
		t.Fatal(p, err)
	}
	if err := p.Float32At(got[:2], 3); err != nil || got[0] != 4 || got[1] != 5 {
		t.Errorf("in place: %v, %v", got, err)
	}
	if p, err := z.InPlace("grün"); err != nil || p == nil {
		t.Error(p, err)
	}
}

func TestArchiveInPlace(t *testing.T) {
	x, _ := os.ReadFile("testdata/le_f4.npy")
	fortran, _ := os.ReadFile("testdata/le_f4_fortran.npy")
	b := archive(t, zip.Deflate, "x.npy", string(x))
	z, err := NewArchive("f.npz", bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if p, err := z.InPlace("x"); p != nil || err != nil {
		t.Errorf("compressed: %v, %v", p, err)
	}
	b = archive(t, zip.Store, "x.npy", string(x), "f.npy", string(fortran), "bad.npy", string(x))
	b[bytes.LastIndex(b, x[len(x)-12:])] ^= 1
	if z, err = NewArchive("f.npz", bytes.NewReader(b), int64(len(b))); err != nil {
		t.Fatal(err)
	}
	if p, err := z.InPlace("f"); p != nil || err != nil {
		t.Errorf("Fortran order: %v, %v", p, err)
	}
	if _, err := z.InPlace("bad"); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("a flipped bit: %v", err)
	}
	if a, c, err := z.Open("bad"); err != nil {
		t.Error(err)
	} else if err := a.Next(make([]float32, 15)); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("a flipped bit, in order: %v", err)
	} else {
		c.Close()
	}
}
