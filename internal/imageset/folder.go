package imageset

import (
	"context"
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

// isImageName reports whether a file's name is that of an image.
func isImageName(name string) bool { return imageExtensions[strings.ToLower(filepath.Ext(name))] }

// folderSource is the images below a folder. They are listed while they are
// read: a tree of a million files costs no wait before its first image.
type folderSource struct {
	name, dir string
	classes   []string
	label     func(id string) int64 // of an image by its path below dir
}

func (s *folderSource) Name() string      { return s.name }
func (s *folderSource) Len() int          { return -1 }
func (s *folderSource) Classes() []string { return s.classes }

// openFolder opens the images below dir. Names that begin with a dot are left
// out, links to files and folders are followed. When a folder directly below
// dir holds images, at whatever depth, such folders are the classes, in order
// of their names; images directly in dir are then unlabelled.
func openFolder(dir string) (Source, error) {
	s := &folderSource{name: dir, dir: dir}
	labels := map[string]int64{}
	s.label = func(id string) int64 { return labelOf(labels, folderOf(id)) }
	root, err := openWalk(dir)
	if err != nil {
		return nil, fmt.Errorf("list images of %s: %w", dir, err)
	}
	top := root.stack[0]
	for _, name := range top.folders {
		if countImages(context.Background(), filepath.Join(dir, name), []os.FileInfo{top.info}, 1) > 0 {
			labels[name] = int64(len(s.classes))
			s.classes = append(s.classes, printable(name))
		}
	}
	if len(top.files) == 0 && len(s.classes) == 0 {
		_, err := root.next() // past all other files, to count them
		if err != io.EOF {
			return nil, fmt.Errorf("list images of %s: the folder changes while it is read", dir)
		}
		if shards := shardsIn(dir); len(shards) > 0 {
			return openShards(dir, shards)
		}
		return nil, fmt.Errorf("no images in %s (%s): expected files named .png, .jpg, .gif, .webp or .bmp",
			dir, count(root.others, "other file"))
	}
	return s, nil
}

// folderOf is the first folder in a path with slashes, "" when there is none.
func folderOf(id string) string {
	if class, _, inFolder := strings.Cut(id, "/"); inFolder {
		return class
	}
	return ""
}

// labelOf looks up a label.
func labelOf[K comparable](labels map[K]int64, key K) int64 {
	if label, ok := labels[key]; ok {
		return label
	}
	return Unlabelled
}

func (s *folderSource) read(from int) (reader, error) {
	w, err := openWalk(s.dir)
	if err != nil {
		return nil, err
	}
	return startAt(&folderReader{walk: w, label: s.label}, from)
}

// count lists without order, which takes no memory to speak of.
func (s *folderSource) count(ctx context.Context, most int) int {
	return countImages(ctx, s.dir, nil, most)
}

// folderReader hands out the files; the decode workers open them.
type folderReader struct {
	*walk
	label func(id string) int64
}

func (r *folderReader) next(it *item) error {
	f, err := r.walk.next()
	if err != nil {
		return err
	}
	it.id, it.path, it.bad, it.label = printable(f.id), f.path, f.err, r.label(f.id)
	return nil
}

func (r *folderReader) ignored() int { return r.others }
func (r *folderReader) Close() error { return nil }

// countImages counts what a walk of dir would find, in any order, and stops at
// most. above holds the folders on the way here.
func countImages(ctx context.Context, dir string, above []os.FileInfo, most int) (n int) {
	here, f, err := openDir(dir)
	if err != nil {
		return 1 // a walk hands out the folder itself, as an image that cannot be read
	}
	defer f.Close()
	if leadsBack(above, here) {
		return 0
	}
	var folders []string
	for n < most && ctx.Err() == nil {
		entries, err := f.ReadDir(1024)
		for _, e := range entries {
			switch name := e.Name(); {
			case strings.HasPrefix(name, "."):
			case isFolder(dir, e):
				folders = append(folders, name)
			case isImageName(name):
				n++
			}
		}
		if err != nil {
			break
		}
	}
	f.Close() // or a deep tree holds many open
	above = append(slices.Clip(above), here)
	for i := 0; i < len(folders) && n < most && ctx.Err() == nil; i++ {
		n += countImages(ctx, filepath.Join(dir, folders[i]), above, most-n)
	}
	return min(n, most)
}

// count writes n things in words: "1 other file", "3 other files".
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
