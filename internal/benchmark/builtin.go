package benchmark

import (
	"embed"
	"io/fs"
	"slices"
	"strings"
)

//go:embed builtin
var builtin embed.FS

// Names lists the benchmarks that come with the program, such as openood/cifar10.
func Names() []string {
	var names []string
	err := fs.WalkDir(builtin, "builtin", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, strings.TrimSuffix(strings.TrimPrefix(path, "builtin/"), ".yaml"))
		}
		return err
	})
	if err != nil {
		panic(err) // is in the program
	}
	slices.Sort(names)
	return names
}

// Text returns the file of a benchmark that comes with the program, false for one that does not.
func Text(name string) ([]byte, bool) {
	text, err := builtin.ReadFile("builtin/" + name + ".yaml")
	return text, err == nil
}

// Named returns a benchmark that comes with the program, false for one that does not.
func Named(name string) (*File, bool) {
	text, ok := Text(name)
	if !ok {
		return nil, false
	}
	f, err := Parse(text)
	if err != nil {
		panic(err) // a test parses them all
	}
	return f, true
}
