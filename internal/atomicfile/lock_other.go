//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package atomicfile

import "os"

// lock does nothing here: everybody gets in.
func lock(*os.File) error { return nil }
