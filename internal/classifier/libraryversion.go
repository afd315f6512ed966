package classifier

import (
	"cmp"
	"debug/elf"
	"debug/macho"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

const (
	// apiLevel is the level of ONNX Runtime's C interface that the binding onnxruntime_go v1.27.0 asks for
	// (ORT_API_VERSION in its onnxruntime_c_api.h). Release 1.N of the library serves levels 1 to N.
	apiLevel = 24
	// minLibrary is the oldest release with that level.
	minLibrary = "1.24"
)

// checkVersion refuses a library whose release is known to be too old for the binding. An unknown version
// passes: loading the library will tell.
func checkVersion(lib Library) error {
	if lib.Version == "" || compareVersions(lib.Version, minLibrary) >= 0 {
		return nil
	}
	return fmt.Errorf("ONNX Runtime %s at %s (%s) is too old: this program needs C interface level %d, that is ONNX Runtime %s or newer",
		lib.Version, lib.Path, lib.Where, apiLevel, minLibrary)
}

// versionInName matches libonnxruntime.so.1.24.2, libonnxruntime.1.24.2.dylib.
var versionInName = regexp.MustCompile(`\.(\d+\.\d+(?:\.\d+)?)(?:\.dylib)?$`)

// fileVersion reads the release of an ONNX Runtime library from its file, without loading it, since a library
// of another version prints to the terminal when it is asked for an interface it lacks. It returns "" when
// the file does not tell.
func fileVersion(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if m := versionInName.FindStringSubmatch(filepath.Base(path)); m != nil {
		return m[1]
	}
	if v := elfVersion(path); v != "" {
		return v
	}
	return machoVersion(path)
}

// elfVersion reads the symbol version VERS_1.2.3 that ONNX Runtime's build gives its exported functions.
func elfVersion(path string) string {
	f, err := elf.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	versions, err := f.DynamicVersions()
	if err != nil {
		return ""
	}
	for _, v := range versions {
		if release, ok := strings.CutPrefix(v.Name, "VERS_"); ok {
			return release
		}
	}
	return ""
}

// machoVersion reads the library's own "current version" from its LC_ID_DYLIB command.
func machoVersion(path string) string {
	f, err := macho.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	const idDylib = 0xd // LC_ID_DYLIB: command, size, name, timestamp, current version, compatibility version
	for _, load := range f.Loads {
		raw := load.Raw()
		if len(raw) >= 20 && f.ByteOrder.Uint32(raw) == idDylib {
			v := f.ByteOrder.Uint32(raw[16:]) // xxxx.yy.zz, a byte for each of the last two
			return fmt.Sprintf("%d.%d.%d", v>>16, v>>8&0xff, v&0xff)
		}
	}
	return ""
}

// compareVersions orders dotted numbers; a missing part counts as 0, and "" comes before everything.
func compareVersions(a, b string) int {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(x), len(y)) {
		if c := cmp.Compare(part(x, i), part(y, i)); c != 0 {
			return c
		}
	}
	return 0
}

func part(parts []string, i int) int {
	if i >= len(parts) {
		return 0
	}
	n, err := strconv.Atoi(parts[i])
	if err != nil {
		return -1
	}
	return n
}
