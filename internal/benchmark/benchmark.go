// Package benchmark owns the benchmark file: YAML that says which sets of images a detector is measured on, in which groups, and
// with which classifier and detectors; and the benchmarks that come with the program. It opens no images or features.
package benchmark

import (
	"path/filepath"
	"strings"
)

// File is a benchmark. Paths in it are as written; see [File.In].
//
//	key          type              meaning
//	name         string            what the benchmark is called
//	model        path              the ONNX classifier for sets of images
//	preprocess   path or preset    as --preprocess of extract
//	tensor       string            as --feature-tensor of extract
//	runs         list of strings   <run> in every path stands for each of these in turn
//	train        set               training images, to fit detectors to
//	id           set               in-distribution test images
//	near, far    sets by name      out-of-distribution images; a group's score is the unweighted mean over its sets
//	detectors    list of strings   names of methods, or detector files; the first is under test
//	seeds        list of numbers   a flow is trained once with each
//
// id and at least one set in near or far have to be there.
type File struct {
	Name       string
	Model      string
	Preprocess string
	Tensor     string
	Runs       []string
	Train      *Set
	ID         Set
	Groups     []Group // near and far, those that have sets
	Detectors  []string
	Seeds      []uint64
}

// Group is a group of OOD sets.
type Group struct {
	Name string
	Sets []Set
}

// Set is one set of images, either a file of features or a source of images:
//
//	key        type     meaning
//	features   path     file of features
//	images     SOURCE   as --images of extract
//	root       path     as --root of extract
//	classes    path     as --classes of extract
//	limit      number   as --limit of extract
//	name       string   of train and id: what the set is called
type Set struct {
	Name     string
	Features string
	Images   string
	Root     string
	Classes  string
	Limit    int
}

// Sets returns the OOD sets of all groups.
func (f *File) Sets() []Set {
	var sets []Set
	for _, g := range f.Groups {
		sets = append(sets, g.Sets...)
	}
	return sets
}

// placeholder stands for the run in paths.
const placeholder = "<run>"

// In returns f with <run> replaced by run and relative paths starting at dir.
func (f *File) In(dir, run string) *File {
	out := *f
	path := func(p string) string { return place(dir, strings.ReplaceAll(p, placeholder, run)) }
	set := func(s Set) Set {
		s.Features, s.Root = path(s.Features), path(s.Root)
		s.Images = placeSource(dir, strings.ReplaceAll(s.Images, placeholder, run))
		s.Classes = placeClasses(dir, strings.ReplaceAll(s.Classes, placeholder, run))
		return s
	}
	out.Model, out.ID = path(f.Model), set(f.ID)
	if strings.HasSuffix(f.Preprocess, ".json") {
		out.Preprocess = path(f.Preprocess)
	}
	if f.Train != nil {
		train := set(*f.Train)
		out.Train = &train
	}
	out.Groups = nil
	for _, g := range f.Groups {
		placed := Group{Name: g.Name}
		for _, s := range g.Sets {
			placed.Sets = append(placed.Sets, set(s))
		}
		out.Groups = append(out.Groups, placed)
	}
	out.Detectors = nil
	for _, d := range f.Detectors {
		if IsFile(d) {
			d = path(d)
		}
		out.Detectors = append(out.Detectors, d)
	}
	return &out
}

// IsFile tells whether an entry of detectors is a file, not the name of a method: it has an extension or a folder in it.
func IsFile(detector string) bool {
	return filepath.Ext(detector) != "" || strings.ContainsAny(detector, `/\`)
}

// place puts a relative path into dir.
func place(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, filepath.FromSlash(path))
}

// placeSource is place for a SOURCE, which may begin with a word and a colon. A colon after one letter is of a drive.
func placeSource(dir, source string) string {
	kind, path, ok := strings.Cut(source, ":")
	if !ok || len(kind) < 2 || strings.ContainsAny(kind, `/\.`) {
		return place(dir, source)
	}
	return kind + ":" + place(dir, path)
}

// placeClasses is place for a file of class names; a list of names stays what it is.
func placeClasses(dir, classes string) string {
	if strings.Contains(classes, ",") {
		return classes
	}
	return place(dir, classes)
}
