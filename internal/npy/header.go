package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"strconv"
	"strings"
)

// Magic is what every .npy file starts with.
const Magic = "\x93NUMPY"

// maxHeader bounds the text of a header. NumPy itself writes 64 to some hundred bytes for plain arrays and
// refuses to read more than 10,000 without being told to.
const maxHeader = 10_000

// header is what the start of a .npy file says.
type header struct {
	dtype   dtype
	fortran bool // axes vary fastest first
	shape   []int
	length  int64 // bytes up to the data
}

// dtype is an element type: byte order, kind ('f', 'i', 'u', 'b', 'U', 'S') and size in bytes.
type dtype struct {
	big  bool
	kind byte
	size int
}

// readHeader reads the header at the start of r.
func readHeader(r io.Reader) (*header, error) {
	var fixed [12]byte
	if _, err := io.ReadFull(r, fixed[:10]); err != nil {
		return nil, errors.New("too short for a .npy file")
	}
	if string(fixed[:6]) != Magic {
		return nil, errors.New("is not a .npy file")
	}
	h := &header{length: 10}
	n := int64(binary.LittleEndian.Uint16(fixed[8:]))
	switch major := fixed[6]; major {
	case 1:
	case 2, 3: // the header's length takes four bytes; 3 allows UTF-8 in it
		if _, err := io.ReadFull(r, fixed[10:12]); err != nil {
			return nil, errors.New("too short for a .npy file")
		}
		h.length, n = 12, int64(binary.LittleEndian.Uint32(fixed[8:]))
	default:
		return nil, fmt.Errorf("is a .npy file of the unknown version %d.%d", major, fixed[7])
	}
	if n > maxHeader {
		return nil, fmt.Errorf("claims a header of %d bytes: damaged, or a structured array; save one plain array", n)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, errors.New("truncated within its header")
	}
	h.length += n
	if err := h.parse(string(text)); err != nil {
		return nil, fmt.Errorf("the .npy header is damaged or unusual: %w", err)
	}
	return h, nil
}

// count returns the number of elements and bytes of the array, or an error when no file can be that large.
func (h *header) count() (elements, bytes int64, err error) {
	total, zero := uint64(max(h.dtype.size, 1)), false
	for _, d := range h.shape {
		if d == 0 {
			zero = true
			continue
		}
		hi, lo := bits.Mul64(total, uint64(d))
		if hi != 0 || lo > 1<<62 {
			return 0, 0, fmt.Errorf("has the shape %v, which is larger than any file", h.shape)
		}
		total = lo
	}
	switch {
	case zero:
		return 0, 0, nil
	case h.dtype.size == 0: // without bytes behind them, a shape could claim any number of elements
		return 0, 0, errors.New("holds elements of no bytes")
	}
	return int64(total) / int64(h.dtype.size), int64(total), nil
}

// parse reads the Python literal {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }.
func (h *header) parse(text string) error {
	p := &literal{rest: text}
	p.expect("{")
	seen := map[string]bool{}
	for p.err == nil && !p.accept("}") {
		key := p.str()
		p.expect(":")
		if seen[key] {
			p.fail(fmt.Errorf("%q comes twice", key))
		}
		seen[key] = true
		switch key {
		case "descr":
			h.dtype = p.descr()
		case "fortran_order":
			h.fortran = p.boolean()
		case "shape":
			h.shape = p.tuple()
		default:
			p.fail(fmt.Errorf("unknown key %.40q", key))
		}
		if !p.accept(",") && p.err == nil && !strings.HasPrefix(p.rest, "}") {
			p.fail(fmt.Errorf("expected , or } before %.20q", p.rest))
		}
	}
	switch {
	case p.err != nil:
		return p.err
	case len(seen) != 3:
		return errors.New("it lacks descr, fortran_order or shape")
	case strings.Trim(p.rest, " \n\x00") != "":
		return fmt.Errorf("text after its end: %.20q", p.rest)
	}
	return nil
}

// literal reads the few Python literals a header is made of. After the first error it reads nothing more.
type literal struct {
	rest string
	err  error
}

func (p *literal) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

