//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package fetch

import "os"

// lock does nothing here: the checksums tell when two have written at once.
func lock(*os.File) error { return nil }
