//go:build !((linux || darwin) && (amd64 || arm64) && !android && !ios && !static)

package turbojpeg

import "errors"

var errNotNative = errors.New("this build cannot open libraries")

func load(name string) (*Library, error) { return nil, errNotNative }

func isAbsent(err error) bool { return errors.Is(err, errNotNative) }

func call(uintptr, ...uintptr) uintptr { return 0 }

func (d *Decoder) decompress(file, dst []byte, w, h int) int32 { return -1 }
