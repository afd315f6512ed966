package blas

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// candidate is a library that may be there.
type candidate struct {
	name  string // a file's path, or a plain name that the system looks up
	where string // where it is, for people
}

// accelerate is a file that recent systems keep in a cache only: it opens, and there is nothing to see.
const accelerate = "/System/Library/Frameworks/Accelerate.framework/"

func accelerateCandidates() []candidate {
	if runtime.GOOS != "darwin" {
		return nil
	}
	return []candidate{{accelerate + "Accelerate", "the system"}}
}

// openblasCandidates prefers builds with threads, which may be entered by several goroutines at a time: where
// Fedora has three builds, the plain name is the one without.
func openblasCandidates() []candidate {
	if runtime.GOOS == "darwin" {
		return gather([]string{"libopenblas.0.dylib", "libopenblas.dylib"},
			append(homebrew("openblas"), environments("lib")...), pythonPackages("scipy_openblas*", "openblas_python*"))
	}
	folders := []place{{"/opt/OpenBLAS/lib", "the folder /opt/OpenBLAS"}}
	for _, f := range glob("/usr/lib/*-linux-*/openblas*") { // where Debian keeps them, linked from the folder above
		folders = append(folders, place{f, "the system's library path"})
	}
	return gather([]string{"libopenblasp.so.0", "libopenblas.so.0", "libopenblaso.so.0", "libopenblas.so", "libopenblas64.so.0"},
		append(folders, environments("lib")...), pythonPackages("libscipy_openblas*", "libopenblas*"))
}

func mklCandidates() []candidate {
	names := []string{"libmkl_rt.so.2", "libmkl_rt.so.1", "libmkl_rt.so"}
	switch {
	case runtime.GOARCH != "amd64":
		return nil
	case runtime.GOOS == "darwin":
		names = []string{"libmkl_rt.2.dylib", "libmkl_rt.1.dylib", "libmkl_rt.dylib"}
	}
	var folders []place
	for _, root := range []string{os.Getenv("MKLROOT"), "/opt/intel/oneapi/mkl/latest", "/opt/intel/mkl"} {
		if filepath.IsAbs(root) {
			folders = append(folders, place{filepath.Join(root, "lib"), root}, place{filepath.Join(root, "lib", "intel64"), root})
		}
	}
	return gather(names, append(folders, environments("lib")...), nil)
}

func blisCandidates() []candidate {
	if runtime.GOOS == "darwin" {
		return gather([]string{"libblis.4.dylib", "libblis.dylib"}, append(homebrew("blis"), environments("lib")...), nil)
	}
	return gather([]string{"libblis.so.4", "libblis-mt.so.4", "libblis.so.3", "libblis-mt.so.3", "libblis.so"}, environments("lib"), nil)
}

// place is a folder that may hold a library, and how to call it.
type place struct{ folder, where string }

// gather lists first the names that the system may look up, then the files of these names in the program's folder
// and in further folders, then further files; each file once.
func gather(names []string, folders []place, files []candidate) []candidate {
	var all []candidate
	for _, n := range names {
		all = append(all, candidate{n, "the system's library path"})
	}
	seen := map[string]bool{}
	add := func(c candidate) {
		if file, err := filepath.EvalSymlinks(c.name); err == nil && !seen[file] {
			seen[file] = true
			all = append(all, c)
		}
	}
	if path, err := os.Executable(); err == nil {
		folder := filepath.Dir(path)
		folders = append([]place{{folder, "beside the program"}, {filepath.Join(folder, "lib"), "beside the program"}}, folders...)
	}
	for _, f := range folders {
		for _, n := range names {
			add(candidate{filepath.Join(f.folder, n), f.where})
		}
	}
	for _, f := range files {
		add(f)
	}
	return all
}

// homebrew is where Homebrew installs a formula that macOS has its own version of.
func homebrew(formula string) []place {
	return []place{
		{"/opt/homebrew/opt/" + formula + "/lib", "Homebrew"}, {"/usr/local/opt/" + formula + "/lib", "Homebrew"},
		{"/opt/local/lib", "MacPorts"},
	}
}

// environments are folders of the active Conda and Python environments.
func environments(sub string) []place {
	var places []place
	for _, variable := range []string{"CONDA_PREFIX", "VIRTUAL_ENV"} {
		if root := os.Getenv(variable); filepath.IsAbs(root) {
			places = append(places, place{filepath.Join(root, sub), "the environment variable " + variable})
		}
	}
	return places
}

// pythonPackages are the libraries whose names begin in one of these ways and that come with NumPy and SciPy in the
// Python environments on this machine, the active one first.
func pythonPackages(starts ...string) []candidate {
	home, _ := os.UserHomeDir()
	var found []candidate
	for _, env := range []string{os.Getenv("VIRTUAL_ENV"), os.Getenv("CONDA_PREFIX"), filepath.Join(home, ".local"),
		"/usr/local", "/usr", "/opt/homebrew"} {
		if !filepath.IsAbs(env) {
			continue
		}
		for _, folder := range []string{"numpy.libs", "scipy.libs", "numpy/.dylibs", "scipy/.dylibs"} {
			for _, start := range starts {
				files := glob(filepath.Join(escapeGlob(env), "lib", "python3*", "*-packages", folder, start))
				slices.Reverse(files) // the newest Python first
				for _, f := range files {
					found = append(found, candidate{f, "an installed Python package"})
				}
			}
		}
	}
	return found
}

// escapeGlob quotes the characters of a folder's own name that a glob pattern would read as its own.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

func glob(pattern string) []string {
	found, _ := filepath.Glob(pattern) // the patterns are ours and well formed
	return found
}
