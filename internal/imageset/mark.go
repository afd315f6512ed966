package imageset

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
)

// Mark is a place between two batches of a [Load], from which another one can
// go on.
type Mark struct {
	// Images is the number of images before it that were handed over or skipped.
	Images int `json:"images"`
	// Sum is over those images.
	Sum Sum `json:"sum"`
	// Skipped lists those that could not be read.
	Skipped []Skip `json:"skipped,omitempty"`
}

// Sum tells one list of images from another: SHA-256 over the sum of the images
// before, the key of this one (see item.stored), its label and its id. It
// is all zeros before the first image.
type Sum [sha256.Size]byte

// MarshalText writes hexadecimal digits.
func (s Sum) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, s[:]), nil }

// UnmarshalText reads them.
func (s *Sum) UnmarshalText(text []byte) error {
	if len(text) != 2*len(s) {
		return fmt.Errorf("a sum of %d digits, not %d", len(text), 2*len(s))
	}
	_, err := hex.Decode(s[:], text)
	return err
}

// add sums one more image.
func (s *Sum) add(it *item, key int64) {
	var fixed [300]byte // long enough for most, and on the stack
	b := append(fixed[:0], s[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(key))
	b = binary.LittleEndian.AppendUint64(b, uint64(it.label))
	b = append(b, it.id...)
	*s = sha256.Sum256(b)
}

// stored is the number of bytes that are stored of an image, and what tells them
// from others: that number and, in a container, their CRC-32C. Both are 0 for an
// image that cannot be had, and -1 where there is no file.
func (it *item) stored() (size, key int64) {
	switch {
	case it.bad != nil:
		return 0, 0
	case it.path == "":
		size = int64(len(it.buf))
		return size, size | int64(crc32.Checksum(it.buf, castagnoli))<<32
	}
	info, err := os.Stat(it.path)
	if err != nil {
		return -1, -1
	}
	return info.Size(), info.Size()
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrOtherImages says that the images before a [Mark] are not those that were
// there when it was made.
var ErrOtherImages = errors.New("the list of images is another than before the interruption, or an image has another size or label")

// goTo passes over the images before a mark and proves that they are the same.
// Nothing is decoded for it.
func (l *loader) goTo(pass reader, m *Mark) error {
	var it item
	var sum Sum
	for range m.Images {
		if l.ctx.Err() != nil {
			return nil
		}
		it = item{buf: it.buf}
		if err := pass.next(&it); err == io.EOF {
			return ErrOtherImages
		} else if err != nil {
			return err
		}
		_, key := it.stored()
		sum.add(&it, key)
	}
	if sum != m.Sum {
		return ErrOtherImages
	}
	return nil
}

// Count returns the number of images of src, which for some forms takes a pass over them;
// nothing is decoded.
func Count(ctx context.Context, src Source) (int, error) {
	if n := src.Len(); n >= 0 {
		return n, nil
	}
	if c, ok := src.(counter); ok {
		return c.count(ctx, math.MaxInt), ctx.Err()
	}
	pass, err := src.read(0)
	if err != nil {
		return 0, fmt.Errorf("count images of %s: %w", src.Name(), err)
	}
	defer pass.Close()
	var it item
	for n := 0; ; n++ {
		it = item{buf: it.buf}
		switch err := pass.next(&it); {
		case err == io.EOF:
			return n, nil
		case err != nil:
			return 0, fmt.Errorf("count images of %s: %w", src.Name(), err)
		case ctx.Err() != nil:
			return 0, ctx.Err()
		}
	}
}
