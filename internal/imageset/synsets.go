package imageset

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// synsets are ImageNet's classes in the order of their WordNet ids.
type synsets struct {
	labels map[string]int64 // by WordNet id
	names  []string         // the words of the class, or its id where there are none
	byID   map[int]string   // WordNet ids by ILSVRC2012_ID, from meta.mat alone
}

// newSynsets makes classes of lines that begin with a WordNet id. Other lines
// are passed over.
func newSynsets(lines []string) *synsets {
	words := map[string]string{}
	for _, line := range lines {
		if id, name := cutSynset(strings.ReplaceAll(strings.TrimSpace(line), "\t", " ")); id != "" {
			words[id] = printable(name)
		}
	}
	s := &synsets{labels: map[string]int64{}}
	for i, id := range slices.Sorted(maps.Keys(words)) {
		s.labels[id] = int64(i)
		s.names = append(s.names, words[id])
		if words[id] == "" {
			s.names[i] = id
		}
	}
	return s
}

// keptFiles are folders in which ImageNet's label files may lie, the likeliest
// first.
type keptFiles []string

// The names of label files, the best first. Those of the classes:
//
//	LOC_synset_mapping.txt  Kaggle: "n01440764 tench, Tinca tinca" per line
//	synset_words.txt        Caffe's caffe_ilsvrc12.tar.gz: the same
//	synsets.txt             Caffe: ids alone
//	meta.mat                ImageNet's devkit: ids, words and ILSVRC2012_IDs
//
// And those of which image has which class:
//
//	LOC_val_solution.csv    Kaggle: "ILSVRC2012_val_00048981,n03995372 85 1 499 272" per line
//	val.txt                 Caffe: "ILSVRC2012_val_00000001.JPEG 65" per line
//	imagenet_2012_validation_synset_labels.txt
//	                        TensorFlow: "n01751748" per line, in the order of images
//	ILSVRC2012_validation_ground_truth.txt
//	                        the devkit: an ILSVRC2012_ID per line, which only meta.mat explains
var (
	synsetFiles = []string{"LOC_synset_mapping.txt", "synset_words.txt", "synsets.txt", metaFile}
	truthFiles  = []truthFile{
		{"LOC_val_solution.csv", truthCSV},
		{"val.txt", truthList},
		{"imagenet_2012_validation_synset_labels.txt", truthIDs},
		{"ILSVRC2012_validation_ground_truth.txt", truthNumbers},
	}
)

const metaFile = "meta.mat"

// truthFile is a form of ground truth. parse gets line i, counted from 1, and
// returns the number of the image and its class, as an id of WordNet or a label;
// the number is 0 for lines to pass over.
type truthFile struct {
	name  string
	parse func(s *synsets, i int, line string) (image int, class string, err error)
}

// maxTruth bounds a file of ground truth, in bytes: Kaggle's has 2 MB.
const maxTruth = 64 << 20

// find returns the first of the names that is there, with its folder.
func (k keptFiles) find(name string) string {
	for _, dir := range k {
		for _, below := range []string{"", "ILSVRC2012_devkit_t12/data", "data"} {
			path := filepath.Join(dir, filepath.FromSlash(below), name)
			if _, err := os.Stat(path); err == nil {
				return path
			}
		}
	}
	return ""
}

// synsets reads the first file of classes that is there, nil without one.
func (k keptFiles) synsets() (*synsets, error) {
	for _, name := range synsetFiles {
		path := k.find(name)
		if path == "" {
			continue
		}
		if name == metaFile {
			return readMeta(path)
		}
		text, err := readText(path, maxNames)
		if err != nil {
			return nil, fmt.Errorf("read class names: %w", err)
		}
		s := newSynsets(strings.Split(text, "\n"))
		if len(s.names) == 0 {
			return nil, fmt.Errorf("read class names: %s has no line as \"n01440764 tench, Tinca tinca\"", path)
		}
		return s, nil
	}
	return nil, nil
}

