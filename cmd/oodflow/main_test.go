package main

import (
	"os"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets scripts run this test binary as oodflow, with checkpoints as often as CHECKPOINT_EVERY says and the datasets of
// the JSON file FETCH_CATALOGUE.
func TestMain(m *testing.M) {
	if every, err := time.ParseDuration(os.Getenv("CHECKPOINT_EVERY")); err == nil {
		checkpointEvery = every
	}
	if path := os.Getenv("FETCH_CATALOGUE"); path != "" {
		datasets, fetchPatience = readCatalogue(path), impatience
	}
	testscript.Main(m, map[string]func(){"oodflow": main})
}
