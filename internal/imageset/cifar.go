package imageset

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// cifarSet describes CIFAR-10 or CIFAR-100, in the two forms in which they are
// distributed.
type cifarSet struct {
	prefix, title  string
	labelBytes     int // before the pixels of a binary record
	binary, python cifarForm
	kinds          map[string]cifarKind // by what follows the part's name
}

// cifarForm is where one form has what.
type cifarForm struct {
	archive, folder string
	parts           map[string][]string
	meta            string // class names of the Python form
}

// cifarKind is one kind of label.
type cifarKind struct {
	n     int    // number of classes
	at    int    // in a binary record
	key   string // in a pickle
	list  string // file of class names beside binary files
	names string // class names in the pickle of the Python form
}

var cifar10 = &cifarSet{
	prefix: "cifar10:", title: "CIFAR-10", labelBytes: 1,
	binary: cifarForm{archive: "cifar-10-binary.tar.gz", folder: "cifar-10-batches-bin", parts: map[string][]string{
		"train": {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"}, "test": {"test_batch.bin"},
	}},
	python: cifarForm{archive: "cifar-10-python.tar.gz", folder: "cifar-10-batches-py", meta: "batches.meta", parts: map[string][]string{
		"train": {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"}, "test": {"test_batch"},
	}},
	kinds: map[string]cifarKind{"": {n: 10, key: "labels", list: "batches.meta.txt", names: "label_names"}},
}

var cifar100 = &cifarSet{
	prefix: "cifar100:", title: "CIFAR-100", labelBytes: 2,
	binary: cifarForm{archive: "cifar-100-binary.tar.gz", folder: "cifar-100-binary", parts: map[string][]string{
		"train": {"train.bin"}, "test": {"test.bin"},
	}},
	python: cifarForm{archive: "cifar-100-python.tar.gz", folder: "cifar-100-python", meta: "meta", parts: map[string][]string{
		"train": {"train"}, "test": {"test"},
	}},
	kinds: map[string]cifarKind{
		"":        {n: 100, at: 1, key: "fine_labels", list: "fine_label_names.txt", names: "fine_label_names"},
		"-coarse": {n: 20, at: 0, key: "coarse_labels", list: "coarse_label_names.txt", names: "coarse_label_names"},
	},
}

// cifarSide is the width and height of the images, cifarPixels the bytes of one.
const (
	cifarSide   = 32
	cifarPixels = 3 * cifarSide * cifarSide
)

// cifarSource is one part of a data set.
type cifarSource struct {
	name    string
	set     *cifarSet
	kind    cifarKind
	shelf   shelf
	files   []cifarFile
	classes []string
}

// cifarFile is one file of images.
type cifarFile struct {
	name string
	n    int // images in it
}

func (s *cifarSource) Name() string      { return s.name }
func (s *cifarSource) Classes() []string { return s.classes }

func (s *cifarSource) Len() (n int) {
	for _, f := range s.files {
		n += f.n
	}
	return n
}

func openCIFAR10(name, rest string) (Source, error)  { return cifar10.open(name, rest) }
func openCIFAR100(name, rest string) (Source, error) { return cifar100.open(name, rest) }

// open opens "PATH#train", "PATH#test" or, where there are two kinds of labels,
// "PATH#train-coarse". PATH is the archive, the folder in it, or the folder that
// this was unpacked into. Of the training files, those that are there count.
func (c *cifarSet) open(name, rest string) (Source, error) {
	path, part, _ := cutLast(rest, "#")
	s := &cifarSource{name: name, set: c}
	ok := false
	for suffix, kind := range c.kinds {
		if p := strings.TrimSuffix(part, suffix); part == p+suffix && c.binary.parts[p] != nil {
			part, s.kind, ok = p, kind, true
			break
		}
	}
	if !ok {
		return nil, fmt.Errorf("open images %s: say which part, %s", name, c.usage(path))
	}
	if err := s.find(path, part); err != nil {
		return nil, fmt.Errorf("open images %s: %w", name, err)
	}
	return s, nil
}

// usage lists the sources that a path can stand for.
func (c *cifarSet) usage(path string) string {
	var all []string
	for _, suffix := range slices.Sorted(maps.Keys(c.kinds)) {
		all = append(all, c.prefix+path+"#train"+suffix, c.prefix+path+"#test"+suffix)
	}
	return strings.Join(all[:len(all)-1], ", ") + " or " + all[len(all)-1]
}

// find looks for the part's files and counts their images.
func (s *cifarSource) find(path, part string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Mode().IsRegular() {
		s.shelf = &tarShelf{path: path}
		if err := s.list(part); err != nil || len(s.files) > 0 {
			return err
		}
		return s.missing(path)
	}
	for _, dir := range []string{"", s.set.binary.folder, s.set.python.folder} {
		s.shelf = folderShelf(filepath.Join(path, dir))
		if err := s.list(part); err != nil || len(s.files) > 0 {
			return err
		}
	}
	return s.missing(path)
}

func (s *cifarSource) missing(path string) error {
	return fmt.Errorf("%s holds none of the files of %s: expected %s or %s, as downloaded or unpacked",
		path, s.set.title, s.set.binary.archive, s.set.python.archive)
}

// list finds what a shelf has of the part: the binary form or else the Python
// form.
func (s *cifarSource) list(part string) error {
	binary, python := s.set.binary.parts[part], s.set.python.parts[part]
	found := map[string]int{}
	wanted := slices.Concat(binary, []string{s.kind.list}, python, []string{s.set.python.meta})
	err := s.shelf.visit(wanted, func(name string, size int64, r io.Reader) (err error) {
		switch {
		case name == s.kind.list:
			s.classes = readNames(r, s.kind.n)
		case name == s.set.python.meta:
			s.classes = readLabelNames(r, size, s.kind)
		case slices.Contains(binary, name):
			found[name], err = s.countRecords(name, size)
		default:
			var b *cifarBatch
			if b, err = readBatch(name, size, r, s.kind); err == nil {
				found[name] = len(b.labels)
			}
		}
		return err
	})
	for _, names := range [][]string{binary, python} {
		for _, name := range names {
			if n, ok := found[name]; ok {
				s.files = append(s.files, cifarFile{name, n})
			}
		}
		if len(s.files) > 0 {
			break
		}
	}
	return err
}

// countRecords is the number of images in a binary file.
func (s *cifarSource) countRecords(name string, size int64) (int, error) {
	record := int64(s.set.labelBytes + cifarPixels)
	if size == 0 || size%record != 0 {
		return 0, fmt.Errorf("%s has %d bytes, not a multiple of the record's %d: truncated, or not %s's binary version",
			name, size, record, s.set.title)
	}
	return int(size / record), nil
}

// readNames reads n class names, one per line; nil when there is another number
// of them. Names are not worth an error.
func readNames(r io.Reader, n int) []string {
	text, err := io.ReadAll(io.LimitReader(r, 64<<10))
	if err != nil {
		return nil
	}
	names := strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' || r == '\r' })
	if len(names) != n {
		return nil
	}
	for i, name := range names {
		names[i] = printable(strings.TrimSpace(name))
	}
	return names
}
