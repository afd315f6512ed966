package imageset

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
)

// maxLine is the longest line of a list file, far above the longest path that
// operating systems allow.
const maxLine = 64 << 10

// listSource is the images that a text file names, which is read line by line
// as the images are.
type listSource struct {
	name, path, root string
	n                int
	classes          []string
	label            func(id string) int64 // nil: as the list says
}

func (s *listSource) Name() string      { return s.name }
func (s *listSource) Len() int          { return s.n }
func (s *listSource) Classes() []string { return s.classes }

// openList reads a list once to its end, so that a mistake in it shows at once.
// Relative paths in it start at root, or where the list lies.
func openList(path, root string) (Source, error) {
	if root == "" {
		root = filepath.Dir(path)
	}
	s := &listSource{name: path, path: path, root: root}
	r, err := s.read(0)
	if err != nil {
		return nil, fmt.Errorf("open image list: %w", err)
	}
	defer r.Close()
	var it item
	for err == nil {
		if err = r.next(&it); err == nil {
			s.n++
		}
	}
	if err != io.EOF {
		return nil, fmt.Errorf("read image list %s: %w", path, err)
	}
	if s.n == 0 {
		return nil, fmt.Errorf("image list %s names no images: write one \"path [label]\" per line", path)
	}
	return s, nil
}

func (s *listSource) read(from int) (reader, error) {
	f, _, err := openRegular(s.path)
	if err != nil {
		return nil, err
	}
	r := newListReader(f, s.root)
	r.label = s.label
	return startAt(r, from)
}

// streamSource is a list that comes through a pipe: it has no known length and
// is read once.
type streamSource struct {
	name, root string
	in         io.Reader
}

func (s *streamSource) Name() string      { return s.name }
func (s *streamSource) Len() int          { return -1 }
func (s *streamSource) Classes() []string { return nil }

func (s *streamSource) read(from int) (reader, error) {
	if s.in == nil {
		return nil, errors.New("a list on standard input is read only once")
	}
	r := newListReader(io.NopCloser(s.in), s.root)
	s.in = nil
	return startAt(r, from)
}

// listReader reads "path [label]" lines, OpenOOD's imglist form. Blank lines
// and lines that begin with # are passed over.
type listReader struct {
	io.Closer
	scan  *bufio.Scanner
	root  string
	line  int
	label func(id string) int64
}

func newListReader(f io.ReadCloser, root string) *listReader {
	r := &listReader{Closer: f, scan: bufio.NewScanner(f), root: root}
	r.scan.Buffer(make([]byte, 0, 4096), maxLine)
	return r
}

func (r *listReader) next(it *item) error {
	for r.scan.Scan() {
		r.line++
		line := r.scan.Text()
		if r.line == 1 {
			line = strings.TrimPrefix(line, "\uFEFF")
		}
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		return r.parse(it, line)
	}
	if errors.Is(r.scan.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("line %d is longer than %d bytes: --images takes %s", r.line+1, maxLine, forms)
	}
	if r.scan.Err() != nil {
		return r.scan.Err()
	}
	return io.EOF
}

// parse makes an image of a trimmed line. A path may be any bytes but control
// characters, which tell that the file is no list.
func (r *listReader) parse(it *item, line string) error {
	if strings.IndexFunc(line, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) >= 0 {
		return fmt.Errorf("line %d is not text: --images takes %s", r.line, forms)
	}
	name, label, err := splitLine(line)
	if err != nil {
		return fmt.Errorf("line %d: %w", r.line, err)
	}
	if r.label != nil {
		label = r.label(name)
	}
	it.id, it.label, it.path = printable(name), label, filepath.FromSlash(name)
	if !filepath.IsAbs(it.path) {
		it.path = filepath.Join(r.root, it.path)
	}
	return nil
}

// splitLine takes the label off the end of a trimmed line. The label is the
// last field when that is an integer of at least -1 (unknown) and there is a
// path before it, so a path may hold spaces.
func splitLine(line string) (path string, label int64, err error) {
	cut := strings.LastIndexAny(line, " \t")
	if cut < 0 {
		return line, Unlabelled, nil
	}
	label, err = strconv.ParseInt(line[cut+1:], 10, 64)
	if err != nil {
		return line, Unlabelled, nil
	}
	if label < Unlabelled {
		return "", 0, fmt.Errorf("label %d: labels count from 0, and -1 is unknown", label)
	}
	return strings.TrimRight(line[:cut], " \t"), label, nil
}
