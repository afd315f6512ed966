package imageset

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// openImageNet opens the validation images of ImageNet (ILSVRC2012) in the
// forms in which they are kept:
//
//	DIR/ILSVRC2012_val_00000001.JPEG           as in ILSVRC2012_img_val.tar
//	DIR/n01440764/ILSVRC2012_val_00000293.JPEG sorted into a folder per class
//
// where DIR may also be the folder around val, around ILSVRC2012_img_val, or
// around Kaggle's ILSVRC. Labels count the classes in the order of their WordNet
// ids, as torchvision and nearly every classifier number them. What image has
// which class, and what the classes are called, is looked up in the files of
// truthFiles and synsetFiles, which lie in or beside DIR, in the unpacked
// ILSVRC2012_devkit_t12, or in the folder behind "#".
func openImageNet(name, rest string) (Source, error) {
	dir, with, _ := cutLast(rest, "#")
	s := &folderSource{name: name}
	var entries []os.DirEntry
	for _, below := range []string{"val", "ILSVRC2012_img_val", "ILSVRC/Data/CLS-LOC/val", "Data/CLS-LOC/val", ""} {
		var err error
		s.dir = filepath.Join(dir, filepath.FromSlash(below))
		if entries, err = os.ReadDir(s.dir); err != nil && below == "" {
			return nil, fmt.Errorf("open images %s: %w", name, err)
		}
		if err == nil {
			break
		}
	}
	if with == "" {
		with = dir
	}
	k := keptFiles{s.dir, filepath.Dir(s.dir), with, filepath.Dir(filepath.Clean(with))}
	err := s.labelImageNet(entries, k)
	if err != nil {
		return nil, fmt.Errorf("open images %s: %w", name, err)
	}
	return s, nil
}

// labelImageNet finds out which of the two forms it is, and the classes.
func (s *folderSource) labelImageNet(entries []os.DirEntry, k keptFiles) error {
	synsets, err := k.synsets()
	if err != nil {
		return err
	}
	var folders []string
	flat := false
	for _, e := range entries {
		if isSynset(e.Name()) {
			folders = append(folders, e.Name())
		}
		flat = flat || valNumber(e.Name()) > 0
	}
	switch {
	case len(folders) > 0:
		if synsets == nil {
			synsets = newSynsets(folders)
		}
		for _, id := range folders {
			if _, ok := synsets.labels[id]; !ok {
				return fmt.Errorf("folder %s of %s is not among the %s", id, s.dir, count(len(synsets.names), "class name"))
			}
		}
		s.label = func(id string) int64 { return labelOf(synsets.labels, folderOf(id)) }
	case flat:
		truth, err := k.truth(&synsets)
		if err != nil {
			return err
		}
		s.label = func(id string) int64 { return labelOf(truth, valNumber(id)) }
	default:
		return fmt.Errorf("no ILSVRC2012_val_00000001.JPEG and no folders as n01440764 in %s: "+
			"expected ImageNet's validation images (ILSVRC2012_img_val.tar, unpacked)", s.dir)
	}
	s.classes = synsets.names
	return nil
}

// valNumber is the number in the name of a validation image, and 0 for others.
func valNumber(name string) int {
	digits, ok := strings.CutPrefix(name, "ILSVRC2012_val_")
	digits, _, _ = strings.Cut(digits, ".")
	if !ok || len(digits) != 8 {
		return 0
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 {
		return 0
	}
	return n
}
