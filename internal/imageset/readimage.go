package imageset

import (
	"fmt"
	"io"
	"slices"
)

// maxFile is the largest image file that is read, in bytes: an uncompressed
// picture of MaxPixels is smaller.
const maxFile = 512 << 20

// largeFile is the number of bytes from which files are read one at a time, and
// their memory is given back.
const largeFile = 32 << 20

// firstBytes is how much of a file is looked at before the rest is read: one of
// zeros takes no room on a disk, but in memory.
const firstBytes = 1 << 20

// checkSize refuses a file that is too large to be an image.
func checkSize(size int64) error {
	if size > maxFile {
		return fmt.Errorf("the file has %d bytes, more than the limit of %d", size, maxFile)
	}
	return nil
}

// readImage reads a whole file into buf, grown where it is too short.
func readImage(buf []byte, path string) ([]byte, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return buf, err
	}
	defer f.Close()
	if err := checkSize(size); err != nil {
		return buf, err
	}
	buf = resize(buf, int(min(size, firstBytes)))
	if _, err := io.ReadFull(f, buf); err != nil {
		return buf, unexpectedEOF(err)
	}
	if size <= firstBytes {
		return buf, nil
	}
	if _, err := sniff(buf); err != nil {
		return buf, err
	}
	buf = slices.Grow(buf, int(size)-len(buf))[:size]
	if _, err := io.ReadFull(f, buf[firstBytes:]); err != nil {
		return buf, unexpectedEOF(err)
	}
	return buf, nil
}
