// Package scorefile reads files that hold a score for each image: those that `oodflow score` writes and those of other
// tools.
//
// A score file is CSV with a header, or JSON lines: an object a line. Which of the two it is, is seen from its first
// character.
//
//	column      meaning
//	id          the image; once in a file
//	ood_score   finite; higher is more out-of-distribution. Another column may be asked for instead
//	detector    what made the score, NAME@SHA, the same for the whole file; optional
//
// Other columns are ignored. There is no version: a column keeps its meaning.
package scorefile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"strings"
)

// Column names the columns that this package knows.
const (
	ColumnID       = "id"
	ColumnScore    = "ood_score"
	ColumnDetector = "detector"
)

// File is what a score file says.
type File struct {
	Detector string      // what made the scores, NAME@SHA; "" where the file does not say
	Scores   [][]float64 // for each column asked for, one score an image, in the order of the file
}

// N returns the number of images.
func (f *File) N() int { return len(f.Scores[0]) }

// Open reads the named columns of a score file; nil means ood_score. Scores are finite, ids differ, and there is at
// least one image: anything else is an error that names the file and the line. Its memory is 8 bytes an image
// and column, and 16 an image until the ids are known to differ.
func Open(path string, columns []string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		var p *fs.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	defer f.Close()
	file, err := Read(f, columns)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return file, nil
}

// Read is [Open] of what r holds. Its errors name the line.
func Read(r io.Reader, columns []string) (*File, error) {
	if columns == nil {
		columns = []string{ColumnScore}
	}
	c := &collector{columns: columns, file: &File{Scores: make([][]float64, len(columns))}}
	b := bufio.NewReaderSize(r, 1<<16)
	first, err := skipSpace(b)
	switch {
	case err == io.EOF:
		return nil, errors.New("the file is empty")
	case err != nil:
		return nil, err
	case first == '{':
		err = readJSON(b, c)
	default:
		err = readCSV(b, c)
	}
	if err != nil {
		return nil, err
	}
	if c.file.N() == 0 {
		return nil, errors.New("there are no scores in it, only a header")
	}
	return c.file, c.ids.check()
}

// skipSpace passes over a byte order mark and blanks, and returns the first byte of substance, unread.
func skipSpace(b *bufio.Reader) (byte, error) {
	if mark, _ := b.Peek(3); string(mark) == "\xef\xbb\xbf" {
		b.Discard(3) // cannot fail: they are in the buffer
	}
	for {
		c, err := b.ReadByte()
		if err != nil {
			return 0, err
		}
		if !strings.ContainsRune(" \t", rune(c)) {
			return c, b.UnreadByte()
		}
	}
}

// collector puts rows together and checks them.
type collector struct {
	columns []string
	file    *File
	ids     ids
}

// row takes one image; detector is "" where it is not known.
func (c *collector) row(line int, id, detector string) error {
	if id == "" {
		return fmt.Errorf("line %d: the id is empty", line)
	}
	switch {
	case c.ids.n() == 0:
		c.file.Detector = detector
	case detector != c.file.Detector:
		return &MixedError{Line: line, Detectors: [2]string{c.file.Detector, detector}}
	}
	return c.ids.add(id, line)
}

// score takes the k-th score of the image last taken.
func (c *collector) score(k, line int, id string, v float64) error {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return fmt.Errorf("line %d: the %s of image %s is %v", line, c.columns[k], id, v)
	}
	c.file.Scores[k] = append(c.file.Scores[k], v)
	return nil
}

// MixedError says that a file holds scores of more than one detector.
type MixedError struct {
	Line      int
	Detectors [2]string // before this line, and on it
}

func (e *MixedError) Error() string {
	return fmt.Sprintf("line %d: the score is by %s, those before by %s", e.Line, orUnknown(e.Detectors[1]), orUnknown(e.Detectors[0]))
}

func orUnknown(detector string) string {
	if detector == "" {
		return "a detector that is not named"
	}
	return detector
}

// ColumnError says that a file lacks a column.
type ColumnError struct {
	Line    int // 1 for the header of a CSV file
	Missing string
	Columns []string // those there are
}

func (e *ColumnError) Error() string {
	return fmt.Sprintf("line %d: there is no %s, only %s", e.Line, e.Missing, strings.Join(e.Columns, ", "))
}
