package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

// buildVersion is what `oodflow --version` prints after the name: the module's version, the revision it was built from,
// and the Go that built it, as far as the build recorded them.
func buildVersion() string {
	return fmt.Sprintf("%s (%s)", moduleVersion(), strings.Join(buildFacts(), ", "))
}

// moduleVersion is the version of this module: a tag, a pseudo-version, or "devel".
func moduleVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}

// buildFacts are revision, Go version and platform.
func buildFacts() []string {
	var facts []string
	settings := buildSettings()
	if rev := settings["vcs.revision"]; rev != "" {
		rev = rev[:min(len(rev), 12)]
		if settings["vcs.modified"] == "true" {
			rev += "+changes"
		}
		facts = append(facts, "revision "+rev)
	}
	facts = append(facts, runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH)
	if pureGo() {
		facts = append(facts, "pure Go")
	}
	return facts
}

// pureGo tells whether this is a build without cgo, which cannot load ONNX Runtime.
func pureGo() bool { return buildSettings()["CGO_ENABLED"] == "0" }

// buildSettings are the settings the go command recorded in the binary.
func buildSettings() map[string]string {
	settings := map[string]string{}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			settings[s.Key] = s.Value
		}
	}
	return settings
}