// truth reads the first file of ground truth that is there: labels by number of
// the image. Classes are those of s, or of the file when s points to none.
func (k keptFiles) truth(s **synsets) (map[int]int64, error) {
	for _, f := range truthFiles {
		path := k.find(f.name)
		if path == "" {
			continue
		}
		if f.name == "ILSVRC2012_validation_ground_truth.txt" {
			meta := k.find(metaFile)
			if meta == "" {
				return nil, fmt.Errorf("%s holds ILSVRC2012_IDs, which only meta.mat of the same devkit explains: put it beside", path)
			}
			var err error
			if *s, err = readMeta(meta); err != nil {
				return nil, err
			}
		}
		text, err := readText(path, maxTruth)
		if err != nil {
			return nil, fmt.Errorf("read ground truth: %w", err)
		}
		truth, err := f.read(text, s)
		if err != nil {
			return nil, fmt.Errorf("read ground truth %s: %w", path, err)
		}
		return truth, nil
	}
	return nil, fmt.Errorf("no ground truth for the flat folder in %s: put LOC_val_solution.csv (Kaggle), val.txt (Caffe) or "+
		"ILSVRC2012_validation_ground_truth.txt with meta.mat (the devkit) beside, or name their folder as imagenet:DIR#FOLDER: %w",
		strings.Join(slices.Compact(slices.Clone(k)), ", "), fs.ErrNotExist)
}

// read parses a whole file.
func (f truthFile) read(text string, s **synsets) (map[int]int64, error) {
	classes := map[int]string{}
	var ids []string
	n := 0
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		n++
		image, class, err := f.parse(*s, n, line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if image > 0 {
			classes[image] = class
			ids = append(ids, class)
		}
	}
	if len(classes) == 0 {
		return nil, errors.New("it names no image")
	}
	if *s == nil {
		*s = newSynsets(ids)
	}
	return (*s).number(classes)
}

// number looks up the labels of classes, which are WordNet ids or labels.
func (s *synsets) number(classes map[int]string) (map[int]int64, error) {
	truth := make(map[int]int64, len(classes))
	for image, class := range classes {
		label, ok := s.labels[class]
		if !ok {
			var err error
			if label, err = strconv.ParseInt(class, 10, 64); err != nil || label < 0 || label >= int64(len(s.names)) && len(s.names) > 0 {
				return nil, fmt.Errorf("image %d has the class %s, which is not among the %s", image, class, count(len(s.names), "class name"))
			}
		}
		truth[image] = label
	}
	return truth, nil
}

// truthCSV reads "ILSVRC2012_val_00048981,n03995372 85 1 499 272".
func truthCSV(_ *synsets, i int, line string) (int, string, error) {
	name, boxes, _ := strings.Cut(line, ",")
	id, _, _ := strings.Cut(boxes, " ")
	image := valNumber(name)
	switch {
	case i == 1 && name == "ImageId":
		return 0, "", nil
	case image == 0 || !isSynset(id):
		return 0, "", fmt.Errorf("%q is not as \"ILSVRC2012_val_00048981,n03995372 85 1 499 272\"", line)
	}
	return image, id, nil
}

// truthList reads "ILSVRC2012_val_00000001.JPEG 65".
func truthList(_ *synsets, _ int, line string) (int, string, error) {
	name, label, err := splitLine(line)
	image := valNumber(name[strings.LastIndexByte(name, '/')+1:])
	if err != nil || image == 0 || label < 0 {
		return 0, "", fmt.Errorf("%q is not as \"ILSVRC2012_val_00000001.JPEG 65\"", line)
	}
	return image, strconv.FormatInt(label, 10), nil
}

// truthIDs reads "n01751748" as the class of image i.
func truthIDs(_ *synsets, i int, line string) (int, string, error) {
	if !isSynset(line) {
		return 0, "", fmt.Errorf("%q is no id as n01751748", line)
	}
	return i, line, nil
}

// truthNumbers reads an ILSVRC2012_ID as the class of image i.
func truthNumbers(s *synsets, i int, line string) (int, string, error) {
	n, err := strconv.Atoi(line)
	if err != nil {
		return 0, "", fmt.Errorf("%q is no ILSVRC2012_ID", line)
	}
	id, ok := s.byID[n]
	if !ok {
		return 0, "", fmt.Errorf("there is no class with ILSVRC2012_ID %d in meta.mat", n)
	}
	return i, id, nil
}
