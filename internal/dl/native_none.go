//go:build !((linux || darwin) && (amd64 || arm64) && !android && !ios && !static)

package dl

import "errors"

const Native = false

var errNotNative = errors.New("this build cannot open libraries")

func Open(string) (uintptr, error)     { return 0, errNotNative }
func Symbol(uintptr, string) uintptr   { return 0 }
func Call(uintptr, ...uintptr) uintptr { return 0 }
