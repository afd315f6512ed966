package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/oodflow/oodflow/internal/safetensors"
)

// Type is the type of elements to be written, as NumPy spells it.
type Type string

// The types that are written besides Text.
const (
	Float32 Type = "<f4"
	Float16 Type = "<f2"
	Int64   Type = "<i8"
	Uint8   Type = "|u1"
)

// Text is the type of strings of at most so many characters, each padded to that length with four bytes a character.
func Text(characters int) Type { return Type(fmt.Sprintf("<U%d", max(characters, 1))) }

// Writer writes one array front to back, in C order and pieces of any size. It holds nothing of it in memory.
type Writer struct {
	w    io.Writer
	t    dtype
	left int64 // elements
	buf  []byte
}

// NewWriter writes the header of an array of that type and shape to w. Equal input gives the bytes that np.save gives.
func NewWriter(w io.Writer, t Type, shape ...int64) (*Writer, error) {
	h := &header{}
	var err error
	if h.dtype, err = parseDType(string(t)); err != nil {
		return nil, err
	}
	axes := ""
	for _, d := range shape {
		h.shape = append(h.shape, int(d))
		axes += fmt.Sprintf("%d, ", d)
	}
	if len(shape) == 1 {
		axes = strings.TrimSuffix(axes, " ")
	} else {
		axes = strings.TrimSuffix(axes, ", ")
	}
	n, _, err := h.count()
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", t, axes)
	const fixed = len(Magic) + 2 + 2 // and version and length
	text += strings.Repeat(" ", 63-(fixed+len(text))%64) + "\n"
	_, err = fmt.Fprintf(w, "%s\x01\x00%s%s", Magic, []byte{byte(len(text)), byte(len(text) >> 8)}, text)
	return &Writer{w: w, t: h.dtype, left: n}, err
}

// Float32 writes x as the next elements of an array of Float32 or of Float16, rounded to the nearest.
func (w *Writer) Float32(x []float32) error {
	t := safetensors.F32
	if w.t.size == 2 {
		t = safetensors.F16
	}
	put, _ := safetensors.Encode(t)
	return write(w, 'f', x, put)
}

// Int64 writes x as the next elements of an array of Int64.
func (w *Writer) Int64(x []int64) error {
	return write(w, 'i', x, func(dst []byte, src []int64) {
		for i, v := range src {
			binary.LittleEndian.PutUint64(dst[8*i:], uint64(v))
		}
	})
}

// Bytes writes x as the next elements of an array of Uint8.
func (w *Writer) Bytes(x []byte) error {
	return write(w, 'u', x, func(dst, src []byte) { copy(dst, src) })
}

// Strings writes x as the next elements of an array of Text. One that is too long for it, or ends in a zero character,
// which NumPy would take for padding, is an error.
func (w *Writer) Strings(x ...string) error {
	for _, s := range x {
		if n := utf8.RuneCountInString(s); n > w.t.size/4 || strings.HasSuffix(s, "\x00") {
			return fmt.Errorf("the text %.80q does not fit %d characters", s, w.t.size/4)
		}
	}
	return write(w, 'U', x, func(dst []byte, src []string) {
		clear(dst)
		for i, s := range src {
			at := dst[i*w.t.size:]
			for _, r := range s {
				at[0], at[1], at[2] = byte(r), byte(r>>8), byte(r>>16)
				at = at[4:]
			}
		}
	})
}

// Close checks that all elements were written. It does not close the underlying writer.
func (w *Writer) Close() error {
	if w.left > 0 {
		return fmt.Errorf("the array lacks %d elements", w.left)
	}
	return nil
}

func write[T any](w *Writer, kind byte, x []T, put func(dst []byte, src []T)) error {
	switch {
	case w.t.kind != kind:
		return fmt.Errorf("an array of %s does not take %T", w.t, x)
	case int64(len(x)) > w.left:
		return errors.New("more elements than were declared")
	}
	if w.buf == nil {
		w.buf = make([]byte, max(1<<16, w.t.size))
	}
	for len(x) > 0 {
		n := min(len(x), len(w.buf)/w.t.size)
		part := w.buf[:n*w.t.size]
		put(part, x[:n])
		if _, err := w.w.Write(part); err != nil {
			return err
		}
		x = x[n:]
		w.left -= int64(n)
	}
	return nil
}
