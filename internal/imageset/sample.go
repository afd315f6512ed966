package imageset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strconv"
)

// maxLabelFile is the largest file with a label that is read, in bytes.
const maxLabelFile = 1 << 20

// sample is what WebDataset calls one: members that follow each other and whose
// names differ in the extension alone, as a/0001.jpg and a/0001.cls.
type sample struct {
	key      string // the names without extension
	class    int64
	labelBad error // why the label cannot be had
	waiting  bool  // for the end of the sample, with an image
	id       string
	bad      error
	buf      []byte
}

// keyOf is a member's name without its extension.
func keyOf(member string) string { return member[:len(member)-len(path.Ext(member))] }

// has reports whether a member belongs to the sample.
func (s *sample) has(member string) bool { return s.key == keyOf(member) }

// begin starts another sample, unless the member belongs to this one.
func (s *sample) begin(member string) {
	if !s.has(member) {
		s.key, s.class, s.labelBad = keyOf(member), Unlabelled, nil
	}
}

// give hands over the image that waits, if there is one.
func (s *sample) give(it *item) bool {
	if !s.waiting {
		return false
	}
	s.waiting = false
	it.id, it.label, it.bad = s.id, s.class, s.bad
	if it.bad == nil {
		it.bad = s.labelBad
	}
	it.buf, s.buf = s.buf, it.buf
	return true
}

// label reads the label of a sample. JSON without one is no error, nor is a
// label that is text: the file holds whatever was known of the image.
func (s *sample) label(member string, kind memberKind, text []byte) {
	var err error
	if kind == classLabel {
		s.class, err = wholeLabel(string(bytes.TrimSpace(text)))
	} else {
		var v struct {
			Label json.RawMessage `json:"label"`
		}
		err = json.Unmarshal(text, &v)
		if _, otherType := errors.AsType[*json.UnmarshalTypeError](err); otherType {
			err = nil
		}
		if n, notOne := wholeLabel(string(v.Label)); notOne == nil {
			s.class = n
		}
	}
	if err != nil {
		s.badLabel(member, err)
	}
}

// badLabel notes why the label cannot be had.
func (s *sample) badLabel(member string, err error) {
	s.class, s.labelBad = Unlabelled, fmt.Errorf("its label file %s: %w", printable(path.Base(member)), err)
}

// wholeLabel reads a label: a whole number from 0, or -1 when it is not known.
func wholeLabel(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < Unlabelled {
		return Unlabelled, fmt.Errorf("%.40q is not a label: expected a whole number from 0", text)
	}
	return n, nil
}
