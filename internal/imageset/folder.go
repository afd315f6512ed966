package imageset

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// imageExtensions are the file names, lower case, that a folder is searched
// for. Formats that cannot be read are among them: such a file is skipped with
// its path in the report rather than passed over in silence.
var imageExtensions = map[string]bool{
	".png": true, ".jpg": true, ".jpeg": true, ".jpe": true, ".jfif": true, ".gif": true, ".webp": true, ".bmp": true,
	".tif": true, ".tiff": true, ".ppm": true, ".pgm": true, ".heic": true, ".avif": true, ".jp2": true, ".jxl": true,
}

// fileSource is a list of image files.
type fileSource struct {
	name    string
	files   []imageFile
	classes []string
	ignored int
}

// imageFile is one file of a list: where it is and what it is called.
type imageFile struct {
	path, id string
	label    int64
}

func (s *fileSource) Name() string      { return s.name }
func (s *fileSource) Len() int          { return len(s.files) }
func (s *fileSource) Classes() []string { return s.classes }
func (s *fileSource) Ignored() int      { return s.ignored }

func (s *fileSource) read() (reader, error) { return &fileReader{files: s.files}, nil }

// fileReader hands out the files; the decode workers open them.
type fileReader struct{ files []imageFile }

func (r *fileReader) next(it *item) error {
	if len(r.files) == 0 {
		return io.EOF
	}
	f := r.files[0]
	r.files = r.files[1:]
	it.id, it.label, it.path, it.raw = f.id, f.label, f.path, nil
	return nil
}

func (r *fileReader) Close() error { return nil }

// openFolder lists the images below dir in the order of their ids. Names that
// begin with a dot are left out, links to files and folders are followed. When
// a folder directly below dir holds images, such folders are the classes, in
// order of their names; images directly in dir are then unlabelled.
func openFolder(dir string) (Source, error) {
	s := &fileSource{name: dir}
	w := walker{source: s, root: dir}
	if err := w.walk("", nil); err != nil {
		return nil, fmt.Errorf("list images of %s: %w", dir, err)
	}
	if len(s.files) == 0 {
		return nil, fmt.Errorf("no images in %s (%s): expected files named .png, .jpg, .gif, .webp or .bmp",
			dir, count(s.ignored, "other file"))
	}
	s.label()
	return s, nil
}

// label derives classes and labels from the ids, which are in order.
func (s *fileSource) label() {
	for i := range s.files {
		f := &s.files[i]
		class, _, inFolder := strings.Cut(f.id, "/")
		if !inFolder {
			continue
		}
		if n := len(s.classes); n == 0 || s.classes[n-1] != class {
			s.classes = append(s.classes, class)
		}
		f.label = int64(len(s.classes) - 1)
	}
}

// walker collects image files below a folder.
type walker struct {
	source *fileSource
	root   string
}

// walk lists the folder rel, slash-separated and relative to the root. Files
// come before folders and both in byte order, so that equal trees give equal
// lists everywhere. above holds the folders on the way here, to notice a link
// that leads back.
func (w *walker) walk(rel string, above []os.FileInfo) error {
	dir := filepath.Join(w.root, filepath.FromSlash(rel))
	here, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(above, func(a os.FileInfo) bool { return os.SameFile(a, here) }) {
		return nil
	}
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return err
	}
	var folders []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		id := e.Name()
		if rel != "" {
			id = rel + "/" + e.Name()
		}
		if isFolder(dir, e) {
			folders = append(folders, id)
		} else {
			w.add(filepath.Join(dir, e.Name()), id)
		}
	}
	for _, f := range folders {
		if err := w.walk(f, append(above, here)); err != nil {
			return err
		}
	}
	return nil
}

// isFolder reports whether the entry is a folder or a link to one.
func isFolder(dir string, e os.DirEntry) bool {
	if e.Type()&os.ModeSymlink == 0 {
		return e.IsDir()
	}
	info, err := os.Stat(filepath.Join(dir, e.Name()))
	return err == nil && info.IsDir()
}

// add appends a file if its name is that of an image.
func (w *walker) add(path, id string) {
	if !imageExtensions[strings.ToLower(filepath.Ext(path))] {
		w.source.ignored++
		return
	}
	id = strings.ToValidUTF8(id, "\uFFFD")
	w.source.files = append(w.source.files, imageFile{path: path, id: id, label: Unlabelled})
}

// count writes n things in words: "1 other file", "3 other files".
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
