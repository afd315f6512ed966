package onnx

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// ErrExternalData marks a model whose weights lie in another file that is
// missing, too short, or outside the model's folder.
var ErrExternalData = errors.New("external data")

// external is where a tensor's elements lie outside the model file.
type external struct {
	dir, location  string
	offset, length int64 // length -1: to the end of the file
}

// newExternal reads the external_data entries of a TensorProto. The location
// must stay inside the model's folder as written; a symbolic link in that
// folder is followed, since download caches keep the blobs elsewhere.
func newExternal(dir string, entries map[string]string) (*external, error) {
	e := &external{dir: dir, location: entries["location"], length: -1}
	if e.location == "" {
		return nil, fmt.Errorf("%w: no location given", ErrExternalData)
	}
	if !filepath.IsLocal(filepath.FromSlash(e.location)) {
		return nil, fmt.Errorf("%w: location %q leads out of the model's folder: refused", ErrExternalData, e.location)
	}
	for key, dst := range map[string]*int64{"offset": &e.offset, "length": &e.length} {
		text, ok := entries[key]
		if !ok || text == "" {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("%w: %s %q is not a size", ErrExternalData, key, text)
		}
		*dst = n
	}
	return e, nil
}

// path is the file that holds the data.
func (e *external) path() string { return filepath.Join(e.dir, filepath.FromSlash(e.location)) }

// check looks whether the file is there and long enough, without reading it.
func (e *external) check(sizes map[string]int64) error {
	size, seen := sizes[e.location]
	if !seen {
		info, err := os.Stat(e.path())
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("%w: the weights are in %q, which is missing: put it beside the model", ErrExternalData, e.path())
		case err != nil:
			return fmt.Errorf("%w: %v", ErrExternalData, err)
		case !info.Mode().IsRegular():
			return fmt.Errorf("%w: %q is not a regular file", ErrExternalData, e.path())
		}
		size = info.Size()
		sizes[e.location] = size
	}
	if e.offset > size || e.length > size-e.offset {
		return fmt.Errorf("%w: %q is truncated: it has %d bytes, %d at offset %d are needed", ErrExternalData, e.path(), size, max(e.length, 0), e.offset)
	}
	return nil
}

// read returns the tensor's bytes, which must be want in number.
func (e *external) read(want int64) ([]byte, error) {
	sizes := map[string]int64{}
	if err := e.check(sizes); err != nil {
		return nil, err
	}
	have := e.length
	if have < 0 {
		have = min(want, sizes[e.location]-e.offset)
	}
	if have != want {
		return nil, fmt.Errorf("%w: %q gives %d bytes, %d are needed", ErrExternalData, e.path(), have, want)
	}
	file, err := os.Open(e.path())
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrExternalData, err)
	}
	defer file.Close()
	buf := make([]byte, want)
	if _, err := file.ReadAt(buf, e.offset); err != nil {
		return nil, fmt.Errorf("%w: read %q: %v", ErrExternalData, e.path(), err)
	}
	return buf, nil
}
