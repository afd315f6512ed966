package pickle

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

var errTruncated = errors.New("the file is truncated")

// input reads a pickle's bytes and counts them.
type input struct {
	r    *bufio.Reader
	at   int64 // bytes read
	left int64 // bytes that can follow
}

// maxLine is the longest line of text that is read, of the instructions whose
// argument ends with a line. Protocol 0 keeps an array in one.
const maxLine = 1 << 30

// chunk is how much is allocated before its bytes have been seen.
const chunk = 16 << 20

func (in *input) byte() (byte, error) {
	b, err := in.r.ReadByte()
	if err != nil {
		return 0, truncated(err)
	}
	in.at++
	in.left--
	return b, nil
}

// number reads an unsigned number of n bytes, lowest first.
func (in *input) number(n int) (uint64, error) {
	var v uint64
	for i := range n {
		b, err := in.byte()
		if err != nil {
			return 0, err
		}
		v |= uint64(b) << (8 * i)
	}
	return v, nil
}

// bytes reads n bytes.
func (in *input) bytes(n uint64) ([]byte, error) {
	if in.left < 0 || n > uint64(in.left) {
		return nil, fmt.Errorf("%w: a value claims %d bytes, %d are left", errTruncated, n, max(in.left, 0))
	}
	var data []byte
	for rest := int(n); rest > 0; {
		data = grow(data, min(rest, max(chunk, len(data))))
		got, err := io.ReadFull(in.r, data[len(data):cap(data)][:min(rest, cap(data)-len(data))])
		data = data[:len(data)+got]
		in.at += int64(got)
		in.left -= int64(got)
		rest -= got
		if err != nil {
			return nil, truncated(err)
		}
	}
	return data, nil
}

// grow returns b with room for n more bytes, and none beyond.
func grow(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b
	}
	return append(make([]byte, 0, len(b)+n), b...)
}

// sized reads a length of n bytes and as many bytes as it says.
func (in *input) sized(n int) ([]byte, error) {
	size, err := in.number(n)
	if err != nil {
		return nil, err
	}
	return in.bytes(size)
}

// line reads up to the next line feed, which is left out.
func (in *input) line() ([]byte, error) {
	var line []byte
	for {
		part, err := in.r.ReadSlice('\n')
		in.at += int64(len(part))
		in.left -= int64(len(part))
		line = append(line, part...)
		switch {
		case err == nil:
			return line[:len(line)-1], nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, truncated(err)
		case len(line) > maxLine:
			return nil, fmt.Errorf("a line is longer than %d bytes", maxLine)
		}
	}
}

// truncated says so where a reader says EOF.
func truncated(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errTruncated
	}
	return err
}
