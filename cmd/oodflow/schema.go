package main

import (
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/oodflow/oodflow/docs"
)

const schemaLong = `Prints the JSON Schema of a file that oodflow exchanges with other programs:
  benchmark  the YAML file that eval --benchmark takes
  eval       what eval --format json writes
Editors with the YAML language server complete and check a benchmark that begins
  # yaml-language-server: $schema=benchmark.schema.json
when the output of 'oodflow schema benchmark' lies beside it under that name.`

const schemaExample = `  oodflow schema benchmark
  oodflow schema eval`

// schemas are the published ones by name.
var schemas = map[string][]byte{"benchmark": docs.BenchmarkSchema, "eval": docs.EvalSchema}

func newSchemaCommand() *cobra.Command {
	names := slices.Sorted(maps.Keys(schemas))
	return &cobra.Command{
		Use:       "schema " + joinList(names, "or"),
		Short:     "Print the JSON Schema of a file format",
		Long:      schemaLong,
		Example:   schemaExample,
		Args:      oneArgument("schema"),
		ValidArgs: names,
		RunE: func(cmd *cobra.Command, args []string) error {
			known := choice{valid: names}
			if err := known.Set(args[0]); err != nil {
				return withHint(usagef("%q: %v", args[0], err), "%s", hintOf(err))
			}
			_, err := cmd.OutOrStdout().Write(schemas[args[0]])
			return err
		},
	}
}
