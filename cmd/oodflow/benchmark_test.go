package main

import (
	"testing"

	"github.com/oodflow/oodflow/internal/benchmark"
	"github.com/oodflow/oodflow/internal/detect"
)

// TestCommandIsRepeatedWhole wants the command that goes on after an interruption to have every value of a flag that repeats.
func TestCommandIsRepeatedWhole(t *testing.T) {
	cmd := newEvalCommand()
	if err := cmd.ParseFlags([]string{"--benchmark", "a b.yaml", "--report", "json=r.json", "--report", "junit=j.xml", "--with-scores"}); err != nil {
		t.Fatal(err)
	}
	if got, want := resumingCommand(cmd), "eval --benchmark 'a b.yaml' --report json=r.json --report junit=j.xml --with-scores=true --resume"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestPasses(t *testing.T) {
	for _, c := range []struct {
		runs      []string
		seeds     []uint64
		detectors []string
		want      []string
	}{
		{nil, nil, []string{"knn"}, []string{"seed 1"}},
		{nil, []uint64{5, 6}, []string{"knn"}, []string{"seed 5"}}, // nothing depends on it
		{nil, []uint64{5, 6}, []string{"knn", "flow"}, []string{"seed 5", "seed 6"}},
		{[]string{"a", "b"}, nil, []string{"flow"}, []string{"a", "b"}},
		{[]string{"a", "b"}, []uint64{1, 2}, []string{"flow"}, []string{"a seed 1", "a seed 2", "b seed 1", "b seed 2"}},
	} {
		b := &bench{file: &benchmark.File{Runs: c.runs, Seeds: c.seeds, Detectors: c.detectors}}
		if err := b.listEntries(); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range b.runs() {
			got = append(got, r.title)
		}
		if len(got) != len(c.want) {
			t.Fatalf("%v, want %v", got, c.want)
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%v, want %v", got, c.want)
			}
		}
	}
}

// TestEntriesGoByTheirNames: files by theirs, without the run, and a name only once.
func TestEntriesGoByTheirNames(t *testing.T) {
	b := &bench{file: &benchmark.File{Detectors: []string{"knn", "flow", "old/knn_<run>.safetensors", "a.b.safetensors"}}}
	b.opts.baselines = []string{"msp", "knn"}
	if err := b.listEntries(); err == nil || err.Error() != ": two detectors go by the name knn" {
		t.Error(err)
	}
	b = &bench{file: &benchmark.File{Detectors: []string{"flow", "old/knn_<run>.safetensors", "a.b.safetensors"}}}
	b.opts.baselines = detect.Names()[:2]
	if err := b.listEntries(); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"flow", "knn", "a.b", "msp", "maxlogit"} {
		if got := b.labels()[i]; got != want {
			t.Errorf("entry %d is called %s, want %s", i, got, want)
		}
	}
}
