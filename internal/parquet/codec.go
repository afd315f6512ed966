package parquet

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// maxPage bounds a page, in bytes: writers aim at one megabyte, and pages of a
// thousand photographs have a hundred.
const maxPage = 512 << 20

// What is compressed is not believed to become more than maxRatio times as
// long, deflate's limit, beyond freePage bytes: equal labels compress without
// limit, and a page of them is short.
const (
	maxRatio = 1032
	freePage = 16 << 20
)

// codec is one compression: unpack puts all of src into dst, which has its
// length.
type codec struct {
	name   string
	unpack func(dst, src []byte) error
}

// codecs by their number in parquet.thrift.
var codecs = []codec{
	{"UNCOMPRESSED", func(dst, src []byte) error { return exactly(dst, bytes.NewReader(src)) }},
	{"SNAPPY", unpackSnappy},
	{"GZIP", unpackGzip},
	{"LZO", nil},
	{"BROTLI", nil},
	{"LZ4", nil},
	{"ZSTD", unpackZstd},
	{"LZ4_RAW", nil},
}

func codecName(n int64) string {
	if n < 0 || n >= int64(len(codecs)) {
		return fmt.Sprint(n)
	}
	return codecs[n].name
}

var errSize = errors.New("a page has not the length it claims")

// exactly fills dst from r, which must end there.
func exactly(dst []byte, r io.Reader) error {
	if _, err := io.ReadFull(r, dst); err != nil {
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return errSize
		}
		return err
	}
	var more [1]byte
	if n, err := io.ReadFull(r, more[:]); n > 0 || err != io.EOF {
		if n == 0 {
			return err
		}
		return errSize
	}
	return nil
}

func unpackSnappy(dst, src []byte) error {
	n, err := snappy.DecodedLen(src)
	if err != nil {
		return err
	}
	if n != len(dst) {
		return errSize
	}
	_, err = snappy.Decode(dst, src)
	return err
}

func unpackGzip(dst, src []byte) error {
	z, err := gzip.NewReader(bytes.NewReader(src))
	if err != nil {
		return err
	}
	return exactly(dst, z)
}

func unpackZstd(dst, src []byte) error {
	z, err := zstd.NewReader(bytes.NewReader(src), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPage))
	if err != nil {
		return err
	}
	defer z.Close()
	return exactly(dst, z)
}

// unpack puts a packed page of size bytes into dst, grown where it is too short.
func unpack(dst, packed []byte, codecNumber int64, size int) ([]byte, error) {
	if size > maxPage || size > freePage && size/maxRatio > len(packed) {
		return dst, fmt.Errorf("a page of %d bytes claims to unpack to %d", len(packed), size)
	}
	if cap(dst) < size {
		dst = make([]byte, size)
	}
	dst = dst[:size]
	return dst, codecs[codecNumber].unpack(dst, packed)
}
