package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/oodflow/oodflow/internal/benchmark"
)

const benchmarksLong = `Lists the benchmarks that eval --benchmark knows by name, or prints the YAML file of
one, to begin one of your own with. openood/... are OpenOOD v1.5's; fde/imagenet is
that of the paper that oodflow's method comes from.`

const benchmarksExample = `  oodflow benchmarks
  oodflow benchmarks openood/cifar10`

func newBenchmarksCommand() *cobra.Command {
	return &cobra.Command{
		Use:       "benchmarks [NAME]",
		Short:     "List the benchmarks that come with oodflow, or show one",
		Long:      benchmarksLong,
		Example:   benchmarksExample,
		ValidArgs: benchmark.Names(),
		Args:      cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				for _, name := range benchmark.Names() {
					fmt.Fprintln(cmd.OutOrStdout(), name)
				}
				return nil
			}
			if err := oneArgument("benchmark")(cmd, args); err != nil {
				return err
			}
			text, ok := benchmark.Text(args[0])
			if !ok {
				err := usagef("there is no benchmark %q", args[0])
				if n := nearest(args[0], benchmark.Names()); n != "" {
					return withHint(err, "did you mean %s?", n)
				}
				return err
			}
			_, err := cmd.OutOrStdout().Write(text)
			return err
		},
	}
}
