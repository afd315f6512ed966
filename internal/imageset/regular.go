package imageset

import (
	"errors"
	"io/fs"
	"os"
)

// errNotRegular is the error for a folder, a pipe or a device where a file of
// images is wanted.
var errNotRegular = errors.New("not a regular file")

// errChanged is the error of a pass over files that are not those any more that
// were opened.
var errChanged = errors.New("the file has changed since it was opened")

// openRegular opens a file and tells its size. It looks first, since opening a
// pipe would wait for its writer.
func openRegular(path string) (*os.File, int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	f := (*os.File)(nil)
	if info.Mode().IsRegular() {
		if f, err = os.Open(path); err != nil {
			return nil, 0, err
		}
		if info, err = f.Stat(); err == nil && info.Mode().IsRegular() {
			return f, info.Size(), nil
		}
		f.Close()
	}
	if err == nil {
		err = &fs.PathError{Op: "open", Path: path, Err: errNotRegular}
	}
	return nil, 0, err
}
