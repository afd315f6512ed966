package pickle

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// text reads the value of an instruction whose argument is a line of text,
// those of protocol 0.
func (m *machine) text(op byte) (any, error) {
	line, err := m.in.line()
	if err != nil {
		return nil, err
	}
	switch op {
	case opInt:
		switch string(line) {
		case "00", "01":
			return line[1] == '1', nil
		}
		return integer(line)
	case opLong:
		return integer([]byte(strings.TrimSuffix(short(line), "L")))
	case opFloat:
		f, err := strconv.ParseFloat(short(line), 64)
		if err != nil {
			return nil, fmt.Errorf("%q is not a number", short(line))
		}
		return f, nil
	case opString:
		return quoted(line)
	}
	return escaped(line)
}

// integerLine reads a line that holds a whole number.
func (m *machine) integerLine() (int64, error) {
	line, err := m.in.line()
	if err != nil {
		return 0, err
	}
	return integer(line)
}

func integer(line []byte) (int64, error) {
	n, err := strconv.ParseInt(short(line), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a whole number of 64 bits", short(line))
	}
	return n, nil
}

// short is a line that should be a number, cut where it cannot be.
func short(line []byte) string { return string(line[:min(len(line), 64)]) }

// unicode checks that b is UTF-8. Python lets single surrogates through; they
// have no place in a name or a key.
func unicode(b []byte) (string, error) {
	if !utf8.Valid(b) {
		return "", errors.New("a string is not UTF-8")
	}
	return string(b), nil
}

// quoted reads Python's repr of a string of bytes: 'a\x00\n'.
func quoted(line []byte) (Bytes, error) {
	n := len(line)
	if n < 2 || line[0] != line[n-1] || line[0] != '\'' && line[0] != '"' {
		return nil, errors.New("a string is not quoted")
	}
	line = line[1 : n-1]
	out := make(Bytes, 0, len(line))
	for i := 0; i < len(line); i++ {
		if line[i] != '\\' {
			out = append(out, line[i])
			continue
		}
		if i++; i == len(line) {
			return nil, errors.New("a string ends within an escape")
		}
		if line[i] == 'x' {
			code, ok := hexadecimal(line, i+1, 2)
			if !ok {
				return nil, errors.New(`a string has \x without two digits`)
			}
			out = append(out, byte(code))
			i += 2
			continue
		}
		const from, to = `\'"abfnrtv`, "\\'\"\a\b\f\n\r\t\v"
		at := strings.IndexByte(from, line[i])
		if at < 0 {
			return nil, fmt.Errorf(`a string has the escape \%q`, line[i])
		}
		out = append(out, to[at])
	}
	return out, nil
}

// escaped reads a string in Python's raw-unicode-escape: Latin-1 but for \u with
// four hexadecimal digits and \U with eight.
func escaped(line []byte) (string, error) {
	var b strings.Builder
	for i := 0; i < len(line); i++ {
		digits := 0
		if line[i] == '\\' && i+1 < len(line) {
			digits = map[byte]int{'u': 4, 'U': 8}[line[i+1]]
		}
		if digits == 0 {
			b.WriteRune(rune(line[i]))
			continue
		}
		code, ok := hexadecimal(line, i+2, digits)
		if !ok || code > utf8.MaxRune {
			return "", errors.New("a string has a damaged escape")
		}
		b.WriteRune(rune(code))
		i += 1 + digits
	}
	return b.String(), nil
}

// hexadecimal reads n hexadecimal digits at an offset.
func hexadecimal(line []byte, at, n int) (uint64, bool) {
	if at+n > len(line) {
		return 0, false
	}
	v, err := strconv.ParseUint(string(line[at:at+n]), 16, 64)
	return v, err == nil
}
