package scorefile

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// readCSV reads a header and the rows below it.
func readCSV(b *bufio.Reader, c *collector) error {
	r := csv.NewReader(b)
	r.ReuseRecord = true
	record, err := r.Read()
	if err != nil {
		return csvError(err, nil)
	}
	header := slices.Clone(record)
	at, err := columnsOf(header, c.columns)
	if err != nil {
		return err
	}
	for {
		record, err := r.Read()
		if err != nil {
			return csvError(err, header)
		}
		line, _ := r.FieldPos(0)
		if err := at.row(record, header, line, c); err != nil {
			return err
		}
	}
}

// csvColumns says where in a record things are.
type csvColumns struct {
	id, detector int // detector is -1 where there is none
	scores       []int
}

func columnsOf(header, scores []string) (csvColumns, error) {
	for i, name := range header {
		header[i] = strings.TrimSpace(name)
		if j := slices.Index(header, header[i]); j < i && header[i] != "" {
			return csvColumns{}, fmt.Errorf("line 1: there are two columns %s", header[i])
		}
	}
	at := csvColumns{id: slices.Index(header, ColumnID), detector: slices.Index(header, ColumnDetector)}
	if at.id < 0 {
		return at, &ColumnError{1, ColumnID, header}
	}
	for _, name := range scores {
		k := slices.Index(header, name)
		if k < 0 {
			return at, &ColumnError{1, name, header}
		}
		at.scores = append(at.scores, k)
	}
	return at, nil
}

func (at csvColumns) row(record, header []string, line int, c *collector) error {
	if slices.Equal(record, header) {
		return fmt.Errorf("line %d repeats the header: these are two files in one", line)
	}
	id, detector := record[at.id], ""
	if at.detector >= 0 {
		detector = record[at.detector]
	}
	if err := c.row(line, id, detector); err != nil {
		return err
	}
	for k, i := range at.scores {
		v, err := parse(record[i])
		if err != nil {
			return fmt.Errorf("line %d: the %s of image %s %w", line, c.columns[k], id, err)
		}
		if err := c.score(k, line, id, v); err != nil {
			return err
		}
	}
	return nil
}

// parse reads a number. Its errors go on after "the score of an image".
func parse(s string) (float64, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return 0, errors.New("is missing")
	}
	v, err := strconv.ParseFloat(s, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, fmt.Errorf("is %s, which is too large", s)
	case err != nil:
		return 0, fmt.Errorf("is %q, which is no number", s)
	}
	return v, nil
}

// csvError names the line of a record that cannot be read. The end of the file is no error.
func csvError(err error, header []string) error {
	var p *csv.ParseError
	switch {
	case err == io.EOF:
		return nil
	case !errors.As(err, &p):
		return err
	case errors.Is(err, csv.ErrFieldCount):
		return fmt.Errorf("line %d has not the %d columns of the header", p.Line, len(header))
	}
	return fmt.Errorf("line %d: %w", p.Line, p.Err)
}
