package benchmark

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// most is how long a benchmark file may be, in bytes.
const most = 1 << 20

// Open reads a benchmark file. Its errors name the file and the line.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read %w", bare(err))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read %w", bare(err))
	case len(data) > most:
		return nil, fmt.Errorf("read %s: is longer than %d bytes: not a benchmark", path, most)
	}
	b, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return b, nil
}

// bare leaves the name of the system call out.
func bare(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", p.Path, p.Err)
	}
	return err
}

// KeyError is a key that the place it stands at does not have.
type KeyError struct {
	Key   string
	Line  int
	Valid []string // keys of that place
}

func (e *KeyError) Error() string {
	return fmt.Sprintf("line %d: unknown key %q; the keys here are %s", e.Line, e.Key, strings.Join(e.Valid, ", "))
}

// Parse reads a benchmark. Unknown keys are a *KeyError, keys that are there twice and values of other types are errors; all
// tell the line.
func Parse(data []byte) (*File, error) {
	d := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	if err := d.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the file is empty")
		}
		return nil, notYAML(err)
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more than one document in the file")
	}
	f := &File{}
	if err := f.decode(doc.Content[0]); err != nil {
		return nil, err
	}
	return f, f.check()
}

// notYAML leaves out the parser's name for itself.
func notYAML(err error) error {
	return errors.New("not YAML: " + strings.TrimPrefix(err.Error(), "yaml: "))
}

func (f *File) decode(n *yaml.Node) error {
	near, far := Group{Name: "near"}, Group{Name: "far"}
	err := mapping(n, "the benchmark", []key{
		{"name", text(&f.Name)}, {"model", text(&f.Model)}, {"preprocess", text(&f.Preprocess)}, {"tensor", text(&f.Tensor)},
		{"runs", list(&f.Runs)},
		{"train", func(n *yaml.Node) error { f.Train = &Set{Name: "train"}; return f.Train.decode(n, true) }},
		{"id", func(n *yaml.Node) error { return f.ID.decode(n, true) }},
		{"near", near.decode}, {"far", far.decode},
		{"detectors", list(&f.Detectors)}, {"seeds", f.decodeSeeds},
	})
	for _, g := range []Group{near, far} {
		if len(g.Sets) > 0 {
			f.Groups = append(f.Groups, g)
		}
	}
	return err
}

func (f *File) decodeSeeds(n *yaml.Node) error {
	return sequence(n, func(item *yaml.Node) error {
		var seed uint64
		if item.Kind != yaml.ScalarNode || item.Tag != "!!int" || item.Decode(&seed) != nil {
			return fmt.Errorf("line %d: a seed is a whole number, not %q", item.Line, item.Value)
		}
		if slices.Contains(f.Seeds, seed) {
			return fmt.Errorf("line %d: the seed %d is there twice", item.Line, seed)
		}
		f.Seeds = append(f.Seeds, seed)
		return nil
	})
}

// decode reads sets by their names.
func (g *Group) decode(n *yaml.Node) error {
	return entries(n, g.Name, func(name *yaml.Node, value *yaml.Node) error {
		s := Set{Name: name.Value}
		if err := s.decode(value, false); err != nil {
			return err
		}
		g.Sets = append(g.Sets, s)
		return nil
	})
}

// decode reads a set: a mapping, or the path of its features alone.
func (s *Set) decode(n *yaml.Node, named bool) error {
	n = follow(n)
	if n.Kind == yaml.ScalarNode {
		return text(&s.Features)(n)
	}
	keys := []key{
		{"features", text(&s.Features)}, {"images", text(&s.Images)}, {"root", text(&s.Root)},
		{"classes", text(&s.Classes)}, {"limit", number(&s.Limit)},
	}
	if named {
		keys = append(keys, key{"name", text(&s.Name)})
	}
	if err := mapping(n, "a set", keys); err != nil {
		return err
	}
	switch {
	case s.Features == "" && s.Images == "":
		return fmt.Errorf("line %d: a set needs features or images", n.Line)
	case s.Features != "" && s.Images != "":
		return fmt.Errorf("line %d: a set has either features or images", n.Line)
	case s.Features != "" && (s.Root != "" || s.Classes != "" || s.Limit != 0):
		return fmt.Errorf("line %d: root, classes and limit are of no use with features", n.Line)
	}
	return nil
}

// check refuses what is not complete.
func (f *File) check() error {
	if f.ID.Features == "" && f.ID.Images == "" {
		return errors.New("there is no id, the set of in-distribution test images")
	}
	if f.ID.Name == "" {
		f.ID.Name = "id"
	}
	if len(f.Groups) == 0 {
		return errors.New("there is no set in near or far")
	}
	seen := map[string]bool{"near": true, "far": true}
	for _, s := range f.Sets() {
		if seen[s.Name] {
			return fmt.Errorf("two sets or groups are called %q", s.Name)
		}
		seen[s.Name] = true
	}
	return f.checkRuns()
}

// checkRuns refuses <run> without runs, which would be taken for a part of a name, and runs that make no difference.
func (f *File) checkRuns() error {
	texts := append([]string{f.Model, f.Preprocess}, f.Detectors...)
	sets := append(f.Sets(), f.ID)
	if f.Train != nil {
		sets = append(sets, *f.Train)
	}
	for _, s := range sets {
		texts = append(texts, s.Features, s.Images, s.Root, s.Classes)
	}
	used := slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(s, placeholder) })
	switch {
	case used && len(f.Runs) == 0:
		return fmt.Errorf("%s is in a path, but there are no runs", placeholder)
	case !used && len(f.Runs) > 1:
		return fmt.Errorf("there are several runs, but %s is in no path", placeholder)
	}
	return nil
}
