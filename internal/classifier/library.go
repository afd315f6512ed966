package classifier

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// LibraryVariable is the environment variable that names ONNX Runtime's shared library, or its folder.
const LibraryVariable = "OODFLOW_ONNXRUNTIME"

// Library is ONNX Runtime's shared library as found on this machine.
type Library struct {
	Path    string // file to load
	Where   string // how it was found, for people: "the environment variable OODFLOW_ONNXRUNTIME", ...
	Version string // "1.30.0", read from the file without loading it; "" when the file does not tell

	explicit bool // asked for by option or environment: failing to load it is an error, not a fallback
}

// ErrNoLibrary is wrapped by FindLibrary's error when no library is found anywhere.
var ErrNoLibrary = errors.New("no ONNX Runtime library found")

// FindLibrary finds ONNX Runtime's shared library without loading it. It looks, in this order, at
//
//  1. explicit, a file or a folder (a command's flag); "" when none was given,
//  2. the environment variable OODFLOW_ONNXRUNTIME, likewise,
//  3. the folder of the running program, and lib/ beside it,
//  4. .setup/onnxruntime of this project's own checkout, when the working folder or the program lies in one,
//  5. LD_LIBRARY_PATH (DYLD_LIBRARY_PATH on macOS) and the system's library folders,
//  6. the capi/ folder of an installed Python package onnxruntime.
//
// The first two settle the matter: when one of them is given and holds no library, that is an error. A file
// found by itself whose version this program cannot use is passed over while another one follows. When there
// is none at all the error wraps [ErrNoLibrary] and says how to get one.
func FindLibrary(explicit string) (Library, error) {
	libs, err := findLibraries(explicit)
	if err != nil {
		return Library{}, err
	}
	return libs[0], nil
}

// findLibraries returns the libraries worth loading, best first: one when it was asked for by name, and
// otherwise all that were found, usable versions before others.
func findLibraries(explicit string) ([]Library, error) {
	if explicit != "" {
		return namedLibrary(explicit, "the path given")
	}
	if v := os.Getenv(LibraryVariable); v != "" {
		return namedLibrary(v, "the environment variable "+LibraryVariable)
	}
	var good, bad []Library
	for _, p := range searchPlaces() {
		path := libraryIn(p.folder)
		if path == "" {
			continue
		}
		lib := Library{Path: path, Where: p.where, Version: fileVersion(path)}
		if checkVersion(lib) == nil {
			good = append(good, lib)
		} else {
			bad = append(bad, lib)
		}
	}
	libs := append(good, bad...)
	if len(libs) == 0 {
		return nil, fmt.Errorf("%w; %s", ErrNoLibrary, HowToGetLibrary())
	}
	return libs, nil
}

// namedLibrary resolves a path that somebody gave: the library itself or a folder that holds it.
func namedLibrary(path, where string) ([]Library, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("find ONNX Runtime at %s (%s): %w", path, where, err)
	}
	if info.IsDir() {
		file := libraryIn(path)
		if file == "" {
			return nil, fmt.Errorf("find ONNX Runtime in the folder %s (%s): it holds no %s", path, where, libraryName())
		}
		path = file
	}
	// dlopen searches the system for a name without a slash: the file meant is this one.
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return []Library{{Path: path, Where: where, Version: fileVersion(path), explicit: true}}, nil
}

// HowToGetLibrary says, for people, how to get ONNX Runtime for this machine and how to point at it.
func HowToGetLibrary() string {
	return strings.Join([]string{
		"to get ONNX Runtime (" + minLibrary + " or newer), do one of:",
		"`make onnxruntime` in a checkout of oodflow;",
		"`npm pack onnxruntime-node` and unpack " + packageName() + " from package/bin/napi-v6/<system>/<processor>/;",
		"`pip install onnxruntime` (its folder onnxruntime/capi is searched);",
		"unpack a release archive of the ONNX Runtime project;",
		"install your system's package (libonnxruntime, onnxruntime).",
		"Then set " + LibraryVariable + " to the file or its folder, if it is not found by itself",
	}, "\n  ")
}
