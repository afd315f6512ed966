package main

import (
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/oodflow/oodflow/internal/detect"
)

// cmdEach runs a command for each baseline, whose name stands in for METHOD. With ! all must fail.
func cmdEach(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range detect.Names() {
		own := make([]string, len(args))
		for i, a := range args {
			own[i] = strings.ReplaceAll(a, "METHOD", name)
		}
		err := ts.Exec(own[0], own[1:]...)
		if neg == (err == nil) {
			ts.Fatalf("%s: %v", strings.Join(own, " "), err)
		}
	}
}
