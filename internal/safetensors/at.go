package safetensors

import (
	"io"
	"sync"
)

// buffers are what DecodeAt reads into.
var buffers = sync.Pool{New: func() any { return new([1 << 16]byte) }}

// DecodeAt fills dst with the elements that follow the first from in r, each of width bytes and decoded by convert. It
// serves this package and others whose arrays lie in files as plain elements.
func DecodeAt[T any](dst []T, r io.ReaderAt, from int64, width int, convert func(dst []T, src []byte)) error {
	buf := buffers.Get().(*[1 << 16]byte)
	defer buffers.Put(buf)
	for len(dst) > 0 {
		n := min(len(dst), len(buf)/width)
		src := buf[:n*width]
		if k, err := r.ReadAt(src, from*int64(width)); k < len(src) {
			return err
		}
		convert(dst[:n], src)
		dst, from = dst[n:], from+int64(n)
	}
	return nil
}
