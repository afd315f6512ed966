package imageset

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxLine is the longest line of a list file, far above the longest path that
// operating systems allow.
const maxLine = 64 << 10

// openList reads a text file that lists images.
func openList(path string) (Source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open image list: %w", err)
	}
	defer f.Close()
	files, err := parseList(f, filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("read image list %s: %w", path, err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("image list %s names no images: write one \"path [label]\" per line", path)
	}
	return &fileSource{name: path, files: files}, nil
}

// parseList reads "path [label]" lines, OpenOOD's imglist form. The label is
// the last field when that is an integer of at least -1 (unknown) and there is
// a path before it, so a path may hold spaces. Relative paths start from dir.
// Blank lines and lines that begin with # are passed over.
func parseList(r io.Reader, dir string) ([]imageFile, error) {
	scan := bufio.NewScanner(r)
	scan.Buffer(make([]byte, 0, 4096), maxLine)
	var files []imageFile
	for n := 1; scan.Scan(); n++ {
		raw := scan.Bytes()
		if n == 1 {
			raw = bytes.TrimPrefix(raw, []byte("\uFEFF"))
		}
		if bytes.IndexByte(raw, 0) >= 0 || !utf8.Valid(raw) {
			return nil, fmt.Errorf("line %d is not text: --images takes %s", n, forms)
		}
		line := strings.TrimSpace(string(raw))
		if line == "" || line[0] == '#' {
			continue
		}
		id, label, err := splitLine(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		path := filepath.FromSlash(id)
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		files = append(files, imageFile{path: path, id: id, label: label})
	}
	if errors.Is(scan.Err(), bufio.ErrTooLong) {
		return nil, fmt.Errorf("a line is longer than %d bytes: --images takes %s", maxLine, forms)
	}
	return files, scan.Err()
}

// splitLine takes the label off the end of a trimmed line.
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

// fileSource is a list of image files.
type fileSource struct {
	name  string
	files []imageFile
}

// imageFile is one file of a list: where it is and what it is called.
type imageFile struct {
	path, id string
	label    int64
}

func (s *fileSource) Name() string      { return s.name }
func (s *fileSource) Len() int          { return len(s.files) }
func (s *fileSource) Classes() []string { return nil }

func (s *fileSource) read(from int) (reader, error) {
	return &fileReader{files: s.files[min(from, len(s.files)):]}, nil
}

// fileReader hands out the files; the decode workers open them.
type fileReader struct{ files []imageFile }

func (r *fileReader) next(it *item) error {
	if len(r.files) == 0 {
		return io.EOF
	}
	f := r.files[0]
	r.files = r.files[1:]
	it.id, it.label, it.path = f.id, f.label, f.path
	return nil
}

func (r *fileReader) Close() error { return nil }
