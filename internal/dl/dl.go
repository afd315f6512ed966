// Package dl opens shared libraries at run time and calls their functions, without cgo and without headers.
package dl

import (
	"errors"
	"strings"
)

// ErrAbsent is the error of [Open] where there is no such library.
var ErrAbsent = errors.New("not found")

// reason is the error for what the system says against a library. It is absent only where it is what was not
// found, and not where a library that it needs was not.
func reason(name, message string) error {
	const musl = "Error loading shared library "
	message, named := strings.CutPrefix(strings.TrimPrefix(message, musl), name+": ") // so begin glibc's
	switch {
	case named && strings.Contains(message, "No such file"):
		return ErrAbsent
	case strings.Contains(message, "(no such file)") && !strings.Contains(message, "Library not loaded: "): // macOS
		return ErrAbsent
	}
	return errors.New(message)
}
