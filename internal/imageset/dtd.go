package imageset

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// openDTD opens a split of the Describable Textures Dataset as distributed:
// DIR#test1 is the images below DIR/images that DIR/labels/test1.txt names, one
// "banded/banded_0002.jpg" per line. DIR may be the folder that holds dtd/, too.
// The classes are the folders of the split, in order of their names, as
// torchvision numbers them.
func openDTD(name, rest string) (Source, error) {
	dir, split, _ := cutLast(rest, "#")
	if !isDTDSplit(split) {
		return nil, fmt.Errorf("open images %s: say which part, dtd:%s#train1, #val1 or #test1 up to #test10; %s has all images",
			name, dir, filepath.Join(dir, "images"))
	}
	if _, err := os.Stat(filepath.Join(dir, "labels")); err != nil {
		if _, err := os.Stat(filepath.Join(dir, "dtd", "labels")); err == nil {
			dir = filepath.Join(dir, "dtd")
		}
	}
	src, err := openList(filepath.Join(dir, "labels", split+".txt"), filepath.Join(dir, "images"))
	if err != nil {
		return nil, fmt.Errorf("open images %s: %w: expected Describable Textures (dtd-r1.0.1.tar.gz, unpacked)", name, err)
	}
	s := src.(*listSource)
	s.name = name
	if err := s.labelByFolder(); err != nil {
		return nil, fmt.Errorf("open images %s: %w", name, err)
	}
	return s, nil
}

// isDTDSplit reports whether s is train, val or test and a number from 1 to 10.
func isDTDSplit(s string) bool {
	for _, part := range []string{"train", "val", "test"} {
		if n, ok := strings.CutPrefix(s, part); ok {
			return n == "10" || len(n) == 1 && n[0] >= '1' && n[0] <= '9'
		}
	}
	return false
}

// labelByFolder makes classes of the first folders in a list's paths.
func (s *listSource) labelByFolder() error {
	labels := map[string]int64{}
	s.label = func(id string) int64 {
		labels[folderOf(id)] = 0
		return Unlabelled
	}
	r, err := s.read(s.n)
	if err != nil {
		return err
	}
	if err := r.Close(); err != nil {
		return err
	}
	delete(labels, "")
	for class := range labels {
		s.classes = append(s.classes, class)
	}
	slices.Sort(s.classes)
	for i, class := range s.classes {
		labels[class] = int64(i)
		s.classes[i] = printable(class)
	}
	s.label = func(id string) int64 { return labelOf(labels, folderOf(id)) }
	return nil
}

// cutLast splits s around the last sep.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
