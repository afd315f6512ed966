package benchmark

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// key is a key that a mapping may have, and what reads its value.
type key struct {
	name string
	read func(*yaml.Node) error
}

// follow goes from an alias to what it stands for.
func follow(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// mapping reads the keys of a mapping; what names it in errors.
func mapping(n *yaml.Node, what string, keys []key) error {
	var valid []string
	for _, k := range keys {
		valid = append(valid, k.name)
	}
	return entries(n, what, func(name, value *yaml.Node) error {
		i := slices.Index(valid, name.Value)
		if i < 0 {
			return &KeyError{Key: name.Value, Line: name.Line, Valid: valid}
		}
		return keys[i].read(value)
	})
}

// entries goes through a mapping, none of whose keys may be there twice or empty.
func entries(n *yaml.Node, what string, yield func(name, value *yaml.Node) error) error {
	n = follow(n)
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: %s is a mapping of keys to values", n.Line, what)
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := follow(n.Content[i])
		switch {
		case name.Kind != yaml.ScalarNode || name.Value == "":
			return fmt.Errorf("line %d: a key has to be a word", name.Line)
		case seen[name.Value]:
			return fmt.Errorf("line %d: the key %q is there twice", name.Line, name.Value)
		}
		seen[name.Value] = true
		if err := yield(name, n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// sequence goes through a list with at least one item.
func sequence(n *yaml.Node, yield func(*yaml.Node) error) error {
	n = follow(n)
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		return fmt.Errorf("line %d: want a list, such as [a, b]", n.Line)
	}
	for _, item := range n.Content {
		if err := yield(follow(item)); err != nil {
			return err
		}
	}
	return nil
}

// words are the types that are read as text: what is meant for a name may look like a number.
var words = []string{"!!str", "!!int", "!!float", "!!bool"}

// text reads a string that is not empty.
func text(to *string) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		n = follow(n)
		if n.Kind != yaml.ScalarNode || n.Value == "" || !slices.Contains(words, n.Tag) {
			return fmt.Errorf("line %d: want a text here", n.Line)
		}
		*to = n.Value
		return nil
	}
}

// number reads a whole number above 0.
func number(to *int) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		n = follow(n)
		if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || n.Decode(to) != nil || *to < 1 {
			return fmt.Errorf("line %d: want a whole number above 0, not %q", n.Line, n.Value)
		}
		return nil
	}
}

// list reads a list of different strings.
func list(to *[]string) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		return sequence(n, func(item *yaml.Node) error {
			var s string
			if err := text(&s)(item); err != nil {
				return err
			}
			if slices.Contains(*to, s) {
				return fmt.Errorf("line %d: %q is there twice", item.Line, s)
			}
			*to = append(*to, s)
			return nil
		})
	}
}
