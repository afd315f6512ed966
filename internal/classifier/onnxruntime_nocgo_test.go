//go:build !cgo

package classifier

func libraryLoaded() bool { return false }
