package classifier

import (
	"bufio"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// place is a folder that may hold the library, and how to call it.
type place struct{ folder, where string }

// libraryName is the library's plain file name on this system.
func libraryName() string {
	switch runtime.GOOS {
	case "darwin":
		return "libonnxruntime.dylib"
	case "windows":
		return "onnxruntime.dll"
	}
	return "libonnxruntime.so"
}

// packageName is the library's file name in the npm package onnxruntime-node.
func packageName() string {
	switch runtime.GOOS {
	case "darwin":
		return "libonnxruntime.1.dylib"
	case "windows":
		return "onnxruntime.dll"
	}
	return "libonnxruntime.so.1"
}

// libraryPatterns match the library's file in a folder, the plain name first: distributions and wheels
// install versioned names, at times without a plain link beside them.
func libraryPatterns() []string {
	switch runtime.GOOS {
	case "darwin":
		return []string{"libonnxruntime.dylib", "libonnxruntime.[0-9]*.dylib"}
	case "windows":
		return []string{"onnxruntime.dll"}
	}
	return []string{"libonnxruntime.so", "libonnxruntime.so.[0-9]*"}
}

// libraryIn returns the library's file in a folder, or "". Of several versioned files it takes the newest.
func libraryIn(folder string) string {
	for _, pattern := range libraryPatterns() {
		found, err := filepath.Glob(filepath.Join(escapeGlob(folder), pattern))
		if err != nil {
			continue
		}
		found = slices.DeleteFunc(found, func(p string) bool { return !isFile(p) })
		if len(found) > 0 {
			return slices.MaxFunc(found, func(a, b string) int {
				return compareVersions(fileVersion(a), fileVersion(b))
			})
		}
	}
	return ""
}

// escapeGlob quotes the characters of a folder's own name that a glob pattern would read as its own.
func escapeGlob(path string) string {
	if runtime.GOOS == "windows" { // no escape there, and no such folders searched
		return path
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// searchPlaces lists the folders to search, in order, without repeats. Only folders of the program, of this
// project's own checkout, of the system and of the user are searched: a library in some other folder one
// happens to stand in is never loaded.
func searchPlaces() []place {
	var places []place
	seen := map[string]bool{}
	add := func(where string, folders ...string) {
		for _, f := range folders {
			if f != "" && filepath.IsAbs(f) && !seen[f] {
				seen[f] = true
				places = append(places, place{f, where})
			}
		}
	}
	program := programFolder()
	if program != "" {
		add("beside the program", program, filepath.Join(program, "lib"))
	}
	wd, _ := os.Getwd()
	add("the project's set-up folder", setupFolder(wd), setupFolder(program))
	for _, variable := range []string{"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"} {
		add("the environment variable "+variable, filepath.SplitList(os.Getenv(variable))...)
	}
	add("the system's library path", systemFolders()...)
	add("an installed Python package onnxruntime", pythonFolders()...)
	return places
}

// programFolder is the folder of the running program, links resolved, or "".
func programFolder() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	return filepath.Dir(path)
}

// setupFolder returns .setup/onnxruntime of the checkout of this module that holds folder, or "".
func setupFolder(folder string) string {
	for folder != "" {
		if isOwnModule(filepath.Join(folder, "go.mod")) {
			return filepath.Join(folder, ".setup", "onnxruntime")
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			break
		}
		folder = parent
	}
	return ""
}

// isOwnModule tells whether a go.mod file is this module's.
func isOwnModule(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if fields := strings.Fields(s.Text()); len(fields) == 2 && fields[0] == "module" {
			return fields[1] == "github.com/oodflow/oodflow"
		}
	}
	return false
}

// systemFolders are the places where packages and people install shared libraries.
func systemFolders() []string {
	switch runtime.GOOS {
	case "windows":
		return nil // a dated onnxruntime.dll of the system's own lies in its folders
	case "darwin":
		return append(glob("/opt/homebrew/opt/onnxruntime/lib"), "/opt/homebrew/lib", "/usr/local/lib", "/opt/local/lib")
	}
	folders := []string{"/usr/local/lib", "/usr/local/lib64"}
	folders = append(folders, glob("/usr/lib/*-linux-*")...) // Debian's multiarch folders
	folders = append(folders, "/usr/lib64", "/usr/lib", "/lib64", "/lib", "/opt/onnxruntime/lib")
	return append(folders, glob("/opt/onnxruntime-*/lib")...)
}

// pythonFolders are the onnxruntime/capi folders of the Python environments on this machine, the active one
// first. Python itself is not asked: starting it costs more than everything else here.
func pythonFolders() []string {
	home, _ := os.UserHomeDir()
	var folders []string
	for _, env := range []string{os.Getenv("VIRTUAL_ENV"), os.Getenv("CONDA_PREFIX"), filepath.Join(home, ".local"),
		"/usr/local", "/usr", "/opt/homebrew"} {
		if filepath.IsAbs(env) {
			folders = append(folders, glob(escapeGlob(env)+"/lib/python3*/*-packages/onnxruntime/capi")...)
		}
	}
	if pyenv := os.Getenv("PYENV_ROOT"); pyenv != "" {
		folders = append(folders, glob(escapeGlob(pyenv)+"/versions/*/lib/python3*/site-packages/onnxruntime/capi")...)
	}
	if home != "" {
		folders = append(folders, glob(escapeGlob(home)+"/.pyenv/versions/*/lib/python3*/site-packages/onnxruntime/capi")...)
	}
	return folders
}

func glob(pattern string) []string {
	found, _ := filepath.Glob(pattern) // the patterns are ours and well formed
	return found
}
