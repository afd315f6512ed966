package main

import (
	"os"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets scripts run this test binary as oodflow, with checkpoints as often as CHECKPOINT_EVERY says.
func TestMain(m *testing.M) {
	if every, err := time.ParseDuration(os.Getenv("CHECKPOINT_EVERY")); err == nil {
		checkpointEvery = every
	}
	testscript.Main(m, map[string]func(){"oodflow": main})
}