// accept consumes token and the space before and after it, if it comes next.
func (p *literal) accept(token string) bool {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n")
	if p.err != nil || !strings.HasPrefix(p.rest, token) {
		return false
	}
	p.rest = strings.TrimLeft(p.rest[len(token):], " \t\r\n")
	return true
}

func (p *literal) expect(token string) {
	if !p.accept(token) {
		p.fail(fmt.Errorf("expected %s before %.20q", token, p.rest))
	}
}

func (p *literal) str() string {
	for _, quote := range []string{"'", `"`} {
		if strings.HasPrefix(p.rest, quote) {
			s, rest, ok := strings.Cut(p.rest[1:], quote)
			if ok && !strings.Contains(s, `\`) {
				p.rest = rest
				p.accept("")
				return s
			}
		}
	}
	p.fail(fmt.Errorf("expected a string before %.20q", p.rest))
	return ""
}

func (p *literal) boolean() bool {
	switch {
	case p.accept("True"):
		return true
	case p.accept("False"):
		return false
	}
	p.fail(fmt.Errorf("expected True or False before %.20q", p.rest))
	return false
}

// tuple reads a tuple of axis lengths. Python 2 wrote an L behind long numbers.
func (p *literal) tuple() []int {
	shape := []int{}
	p.expect("(")
	for p.err == nil && !p.accept(")") {
		digits := p.rest[:len(p.rest)-len(strings.TrimLeft(p.rest, "0123456789"))]
		n, err := strconv.Atoi(digits)
		if err != nil {
			p.fail(fmt.Errorf("axis length %.20q is no number in range", p.rest))
			break
		}
		shape = append(shape, n)
		p.rest = p.rest[len(digits):]
		p.accept("L")
		if !p.accept(",") && !strings.HasPrefix(p.rest, ")") {
			p.fail(fmt.Errorf("expected , or ) before %.20q", p.rest))
		}
	}
	return shape
}

// descr reads the element type.
func (p *literal) descr() dtype {
	if strings.HasPrefix(p.rest, "[") {
		p.fail(errors.New("it is a structured array; save its columns as plain arrays"))
		return dtype{}
	}
	t, err := parseDType(p.str())
	if err != nil {
		p.fail(err)
	}
	return t
}

func parseDType(s string) (dtype, error) {
	if len(s) < 2 {
		return dtype{}, fmt.Errorf("unknown element type %q", s)
	}
	order, kind := s[0], s[1]
	switch {
	case kind == 'O' || order == 'O':
		return dtype{}, errors.New("it holds Python objects (a pickle), which are never loaded; " +
			"make it a plain array, as with np.asarray(x, dtype=np.float32), and save again")
	case !strings.ContainsRune("<>|=", rune(order)):
		return dtype{}, fmt.Errorf("unknown element type %.20q", s)
	}
	size, err := strconv.Atoi(s[2:])
	if err != nil || size < 0 || size > 1<<24 {
		return dtype{}, fmt.Errorf("unknown element type %.20q", s)
	}
	t := dtype{big: order == '>', kind: kind, size: size}
	switch kind {
	case 'f':
		if size != 2 && size != 4 && size != 8 {
			return dtype{}, fmt.Errorf("element type %.20q is not read; use float32", s)
		}
	case 'i', 'u':
		if size != 1 && size != 2 && size != 4 && size != 8 {
			return dtype{}, fmt.Errorf("unknown element type %.20q", s)
		}
	case 'b':
		if size != 1 {
			return dtype{}, fmt.Errorf("unknown element type %.20q", s)
		}
	case 'U': // NumPy counts characters of four bytes
		t.size *= 4
	case 'S':
	default:
		return dtype{}, fmt.Errorf("element type %.20q is not read; use float32", s)
	}
	return t, nil
}

// String spells the type as safetensors files do, so that messages speak one language.
func (t dtype) String() string {
	switch t.kind {
	case 'b':
		return "BOOL"
	case 'U', 'S':
		return "strings"
	}
	return strings.ToUpper(string(t.kind)) + strconv.Itoa(8*t.size)
}
