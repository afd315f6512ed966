// Package turbojpeg decodes JPEG pictures with libjpeg-turbo's shared library, libturbojpeg, where the machine has one. It
// is opened at run time, without cgo and without headers. Damaged files are left to others: its users decode again what it
// objects to.
//
// The environment variable OODFLOW_JPEG overrides the choice: go for none, or the path of a library.
package turbojpeg

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"unsafe"

	"github.com/oodflow/oodflow/internal/dl"
)

// Variable is the environment variable that overrides the choice.
const Variable = "OODFLOW_JPEG"

// builtin is the variable's value for no library.
const builtin = "go"

// Library is the library in use.
type Library struct {
	Path string // its file, or the name by which the system found it

	begin, end, decompress uintptr
}

// Use opens the library; later calls return what the first one returned. It is nil where there is none. The error
// says what is wrong with the library that was found or asked for.
var Use = sync.OnceValues(func() (*Library, error) { return find(strings.TrimSpace(os.Getenv(Variable))) })

func find(override string) (*Library, error) {
	switch override {
	case builtin:
		return nil, nil
	case "":
	default:
		return load(override)
	}
	for _, name := range names() {
		l, err := load(name)
		if err == nil || !errors.Is(err, dl.ErrAbsent) {
			return l, err
		}
	}
	return nil, nil
}

// load opens a library.
func load(name string) (*Library, error) {
	handle, err := dl.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	l := &Library{Path: name}
	for _, f := range []struct {
		name string
		to   *uintptr
	}{{"tjInitDecompress", &l.begin}, {"tjDestroy", &l.end}, {"tjDecompress2", &l.decompress}} {
		if *f.to = dl.Symbol(handle, f.name); *f.to == 0 {
			return nil, fmt.Errorf("%s has no function %s", name, f.name)
		}
	}
	return l, nil
}

// names are those that the system looks up, none where this build cannot open libraries.
func names() []string {
	if !dl.Native {
		return nil
	}
	if runtime.GOOS == "darwin" {
		names := []string{"libturbojpeg.0.dylib", "libturbojpeg.dylib"}
		for _, folder := range []string{"/opt/homebrew/lib/", "/usr/local/lib/"} {
			names = append(names, folder+names[0])
		}
		return names
	}
	return []string{"libturbojpeg.so.0", "libturbojpeg.so"}
}

// Decoder decodes one picture after the other. It is for one goroutine, and closed after use.
type Decoder struct {
	library *Library
	handle  uintptr
	args    [9]uintptr // of a call; here, so that a call allocates nothing
}

// New returns a decoder, or nil where memory is short.
func (l *Library) New() *Decoder {
	d := &Decoder{library: l, handle: dl.Call(l.begin)}
	if d.handle == 0 {
		return nil
	}
	return d
}

// Close frees the decoder.
func (d *Decoder) Close() {
	if d.handle != 0 {
		dl.Call(d.library.end, d.handle)
		d.handle = 0
	}
}

// Decode writes the w×h pixels of a picture to dst, 3 bytes each, red, green, blue, row by row. It reports whether the
// library had nothing to say against the file: where it has, the pixels mean nothing. w and h must be what the
// header says; another size does no harm.
func (d *Decoder) Decode(dst, file []byte, w, h int) bool {
	if w < 1 || h < 1 || len(file) == 0 || d.handle == 0 {
		return false
	}
	_ = dst[3*w*h-1]
	return d.decompress(file, dst, w, h) == 0
}

// What tjDecompress2 is asked for: TJPF_RGB and TJFLAG_ACCURATEDCT.
const format, flags = 0, 4096

// decompress calls tjDecompress2. The slices are on the heap, whose objects stay where they are.
func (d *Decoder) decompress(file, dst []byte, w, h int) int32 {
	d.args = [9]uintptr{
		d.handle, uintptr(unsafe.Pointer(&file[0])), uintptr(len(file)),
		uintptr(unsafe.Pointer(&dst[0])), uintptr(w), uintptr(3 * w), uintptr(h), format, flags,
	}
	r := dl.Call(d.library.decompress, d.args[:]...)
	runtime.KeepAlive(file)
	runtime.KeepAlive(dst)
	return int32(r)
}
