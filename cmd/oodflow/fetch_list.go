package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/oodflow/oodflow/internal/fetch"
	"github.com/oodflow/oodflow/internal/progress"
)

// fetchReport is what fetch --json writes.
type fetchReport struct {
	Datasets []fetchedFacts `json:"datasets"`
}

// fetchedFacts is a dataset that was fetched.
type fetchedFacts struct {
	Name    string          `json:"name"`
	Files   []fetchedFile   `json:"files"`
	Unpack  string          `json:"unpack,omitempty"` // the command to run before the sources can be read
	Sources []fetchedSource `json:"sources"`
}

type fetchedFile struct {
	Path   string `json:"path"`
	URL    string `json:"url"`
	Bytes  int64  `json:"bytes"`
	MD5    string `json:"md5"`
	SHA256 string `json:"sha256"`
	State  string `json:"state"` // present, fetched or resumed
}

type fetchedSource struct {
	Split  string `json:"split"`
	Source string `json:"source"` // for extract --images
}

// writeSources writes each source on a line.
func (r fetchReport) writeSources(w io.Writer) error {
	for _, d := range r.Datasets {
		for _, s := range d.Sources {
			if _, err := fmt.Fprintln(w, s.Source); err != nil {
				return err
			}
		}
	}
	return nil
}

// listedFacts is a dataset that can be fetched.
type listedFacts struct {
	Name     string       `json:"name"`
	About    string       `json:"about"`
	Bytes    int64        `json:"bytes"`
	Files    []listedFile `json:"files"`
	Terms    string       `json:"terms"`
	Homepage string       `json:"homepage"`
	Manual   string       `json:"manual,omitempty"` // how to get it by hand, where it cannot be fetched
}

type listedFile struct {
	Name   string `json:"name"`
	URL    string `json:"url"`
	Bytes  int64  `json:"bytes"`
	MD5    string `json:"md5"`
	SHA256 string `json:"sha256"`
}

// runFetchList lists the datasets named, or all.
func runFetchList(opts fetchOptions, c *console) error {
	list := []listedFacts{}
	for _, d := range datasets {
		if len(opts.names) > 0 && !slices.Contains(opts.names, d.Name) {
			continue
		}
		facts, err := listDataset(d)
		if err != nil {
			return err
		}
		list = append(list, facts)
	}
	if opts.json {
		return writeJSON(c.out, map[string]any{"datasets": list})
	}
	return writeFetchList(c.out, list)
}

func listDataset(d fetch.Dataset) (listedFacts, error) {
	facts := listedFacts{
		Name: d.Name, About: d.About, Bytes: d.Bytes(), Files: []listedFile{}, Terms: d.Terms, Homepage: d.Homepage, Manual: d.Manual,
	}
	for _, f := range d.Files {
		u, err := f.URL(nil)
		if err != nil {
			return facts, fmt.Errorf("address of %s: %w", f.Name, err)
		}
		facts.Files = append(facts.Files, listedFile{f.Name, u.String(), f.Bytes, f.MD5, f.SHA256})
	}
	return facts, nil
}

// writeFetchList writes the form for people: a paragraph for each dataset.
func writeFetchList(w io.Writer, list []listedFacts) error {
	wide := 0
	for _, d := range list {
		wide = max(wide, len(d.Name))
	}
	var b strings.Builder
	line := func(label, format string, args ...any) {
		fmt.Fprintf(&b, "%-*s  %s\n", wide, label, fmt.Sprintf(format, args...))
	}
	for _, d := range list {
		line(d.Name, "%s", d.About)
		for _, f := range d.Files {
			line("", "%s", f.URL)
			line("", "%s (%d bytes)", progress.Size(f.Bytes), f.Bytes)
		}
		line("", "terms: %s (%s)", d.Terms, d.Homepage)
		if d.Manual != "" {
			line("", "cannot be fetched: %s", d.Manual)
		}
		b.WriteString("\n")
	}
	_, err := io.WriteString(w, strings.TrimSuffix(b.String(), "\n"))
	return err
}
