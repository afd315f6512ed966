package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/oodflow/oodflow/internal/atomicfile"
	"github.com/oodflow/oodflow/internal/imageset"
)

// checkOutput refuses an output path that cannot be written or that would replace an input, before any work is
// done. flag names the flag that held it. inputs are the paths that will be read; empty ones are skipped.
func checkOutput(flag, out string, inputs ...string) error {
	return checkTarget("--"+flag, out, inputs...)
}

// checkTarget does so for an output path that what, a flag or an argument, held.
func checkTarget(what, out string, inputs ...string) error {
	if st, err := os.Stat(out); err == nil && st.IsDir() {
		return withHint(fmt.Errorf("write %s: is a folder", out), "give %s a file name", what)
	}
	for _, in := range inputs {
		if in != "" && samePath(in, out) {
			return usagef("%s %s is also the input %s: the input would be lost", what, out, in)
		}
	}
	dir := filepath.Dir(out)
	switch st, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return withHint(fmt.Errorf("write %s: there is no folder %s", out, dir), "make it first: mkdir -p %s", dir)
	case err != nil:
		return fmt.Errorf("write %s: %w", out, err)
	case !st.IsDir():
		return fmt.Errorf("write %s: %s is not a folder", out, dir)
	}
	return withHint(probe(out), "give %s a place where you may write", what)
}

// probe tries whether a file can be made at path, and leaves nothing. Pipes and devices are not touched.
func probe(path string) error {
	if st, err := os.Stat(path); path == "" || err == nil && !st.Mode().IsRegular() {
		return nil
	}
	f, err := atomicfile.Create(path)
	if err != nil {
		return err
	}
	return f.Abort()
}

// isFile tells whether path is a regular file.
func isFile(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular()
}

// samePath tells whether two paths are one file, by name or, through links, on disk.
func samePath(a, b string) bool {
	absA, errA := filepath.Abs(a)
	absB, errB := filepath.Abs(b)
	if errA == nil && errB == nil && absA == absB {
		return true
	}
	sa, errA := os.Stat(a)
	sb, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(sa, sb)
}

// sourcePath is the file or folder in a SOURCE: without `svhn:`, `cifar10:` and `#train`.
func sourcePath(source string) string {
	for _, kind := range imageset.Prefixes() {
		if rest, ok := strings.CutPrefix(source, kind); ok {
			if i := strings.LastIndexByte(rest, '#'); i >= 0 {
				return rest[:i]
			}
			return rest
		}
	}
	return source
}

// sourceFiles are the files or folders that a SOURCE may be read from: an archive each for shards.
func sourceFiles(source string) []string {
	return append([]string{sourcePath(source)}, imageset.Shards(source)...)
}

// nameOf is the name a file goes by in a table: its base name without extension.
func nameOf(path string) string {
	base := filepath.Base(path)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

// named is a file with the name it goes by.
type named struct{ name, path string }

// parseNamed splits [NAME=]FILE. The whole is the file when there is such a file, and when what stands before the
// first = holds a slash, so that paths with = in them need no quoting.
func parseNamed(s string) named {
	name, path, ok := strings.Cut(s, "=")
	if !ok || strings.ContainsAny(name, `/\`) {
		return named{nameOf(s), s}
	}
	if _, err := os.Stat(s); err == nil {
		return named{nameOf(s), s}
	}
	if name == "" {
		name = nameOf(path)
	}
	return named{name, path}
}
