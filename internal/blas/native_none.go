//go:build !((linux || darwin) && (amd64 || arm64) && !android && !ios && !static)

package blas

import "errors"

const native = false

var errNotNative = errors.New("this build cannot open libraries")

func open(string) (uintptr, error)              { return 0, errNotNative }
func symbol(uintptr, string) uintptr            { return 0 }
func call(uintptr, ...uintptr)                  {}
func yieldThread()                              {}
func stringOf(uintptr) string                   { return "" }
func numberOf(uintptr) int                      { return 0 }
func textInto(uintptr) string                   { return "" }
func fileOf(uintptr) string                     { return "" }
func withVariable(name, value string, f func()) { f() }
