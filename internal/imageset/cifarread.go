package imageset

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// read begins at the file that image from is in.
func (s *cifarSource) read(from int) (reader, error) {
	r := &cifarReader{source: s, browser: s.shelf.browse()}
	for r.file < len(s.files) && from >= s.files[r.file].n {
		from -= s.files[r.file].n
		r.file++
	}
	if r.file == len(s.files) || from == 0 {
		return r, nil
	}
	err := r.open()
	if err == nil {
		err = r.skip(from)
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// cifarReader reads image after image, file after file.
type cifarReader struct {
	source  *cifarSource
	browser browser
	file    int           // the present file
	i       int           // the next image in it
	records *bufio.Reader // of a binary file, nil when none is open
	batch   *cifarBatch   // of a pickle, likewise
}

func (r *cifarReader) next(it *item) error {
	if r.file < len(r.source.files) && r.i == r.source.files[r.file].n {
		r.file, r.i, r.records, r.batch = r.file+1, 0, nil, nil
	}
	if r.file == len(r.source.files) {
		return io.EOF
	}
	if r.records == nil && r.batch == nil {
		if err := r.open(); err != nil {
			return err
		}
	}
	label, err := r.fill(it)
	if err != nil {
		return err
	}
	it.id, it.label = fmt.Sprintf("%s#%d", r.name(), r.i), int64(label)
	r.i++
	return nil
}

// name is the present file's.
func (r *cifarReader) name() string { return r.source.files[r.file].name }

// open opens the present file.
func (r *cifarReader) open() error {
	f, size, err := r.browser.open(r.name())
	if err != nil {
		return err
	}
	want := r.source.files[r.file].n
	if strings.HasSuffix(r.name(), ".bin") {
		if n, err := r.source.countRecords(r.name(), size); err != nil || n != want {
			return fmt.Errorf("read %s: %w", r.name(), errChanged)
		}
		r.records = bufio.NewReaderSize(f, 256<<10)
		return nil
	}
	if r.batch, err = readBatch(r.name(), size, f, r.source.kind); err != nil {
		return err
	}
	if len(r.batch.labels) != want {
		return fmt.Errorf("read %s: %w", r.name(), errChanged)
	}
	return nil
}

// skip passes over the first n images of the present file.
func (r *cifarReader) skip(n int) error {
	r.i = n
	if r.records == nil {
		return nil
	}
	if _, err := r.records.Discard(n * (r.source.set.labelBytes + cifarPixels)); err != nil {
		return fmt.Errorf("read record %d of %s: %w", n, r.name(), unexpectedEOF(err))
	}
	return nil
}

// fill puts the next image into it and returns its label.
func (r *cifarReader) fill(it *item) (label uint8, err error) {
	head, kind := r.source.set.labelBytes, r.source.kind
	if r.batch != nil {
		it.buf = append(it.buf[:0], r.batch.pixels[r.i*cifarPixels:][:cifarPixels]...)
		it.raw = cifarImage
		return r.batch.labels[r.i], nil
	}
	it.buf = resize(it.buf, head+cifarPixels)
	if _, err := io.ReadFull(r.records, it.buf); err != nil {
		return 0, fmt.Errorf("read record %d of %s: %w", r.i, r.name(), unexpectedEOF(err))
	}
	if label = it.buf[kind.at]; int(label) >= kind.n {
		return 0, fmt.Errorf("record %d of %s has label %d: not %s's binary version", r.i, r.name(), label, r.source.set.title)
	}
	it.raw = cifarRecord
	if head == 2 {
		it.raw = cifar100Record
	}
	return label, nil
}

// cifarImage reads the pixels of an image: planes of red, green and blue.
func cifarImage(m *Image, pixels []byte) { *m = *planarRGB(pixels, cifarSide, cifarSide) }

// cifarRecord and cifar100Record read those behind one label and two.
func cifarRecord(m *Image, b []byte)    { cifarImage(m, b[1:]) }
func cifar100Record(m *Image, b []byte) { cifarImage(m, b[2:]) }

func (r *cifarReader) Close() error { return r.browser.Close() }

// resize returns a slice of n elements, in b's memory when that is enough. Its
// contents are undefined.
func resize[T any](b []T, n int) []T {
	if cap(b) < n {
		return make([]T, n)
	}
	return b[:n]
}
