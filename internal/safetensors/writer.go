package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"unicode/utf8"
)

// Writer writes a safetensors file front to back: the tensors are declared first, then their bytes follow
// in the declared order, in pieces of any size. It holds no tensor in memory.
type Writer struct {
	w    io.Writer
	todo []Info // declared and not complete; the first is being written
	need int64  // bytes the first still lacks
	buf  []byte
}

// NewWriter writes the header for the given tensors to w. The header lists them in the given order, which
// is also that of their bytes, with the metadata first and its keys sorted; equal input gives equal bytes.
// The data section starts at a multiple of 8, so each tensor is aligned to its element when wider types are
// declared before narrower ones.
func NewWriter(w io.Writer, tensors []Info, metadata map[string]string) (*Writer, error) {
	head, placed, err := encodeHeader(tensors, metadata)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(head); err != nil {
		return nil, err
	}
	sw := &Writer{w: w, todo: placed}
	if len(placed) > 0 {
		sw.need = placed[0].Size()
	}
	sw.next()
	return sw, nil
}

// encodeHeader returns the file's first bytes, up to the data, and the tensors with their offsets.
func encodeHeader(tensors []Info, metadata map[string]string) ([]byte, []Info, error) {
	var b bytes.Buffer
	b.WriteString("\x00\x00\x00\x00\x00\x00\x00\x00{")
	if len(metadata) > 0 {
		b.WriteString(`"__metadata__":{`)
		for i, k := range slices.Sorted(maps.Keys(metadata)) {
			if !utf8.ValidString(k) || !utf8.ValidString(metadata[k]) {
				return nil, nil, fmt.Errorf("metadata %q is not UTF-8", k)
			}
			separate(&b, i)
			quote(&b, k)
			b.WriteByte(':')
			quote(&b, metadata[k])
		}
		b.WriteByte('}')
	}
	placed := slices.Clone(tensors)
	seen := map[string]bool{"__metadata__": true}
	var pos int64
	for i := range placed {
		t := &placed[i]
		size, err := t.checkedSize()
		switch {
		case err != nil:
			return nil, nil, at("tensor", t.Name, err)
		case seen[t.Name] || !utf8.ValidString(t.Name):
			return nil, nil, fmt.Errorf("tensor name %q is taken or not UTF-8", t.Name)
		case pos > math.MaxInt64-size:
			return nil, nil, errors.New("the tensors are larger than any file")
		}
		seen[t.Name] = true
		t.begin, t.end = pos, pos+size
		pos = t.end
		separate(&b, i+len(metadata))
		quote(&b, t.Name)
		fmt.Fprintf(&b, `:{"dtype":"%s","shape":[`, t.DType)
		for j, d := range t.Shape {
			separate(&b, j)
			fmt.Fprint(&b, d)
		}
		fmt.Fprintf(&b, `],"data_offsets":[%d,%d]}`, t.begin, t.end)
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	head := b.Bytes()
	if len(head)-8 > maxHeader {
		return nil, nil, fmt.Errorf("header of %d bytes: the format allows %d", len(head)-8, maxHeader)
	}
	binary.LittleEndian.PutUint64(head, uint64(len(head)-8))
	return head, placed, nil
}

// Write writes raw little-endian bytes of the declared tensors, across their boundaries if need be.
func (w *Writer) Write(p []byte) (int, error) {
	done := 0
	for len(p) > 0 {
		if len(w.todo) == 0 {
			return done, errors.New("more bytes than were declared")
		}
		n, err := w.w.Write(p[:min(int64(len(p)), w.need)])
		w.advance(int64(n))
		done, p = done+n, p[n:]
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// ReadFrom copies all of r into the declared tensors. A file goes to a file without passing through here
// where the system can do that.
func (w *Writer) ReadFrom(r io.Reader) (int64, error) {
	var done int64
	for len(w.todo) > 0 {
		n, err := io.CopyN(w.w, r, w.need)
		w.advance(n)
		done += n
		if errors.Is(err, io.EOF) {
			return done, nil
		}
		if err != nil {
			return done, err
		}
	}
	if n, _ := io.ReadFull(r, make([]byte, 1)); n > 0 {
		return done, errors.New("more bytes than were declared")
	}
	return done, nil
}

// Float32 writes x as the next elements of the current tensor, which must be declared F32, F16 or BF16; see [Encode].
func (w *Writer) Float32(x []float32) error {
	t := F32
	if len(w.todo) > 0 && (w.todo[0].DType == F16 || w.todo[0].DType == BF16) {
		t = w.todo[0].DType
	}
	put, width := Encode(t)
	return write(w, t, width, x, put)
}

// Float64 writes x as the next elements of the current tensor, which must be declared F64.
func (w *Writer) Float64(x []float64) error {
	return write(w, F64, 8, x, func(dst []byte, src []float64) {
		for i, v := range src {
			binary.LittleEndian.PutUint64(dst[8*i:], math.Float64bits(v))
		}
	})
}

// Int64 writes x as the next elements of the current tensor, which must be declared I64.
func (w *Writer) Int64(x []int64) error {
	return write(w, I64, 8, x, func(dst []byte, src []int64) {
		for i, v := range src {
			binary.LittleEndian.PutUint64(dst[8*i:], uint64(v))
		}
	})
}

// Close checks that all declared bytes were written. It does not close the underlying writer.
func (w *Writer) Close() error {
	if len(w.todo) > 0 {
		return fmt.Errorf("tensor %q lacks %d bytes", w.todo[0].Name, w.need)
	}
	return nil
}

func write[T any](w *Writer, want DType, width int, x []T, put func(dst []byte, src []T)) error {
	if len(x) == 0 {
		return nil
	}
	if len(w.todo) == 0 {
		return errors.New("more values than were declared")
	}
	t := w.todo[0]
	if t.DType != want || int64(len(x))*int64(width) > w.need {
		return fmt.Errorf("tensor %q is declared as %s %v and does not take %d further values of type %s",
			t.Name, t.DType, t.Shape, len(x), want)
	}
	if w.buf == nil {
		w.buf = make([]byte, 1<<16)
	}
	for len(x) > 0 {
		n := min(len(x), len(w.buf)/width)
		put(w.buf[:n*width], x[:n])
		if _, err := w.Write(w.buf[:n*width]); err != nil {
			return err
		}
		x = x[n:]
	}
	return nil
}

func (w *Writer) advance(n int64) {
	w.need -= n
	w.next()
}

// next drops the tensors that are complete, empty ones included.
func (w *Writer) next() {
	for len(w.todo) > 0 && w.need == 0 {
		w.todo = w.todo[1:]
		if len(w.todo) > 0 {
			w.need = w.todo[0].Size()
		}
	}
}

func separate(b *bytes.Buffer, i int) {
	if i > 0 {
		b.WriteByte(',')
	}
}

// quote writes s as a JSON string. Package json cannot fail on one.
func quote(b *bytes.Buffer, s string) {
	q, _ := json.Marshal(s)
	b.Write(q)
}
