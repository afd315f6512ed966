package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/progress"
)

var convertLong = `Writes the features in IN to OUT in another form, which the extension of OUT
tells, or with fewer bits:

  .safetensors  what 'oodflow extract' writes; f32, f16 or bf16
  .npz          the same arrays for np.load, the rest as JSON in the array metadata;
                f32 or f16
  .parquet      columns id, label, features and logits, the last two fixed-size
                lists to Arrow, and the rest in the file's notes; f32 or f16
  .npy          the features alone; f32 or f16

` + strings.Replace(featuresHelp, "FEATURES is", "IN is", 1) + `

--dtype is the type of features and logits. Values are rounded to the nearest; the
largest errors are printed, and a value beyond the range of f16, 65504, is an
error. What OUT has no place for is named in a warning. Memory does not grow with
the features.`

const convertExample = `  oodflow features convert train.safetensors train.npz
  oodflow features convert train.safetensors small.safetensors --dtype bf16
  oodflow features convert from_pytorch.npz train.parquet --features-key pooled`

type convertOptions struct {
	dumpOptions
	in, out string
	dtype   choice
	save    features.SaveOptions // filled by validate
}

func newConvertCommand() *cobra.Command {
	var opts convertOptions
	cmd := &cobra.Command{
		Use:               "convert IN OUT [flags]",
		Short:             "Write features in another form or with fewer bits",
		Long:              convertLong,
		Example:           convertExample,
		Args:              cobra.ArbitraryArgs, // validate says what is wrong with them
		ValidArgsFunction: completeArguments(featureFiles...),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.validate(args); err != nil {
				return err
			}
			return runConvert(cmd.Context(), opts, consoleOf(cmd))
		},
	}
	opts.dtype = choice{value: "f32", valid: []string{"f32", "f16", "bf16"}}
	addChoice(cmd, &opts.dtype, "dtype", "write features and logits as `TYPE`: f32, f16 or bf16")
	opts.dumpOptions.AddFlags(cmd)
	return cmd
}

func (o *convertOptions) validate(args []string) error {
	if len(args) != 2 {
		return usagef("%s given: want IN and OUT", count(len(args), "file", "files"))
	}
	o.in, o.out = args[0], args[1]
	format, err := features.FormatOf(o.out)
	if err != nil {
		return usagef("OUT %v: the extension tells the form", err)
	}
	o.save = features.SaveOptions{Format: format, DType: strings.ToUpper(o.dtype.value)}
	if err := o.save.Check(); err != nil {
		return usagef("--dtype %s: %v", o.dtype.value, err)
	}
	return checkTarget("OUT", o.out, o.in)
}

func runConvert(ctx context.Context, opts convertOptions, c *console) error {
	start := time.Now()
	r, err := opts.openReader(opts.in, c)
	if err != nil {
		return err
	}
	defer r.Close()
	meter, finish := c.begin("convert", "images", r.N)
	defer finish()
	opts.save.Progress = meter.Add
	saved, err := r.SaveAs(ctx, opts.out, opts.save)
	if err != nil {
		return err
	}
	finish()
	c.note("%s: %s, %d features each as %s, in %s", opts.out, count(r.N, "image", "images"), r.D, typeName(opts.save.DType),
		progress.Duration(time.Since(start)))
	if r.DType == "F64" {
		c.note("features were float64 in %s and are read as float32: largest relative error 6e-08", opts.in)
	}
	for _, e := range saved.Rounded {
		c.note("%s", roundingText(e))
	}
	if len(saved.Lost) > 0 {
		c.warn("%s: a .%s file has no place for %s", opts.out, opts.save.Format, joinList(saved.Lost, "and"))
	}
	return nil
}

// typeName is the type's name in NumPy and PyTorch.
func typeName(dtype string) string {
	return map[string]string{"F32": "float32", "F16": "float16", "BF16": "bfloat16"}[dtype]
}

// roundingText states the error of a narrower type.
func roundingText(e features.Rounding) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	line("%s rounded to %s: largest relative error %.2g", e.What, typeName(e.DType), e.Relative)
	if e.Absolute > 0 {
		line(", of values below %.2g largest error %.2g", e.Normal, e.Absolute)
	}
	line("; largest error of an image's vector %.2g of its length", e.Row)
	return b.String()
}
