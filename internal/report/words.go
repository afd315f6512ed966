package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// share writes a share in percent with one decimal, and does not round what is not all or nothing to it.
func share(v float64) string {
	switch {
	case v > 0 && v < 0.0005:
		return "<\u20090.1\u2009%"
	case v < 1 && v > 0.9995:
		return ">\u200999.9\u2009%"
	}
	return decimal(100*v, 1) + "\u2009%"
}

// points writes a metric in percent with two decimals, as the tables do.
func points(v float64) string { return decimal(100*v, 2) }

// images writes "1 image", "2,000 images".
func images(n int) string {
	if n == 1 {
		return "1 image"
	}
	return count(n) + " images"
}

// count writes a number with commas between the thousands.
func count(n int) string { return thousands(fmt.Sprint(n)) }

// fit shortens a name to so many characters.
func fit(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	r := []rune(s)
	return strings.TrimRightFunc(string(r[:n-1]), unicode.IsSpace) + "…"
}

// sentence begins with a capital and ends with a full stop.
func sentence(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + strings.TrimSuffix(s[n:], ".") + "."
}
