package imageset

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxNames bounds the file of class names that is read, in bytes. Those of the
// 21,841 classes of the whole ImageNet are a tenth of it.
const maxNames = 16 << 20

// ParseClasses reads the class names that number labels from 0: s is a text
// file with one name per line, or the names themselves with commas between
// them. Spaces around a name and blank lines are left out.
func ParseClasses(s string) ([]string, error) {
	_, err := os.Stat(s)
	if err != nil && strings.Contains(s, ",") {
		return trimNames(strings.Split(s, ","))
	}
	text, err := readText(s, maxNames)
	if err != nil {
		return nil, fmt.Errorf("read class names: %w", err)
	}
	names, err := trimNames(strings.Split(text, "\n"))
	if err != nil {
		return nil, fmt.Errorf("read class names %s: %w", s, err)
	}
	return names, nil
}

// readText reads a text file of at most most bytes, without a byte order mark.
func readText(path string, most int64) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	switch {
	case err != nil:
		return "", err
	case int64(len(text)) > most:
		return "", fmt.Errorf("%s is longer than %d bytes", path, most)
	case bytes.IndexByte(text, 0) >= 0:
		return "", fmt.Errorf("%s is not a text file", path)
	}
	return strings.TrimPrefix(string(text), "\uFEFF"), nil
}

// trimNames drops what is blank.
func trimNames(lines []string) (names []string, err error) {
	for _, line := range lines {
		if name := strings.TrimSpace(line); name != "" {
			names = append(names, printable(strings.ReplaceAll(name, "\t", " ")))
		}
	}
	if len(names) == 0 {
		return nil, errors.New("there are no class names")
	}
	return names, nil
}

// relabelled is a source whose labels are numbered by other class names.
type relabelled struct {
	Source
	names []string
	to    []int64 // of each label of the source; nil when its labels are kept
}

// Relabel numbers the labels of src by names, as the classifier numbers its
// classes: label i is names[i]. A source with class names of its own, a folder
// say, has each image's label looked up by name; where names holds lines as
// "n01440764 tench", the first word alone does as well. Images of other classes
// become unlabelled; these classes are returned. It is an error when no class
// of src is among the names, or when one could be several. A source without
// class names, a list say, keeps its numbers, which must be below len(names).
func Relabel(src Source, names []string) (Source, []string, error) {
	own := src.Classes()
	s := &relabelled{Source: src, names: names}
	if own == nil {
		return s, nil, nil
	}
	at, err := indexNames(names, own)
	if err != nil {
		return nil, nil, err
	}
	var others []string
	s.to = make([]int64, len(own))
	for i, name := range own {
		label, ok := at[name]
		if !ok {
			label, others = Unlabelled, append(others, name)
		}
		s.to[i] = label
	}
	if len(others) == len(own) {
		return nil, nil, fmt.Errorf("none of the %s of %s (%s) is among the %s of --classes (%s)", count(len(own), "class name"),
			src.Name(), some(own), count(len(names), "name"), some(names))
	}
	return s, others, nil
}

// indexNames maps names, and the WordNet id at the beginning of one, to their
// places. A name in two places is an error when it is among own.
func indexNames(names, own []string) (map[string]int64, error) {
	wanted := map[string]bool{}
	for _, name := range own {
		wanted[name] = true
	}
	at := map[string]int64{}
	add := func(name string, i int) error {
		if j, twice := at[name]; twice && j != int64(i) && wanted[name] {
			return fmt.Errorf("--classes has %q twice, as label %d and %d: which one the images of that class are is not known", name, j, i)
		}
		at[name] = int64(i)
		return nil
	}
	for i, name := range names {
		if err := add(name, i); err != nil {
			return nil, err
		}
		if id, _ := cutSynset(name); id != "" {
			if err := add(id, i); err != nil {
				return nil, err
			}
		}
	}
	return at, nil
}

// cutSynset splits "n01440764 tench, Tinca tinca" into WordNet's id and the
// words. The id is empty when there is none at the beginning.
func cutSynset(line string) (id, words string) {
	id, words, _ = strings.Cut(line, " ")
	if !isSynset(id) {
		return "", line
	}
	return id, strings.TrimSpace(words)
}

// isSynset reports whether s is an id of a noun in WordNet: n and eight digits.
func isSynset(s string) bool {
	return len(s) == 9 && s[0] == 'n' && strings.Trim(s[1:], "0123456789") == ""
}

// some are the first names of a list.
func some(names []string) string {
	if len(names) > 3 {
		return strings.Join(names[:3], ", ") + ", ..."
	}
	return strings.Join(names, ", ")
}

func (s *relabelled) Classes() []string { return s.names }

func (s *relabelled) count(ctx context.Context, most int) int {
	if c, ok := s.Source.(counter); ok {
		return c.count(ctx, most)
	}
	return -1
}

func (s *relabelled) read(from int) (reader, error) {
	r, err := s.Source.read(from)
	if err != nil {
		return nil, err
	}
	return &relabelledReader{reader: r, source: s}, nil
}

// relabelledReader changes the labels on the way.
type relabelledReader struct {
	reader
	source *relabelled
}

func (r *relabelledReader) next(it *item) error {
	if err := r.reader.next(it); err != nil {
		return err
	}
	switch s := r.source; {
	case it.label < 0:
	case s.to != nil:
		it.label = s.to[it.label]
	case it.label >= int64(len(s.names)):
		return fmt.Errorf("image %s has label %d, which is beyond the %s of --classes", it.id, it.label, count(len(s.names), "name"))
	}
	return nil
}

func (r *relabelledReader) ignored() int {
	if c, ok := r.reader.(ignorer); ok {
		return c.ignored()
	}
	return 0
}
