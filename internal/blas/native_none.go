//go:build !((linux || darwin) && (amd64 || arm64) && !android && !ios && !static)

package blas

func yieldThread()                              {}
func stringOf(uintptr) string                   { return "" }
func numberOf(uintptr) int                      { return 0 }
func textInto(uintptr) string                   { return "" }
func fileOf(uintptr) string                     { return "" }
func withVariable(name, value string, f func()) { f() }
