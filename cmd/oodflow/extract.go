package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/atomicfile"
	"github.com/oodflow/oodflow/internal/imageset"
	"github.com/oodflow/oodflow/internal/progress"
)

const extractLong = `Runs a classifier over images and writes what it makes of them: penultimate
features, logits, labels, image ids, the classifier's last layer and where all of
it came from. The file is in the safetensors format.

` + sourceHelp + `

` + preprocessHelp + `

An image that cannot be read is skipped, counted and listed on stderr, the first
ten that is; --skipped FILE takes the whole list. When more than the share
--max-bad cannot be read, the command fails.`

const extractExample = `  oodflow extract --model resnet.onnx --images photos/train --out train.safetensors
  oodflow extract --model wrn.onnx --images cifar10:cifar-10-binary.tar.gz#test \
      --preprocess cifar10 --out test.safetensors
  oodflow extract --model wrn.onnx --images svhn:test_32x32.mat --limit 5000 \
      --preprocess cifar10 --out svhn.safetensors
  oodflow extract --model vit.onnx --images list.txt --engine onnxruntime \
      --preprocess vit/preprocessor_config.json --out list.safetensors
  oodflow extract --model wrn.onnx --images benchmark_imglist/test_cifar10.txt \
      --root images_classic --preprocess cifar10 --out openood.safetensors`

type extractOptions struct {
	imageOptions
	out     string
	skipped string
}

func newExtractCommand() *cobra.Command {
	var opts extractOptions
	cmd := &cobra.Command{
		Use:     "extract --model MODEL.onnx --images SOURCE --out FEATURES [flags]",
		Short:   "Run a classifier over images and write their features",
		Long:    extractLong,
		Example: extractExample,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "model", "images", "out"); err != nil {
				return err
			}
			if err := opts.validate(); err != nil {
				return err
			}
			return runExtract(cmd.Context(), opts, consoleOf(cmd))
		},
	}
	opts.AddFlags(cmd)
	return cmd
}

// AddFlags defines the flags.
func (o *extractOptions) AddFlags(cmd *cobra.Command) {
	o.imageOptions.AddFlags(cmd)
	cmd.Flags().StringVarP(&o.out, "out", "o", "", "write the features to `FILE`")
	completeFiles(cmd, "out", "safetensors")
	cmd.Flags().StringVar(&o.skipped, "skipped", "", "list the images that could not be read, with reasons, in `FILE`")
}

// validate checks what can be checked without opening a file.
func (o *extractOptions) validate() error {
	if err := o.imageOptions.validate(); err != nil {
		return err
	}
	if err := checkOutput("out", o.out, o.inputs()...); err != nil {
		return err
	}
	if o.skipped == "" {
		return nil
	}
	if samePath(o.skipped, o.out) {
		return usagef("--skipped and --out are the same file, %s", o.out)
	}
	return checkOutput("skipped", o.skipped, o.inputs()...)
}

func runExtract(ctx context.Context, opts extractOptions, c *console) error {
	p, err := openPipeline(ctx, opts.imageOptions, c)
	if err != nil {
		return err
	}
	defer p.Close()
	w, err := features.Create(opts.out, p.header())
	if err != nil {
		return err
	}
	defer w.Abort()
	start := time.Now()
	hits := accuracy{classes: p.info.Classes}
	err = p.run(ctx, c, "extract", func(b features.Batch) error {
		hits.add(b.Logits, b.Labels)
		return w.Append(b)
	})
	if ctx.Err() == nil {
		// The list is wanted most when there were too many.
		err = errors.Join(err, writeSkipped(opts.skipped, p.report.Skipped))
	}
	if err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	took := time.Since(start)
	c.note("%s: %d images, %d features each, in %s (%s/s) with %s%s", opts.out, p.report.Images, p.info.Dim,
		progress.Duration(took), progress.Rate(float64(p.report.Images)/took.Seconds()), p.engine(), p.top1(hits))
	return nil
}

// accuracy counts images whose largest logit is at their label.
type accuracy struct {
	classes, hits, n int
}

// add counts a batch. Images without a label, or with one the classifier does not have, are left out.
func (a *accuracy) add(logits []float32, labels []int64) {
	for i, label := range labels {
		if label < 0 || label >= int64(a.classes) {
			continue
		}
		row := logits[i*a.classes : (i+1)*a.classes]
		best := 0
		for j, v := range row {
			if v > row[best] {
				best = j
			}
		}
		a.n++
		if int64(best) == label {
			a.hits++
		}
	}
}

// writeSkipped writes one line per skipped image: id, tab, reason. Without a path it does nothing; without skipped images
// the file is empty, so that an older one does not stay.
func writeSkipped(path string, skipped []imageset.Skip) error {
	if path == "" {
		return nil
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		for _, s := range skipped {
			if _, err := fmt.Fprintf(w, "%s\t%s\n", s.ID, s.Reason); err != nil {
				return err
			}
		}
		return nil
	})
}
