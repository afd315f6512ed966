package scorefile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// lineLimit bounds a line of JSON; one of `oodflow score` takes some hundred bytes.
const lineLimit = 1 << 20

// readJSON reads an object from each line; empty lines are passed over.
func readJSON(b *bufio.Reader, c *collector) error {
	s := bufio.NewScanner(b)
	s.Buffer(nil, lineLimit)
	line := 0
	for s.Scan() {
		line++
		text := bytes.TrimSpace(s.Bytes())
		if len(text) == 0 {
			continue
		}
		var object map[string]json.RawMessage
		if err := json.Unmarshal(text, &object); err != nil {
			return fmt.Errorf("line %d is no JSON object: %w", line, err)
		}
		if err := jsonRow(object, line, c); err != nil {
			return err
		}
	}
	if errors.Is(s.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("line %d is longer than %d bytes", line+1, lineLimit)
	}
	return s.Err()
}

func jsonRow(object map[string]json.RawMessage, line int, c *collector) error {
	var id, detector *string
	if _, ok := object[ColumnID]; !ok {
		return &ColumnError{line, ColumnID, slices.Sorted(maps.Keys(object))}
	}
	if json.Unmarshal(object[ColumnID], &id) != nil || id == nil {
		return fmt.Errorf("line %d: the id is %s, which is no string", line, object[ColumnID])
	}
	if raw, ok := object[ColumnDetector]; ok && json.Unmarshal(raw, &detector) != nil {
		return fmt.Errorf("line %d: the detector is %s, which is no string", line, raw)
	}
	by := ""
	if detector != nil {
		by = *detector
	}
	if err := c.row(line, *id, by); err != nil {
		return err
	}
	for k, name := range c.columns {
		raw, ok := object[name]
		if !ok {
			return &ColumnError{line, name, slices.Sorted(maps.Keys(object))}
		}
		v, err := parseJSON(raw)
		if err != nil {
			return fmt.Errorf("line %d: the %s of image %s %w", line, name, *id, err)
		}
		if err := c.score(k, line, *id, v); err != nil {
			return err
		}
	}
	return nil
}

// parseJSON reads a number. Its errors go on after "the score of an image".
func parseJSON(raw json.RawMessage) (float64, error) {
	var v *float64
	switch err := json.Unmarshal(raw, &v); {
	case err != nil && strings.ContainsRune("-0123456789", rune(raw[0])):
		return 0, fmt.Errorf("is %s, which is too large", raw)
	case err != nil:
		return 0, fmt.Errorf("is %s, which is no number", raw)
	case v == nil:
		return 0, errors.New("is missing")
	}
	return *v, nil
}
