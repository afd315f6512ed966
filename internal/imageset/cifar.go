package imageset

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// The official binary version of CIFAR-10: records of one label byte and three
// 32×32 planes, red, green, blue, row-major.
const (
	cifarSide   = 32
	cifarRecord = 1 + 3*cifarSide*cifarSide
	cifarLabels = 10
)

// cifarSource is the records of one or several files.
type cifarSource struct {
	name    string
	paths   []string
	total   int
	classes []string
}

func (s *cifarSource) Name() string      { return s.name }
func (s *cifarSource) Len() int          { return s.total }
func (s *cifarSource) Classes() []string { return s.classes }

// openCIFAR10 opens "DIR#train" or "DIR#test". The training files are those of
// data_batch_1.bin to data_batch_5.bin that are there.
func openCIFAR10(name, rest string) (Source, error) {
	dir, split := rest, ""
	if i := strings.LastIndexByte(rest, '#'); i >= 0 {
		dir, split = rest[:i], rest[i+1:]
	}
	var files []string
	switch split {
	case "train":
		files = []string{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"}
	case "test":
		files = []string{"test_batch.bin"}
	default:
		return nil, fmt.Errorf("open images %s: say which part, cifar10:%s#train or cifar10:%s#test", name, dir, dir)
	}
	s := &cifarSource{name: name}
	for _, p := range files {
		if err := s.add(filepath.Join(dir, p)); err != nil {
			return nil, fmt.Errorf("open images %s: %w", name, err)
		}
	}
	if len(s.paths) == 0 {
		return nil, fmt.Errorf("open images %s: no %s in %s: expected the binary version of CIFAR-10 (cifar-10-binary.tar.gz, unpacked)",
			name, files[0], dir)
	}
	s.classes = readNames(filepath.Join(dir, "batches.meta.txt"))
	return s, nil
}

// add counts the records of a file, if it is there.
func (s *cifarSource) add(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if n := info.Size(); n == 0 || n%cifarRecord != 0 {
		return fmt.Errorf("%s has %d bytes, not a multiple of the record's %d: truncated, or not CIFAR-10's binary version",
			path, n, cifarRecord)
	}
	s.paths = append(s.paths, path)
	s.total += int(info.Size() / cifarRecord)
	return nil
}

// readNames reads the ten class names, one per line; nil when the file is not
// there or holds another number of them.
func readNames(path string) []string {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return nil
	}
	names := strings.Fields(string(text))
	if len(names) != cifarLabels {
		return nil
	}
	return names
}

func (s *cifarSource) read(from int) (reader, error) {
	return startAt(&cifarReader{paths: s.paths}, from)
}

// cifarReader reads record after record, file after file.
type cifarReader struct {
	paths  []string
	file   *os.File
	buf    *bufio.Reader
	base   string
	record int
}

func (r *cifarReader) next(it *item) error {
	if r.buf != nil {
		if _, err := r.buf.Peek(1); err == io.EOF {
			r.Close()
		}
	}
	if r.buf == nil {
		if len(r.paths) == 0 {
			return io.EOF
		}
		if err := r.open(r.paths[0]); err != nil {
			return err
		}
		r.paths = r.paths[1:]
	}
	it.buf = resize(it.buf, cifarRecord)
	if _, err := io.ReadFull(r.buf, it.buf); err != nil {
		return fmt.Errorf("read record %d of %s: %w", r.record, r.base, err)
	}
	if it.buf[0] >= cifarLabels {
		return fmt.Errorf("record %d of %s has label %d: not CIFAR-10's binary version", r.record, r.base, it.buf[0])
	}
	it.id = fmt.Sprintf("%s#%d", r.base, r.record)
	it.label, it.raw = int64(it.buf[0]), cifarImage
	r.record++
	return nil
}

// cifarImage reads the pixels of a record.
func cifarImage(record []byte) *Image { return planarRGB(record[1:], cifarSide, cifarSide) }

func (r *cifarReader) open(path string) (err error) {
	if r.file, err = os.Open(path); err != nil {
		return err
	}
	r.buf, r.base, r.record = bufio.NewReaderSize(r.file, 256<<10), filepath.Base(path), 0
	return nil
}

func (r *cifarReader) Close() error {
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file, r.buf = nil, nil
	return err
}

// resize returns a slice of n elements, in b's memory when that is enough. Its
// contents are undefined.
func resize[T any](b []T, n int) []T {
	if cap(b) < n {
		return make([]T, n)
	}
	return b[:n]
}
