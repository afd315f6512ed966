package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/oodflow/oodflow/features"
)

const mergeLong = `Makes of the files that 'oodflow extract --shard I/N' wrote, in any order, the
file that one extraction of all images would have written, to the last bit.

All N parts must be there, each once, and be of one extraction: the same
classifier, tensor, preprocessing, engine, batch, source and class names. Memory
does not grow with the features.`

const mergeExample = `  oodflow features merge train-1.safetensors train-2.safetensors \
      train-3.safetensors --out train.safetensors`

type mergeOptions struct {
	parts []string
	out   string
}

func newMergeCommand() *cobra.Command {
	var opts mergeOptions
	cmd := &cobra.Command{
		Use:               "merge PART... --out FEATURES",
		Short:             "Join what extract --shard wrote",
		Long:              mergeLong,
		Example:           mergeExample,
		Args:              cobra.ArbitraryArgs, // validate says what is wrong with them
		ValidArgsFunction: completeArguments("safetensors"),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.parts = args
			if err := required(cmd, "out"); err != nil {
				return err
			}
			if err := opts.validate(); err != nil {
				return err
			}
			return runMerge(cmd.Context(), opts, consoleOf(cmd))
		},
	}
	cmd.Flags().StringVarP(&opts.out, "out", "o", "", "write the features of all images to `FILE`")
	completeFiles(cmd, "out", "safetensors")
	return cmd
}

func (o *mergeOptions) validate() error {
	if len(o.parts) == 0 {
		return usagef("no parts given: name the files that extract --shard wrote")
	}
	if err := checkSafetensors(o.out); err != nil {
		return err
	}
	return checkOutput("out", o.out, o.parts...)
}

func runMerge(ctx context.Context, opts mergeOptions, c *console) error {
	var parts []*features.Reader
	for _, path := range opts.parts {
		r, err := dumpOptions{}.openChecked(path, c)
		if err != nil {
			return err
		}
		defer r.Close()
		parts = append(parts, r)
	}
	set, err := features.Join(parts)
	if err != nil {
		return mergeHint(err)
	}
	for i, p := range parts {
		if v := p.Provenance.Version; v != set.Provenance.Version {
			c.warn("%s was written by oodflow %s, another part by %s: the features may differ a little from those of one extraction",
				opts.parts[i], v, set.Provenance.Version)
		}
	}
	if err := set.Save(ctx, opts.out); err != nil {
		return err
	}
	total := parts[0].Shard.Total
	c.note("%s: %s of %s", opts.out, count(set.N, "image", "images"), count(len(parts), "part", "parts"))
	if skipped := total - set.N; skipped > 0 {
		c.note("%s of the source could not be read when the parts were extracted", count(skipped, "image", "images"))
	}
	return nil
}

// mergeHint says how to come to the parts that are wanted.
func mergeHint(err error) error {
	var wrong *features.PartError
	switch {
	case !errors.As(err, &wrong):
		return err
	case len(wrong.Missing) > 0:
		m := wrong.Missing[0]
		return withHint(err, "extract it with --shard %d/%d, which is images %d to %d, or name its file", m.Number, m.Of, m.First+1, m.End)
	}
	return withHint(err, "name all the files that extract --shard wrote of one source with the same flags, each once; "+
		"'oodflow features FILE' shows what each is")
}
