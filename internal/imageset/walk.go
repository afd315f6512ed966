package imageset

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// walk lists the image files below a folder one by one. A folder is read when
// the walk comes to it, so that memory holds the folders on the way to the
// present file and no others.
//
// In a folder, files come before folders and both in byte order, so that equal
// trees give equal lists everywhere. Links are followed, except those that lead
// back to a folder on the way.
type walk struct {
	root   string
	stack  []folderLevel
	others int // files passed over for their names
}

// folderLevel is a folder on the way, with what is still to come of it.
type folderLevel struct {
	rel            string // slash-separated, from the root
	path           string
	info           os.FileInfo
	files, folders []string
}

// found is one step of a walk: a file, or a folder that cannot be read and why.
type found struct {
	id, path string
	err      error
}

// openWalk reads the folder root.
func openWalk(root string) (*walk, error) {
	w := &walk{root: root}
	return w, w.enter("", root)
}

// next returns the next image file, or io.EOF.
func (w *walk) next() (found, error) {
	for len(w.stack) > 0 {
		top := &w.stack[len(w.stack)-1]
		switch {
		case len(top.files) > 0:
			name := top.files[0]
			top.files = top.files[1:]
			return found{id: join(top.rel, name), path: filepath.Join(top.path, name)}, nil
		case len(top.folders) > 0:
			name := top.folders[0]
			top.folders = top.folders[1:]
			id, path := join(top.rel, name), filepath.Join(top.path, name)
			if err := w.enter(id, path); err != nil {
				return found{id: id + "/", path: path, err: fmt.Errorf("list the folder: %w", err)}, nil
			}
		default:
			w.stack = w.stack[:len(w.stack)-1]
		}
	}
	return found{}, io.EOF
}

// enter reads a folder and puts it on the stack.
func (w *walk) enter(rel, path string) error {
	info, f, err := openDir(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if slices.ContainsFunc(w.stack, func(l folderLevel) bool { return os.SameFile(l.info, info) }) {
		return nil
	}
	entries, err := f.ReadDir(-1)
	if err != nil {
		return err
	}
	level := folderLevel{rel: rel, path: path, info: info}
	for _, e := range entries {
		switch name := e.Name(); {
		case strings.HasPrefix(name, "."):
		case isFolder(path, e):
			level.folders = append(level.folders, name)
		case isImageName(name):
			level.files = append(level.files, name)
		default:
			w.others++
		}
	}
	slices.Sort(level.files)
	slices.Sort(level.folders)
	w.stack = append(w.stack, level)
	return nil
}

// openDir opens a folder to be listed. Close it.
func openDir(path string) (os.FileInfo, *os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return info, f, nil
}

// leadsBack reports whether here is one of the folders above it.
func leadsBack(above []os.FileInfo, here os.FileInfo) bool {
	return slices.ContainsFunc(above, func(a os.FileInfo) bool { return os.SameFile(a, here) })
}

// isFolder reports whether the entry is a folder or a link to one.
func isFolder(dir string, e os.DirEntry) bool {
	if e.Type()&os.ModeSymlink == 0 {
		return e.IsDir()
	}
	info, err := os.Stat(filepath.Join(dir, e.Name()))
	return err == nil && info.IsDir()
}

// join puts a name below a slash-separated folder, "" for the root.
func join(rel, name string) string {
	if rel == "" {
		return name
	}
	return rel + "/" + name
}

// printable makes an id of a file's name: bytes that are not UTF-8 and control
// characters, which would break a line of a list or upset a terminal, are
// written as \xNN, so that different names stay different.
func printable(name string) string {
	bad := func(r rune) bool { return r == utf8.RuneError || unicode.IsControl(r) }
	if strings.IndexFunc(name, bad) < 0 {
		return name
	}
	var b strings.Builder
	for i := 0; i < len(name); {
		r, n := utf8.DecodeRuneInString(name[i:])
		if r == utf8.RuneError && n == 1 || unicode.IsControl(r) {
			for _, c := range []byte(name[i : i+n]) {
				fmt.Fprintf(&b, `\x%02x`, c)
			}
		} else {
			b.WriteString(name[i : i+n])
		}
		i += n
	}
	return b.String()
}
