// Package docs owns the published schemas of the files that oodflow exchanges with other programs, as JSON Schema.
package docs

import _ "embed"

// EvalSchema describes what `oodflow eval --format json` writes.
//
//go:embed eval.schema.json
var EvalSchema []byte

// BenchmarkSchema describes what `oodflow eval --benchmark` takes.
//
//go:embed benchmark.schema.json
var BenchmarkSchema []byte
