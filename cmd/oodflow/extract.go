package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/atomicfile"
	"github.com/oodflow/oodflow/internal/imageset"
)

const extractLong = `Runs a classifier over images and writes what it makes of them: penultimate
features, logits, labels, image ids, the classifier's last layer and where all of
it came from. The file is in the safetensors format.

` + sourceHelp + `

` + preprocessHelp + `

An image that cannot be read is skipped, counted and listed on stderr, the first
ten that is; --skipped FILE takes the whole list. When more than the share
--max-bad cannot be read, the command fails.

The last line tells how fast it went, and where the time: in the classifier,
waiting for images, writing; and meanwhile, on other threads, in decoding and
preprocessing. --stats FILE takes the same as JSON.

What is done is kept in FEATURES.part, and synced to the disk every few seconds.
After Ctrl-C, a crash or a power cut the same command with --resume continues and
comes to the same file, to the last bit. It proves first that model, tensor,
preprocessing, engine and batch are the same, and the names, sizes and labels of
the images done. FEATURES.part goes when FEATURES is complete; until then both
are there, so the disk needs room for twice the size of FEATURES.

--shard I/N takes the Ith of N parts of the images, on as many machines, say.
'oodflow features merge' makes of the N files the one that a single run would
have written.`

const extractExample = `  oodflow extract --model resnet.onnx --images photos/train --out train.safetensors
  oodflow extract --model resnet.onnx --images photos/train --resume \
      --out train.safetensors
  oodflow extract --model resnet.onnx --images photos/train --shard 2/3 \
      --out train-2.safetensors
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
	resume  bool
	shard   shard
	part    *features.Shard // what the shard is of these images; nil for all of them
	again   string          // the command line that resumes
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
			opts.again = resumingCommand(cmd)
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
	cmd.Flags().BoolVar(&o.resume, "resume", false, "continue the interrupted extraction of FEATURES.part")
	cmd.Flags().Var(&o.shard, "shard", "take part `I/N` of the images only, I from 1 to N")
	noFiles(cmd, "shard")
}

// validate checks what can be checked without opening a file.
func (o *extractOptions) validate() error {
	if err := o.imageOptions.validate(); err != nil {
		return err
	}
	if err := checkSafetensors(o.out); err != nil {
		return err
	}
	inputs := o.inputs()
	if err := checkOutput("out", o.out, inputs...); err != nil {
		return err
	}
	part := features.PartPath(o.out)
	switch {
	case part == "" && o.resume:
		return usagef("--resume: --out %s is no file that an unfinished one could lie beside", o.out)
	case part != "":
		for _, in := range append(slices.Clip(inputs), o.skipped, o.stats) {
			if in != "" && samePath(part, in) {
				return usagef("%s is where the extraction keeps what is done: it would be lost", in)
			}
		}
	}
	for _, side := range []struct{ flag, path string }{{"skipped", o.skipped}, {"stats", o.stats}} {
		if side.path == "" {
			continue
		}
		if samePath(side.path, o.out) {
			return usagef("--%s and --out are the same file, %s", side.flag, o.out)
		}
		if err := checkOutput(side.flag, side.path, inputs...); err != nil {
			return err
		}
	}
	if o.skipped != "" && o.stats != "" && samePath(o.skipped, o.stats) {
		return usagef("--skipped and --stats are the same file, %s", o.stats)
	}
	return nil
}

func runExtract(ctx context.Context, opts extractOptions, c *console) error {
	p, err := openPipeline(ctx, opts.imageOptions, c)
	if err != nil {
		return err
	}
	defer p.Close()
	if opts.part, err = opts.shard.in(ctx, p); err != nil {
		return err
	}
	if opts.part != nil {
		p.first, p.limit = opts.part.First, opts.part.End-opts.part.First
	}
	e, err := opts.begin(p, c)
	if err != nil {
		return err
	}
	defer e.w.Abort()
	p.after = e.done
	err = p.run(ctx, c, "extract", e.add)
	if ctx.Err() == nil {
		// The list is wanted most when there were too many.
		err = errors.Join(err, writeSkipped(opts.skipped, p.report.Skipped))
	}
	if err != nil {
		return e.leave(err)
	}
	end := time.Now()
	if err := e.finish(ctx); err != nil {
		return err
	}
	lap(&p.watch.writing, end)
	c.note("%s: %s, %d features each, with %s%s", opts.out, count(p.report.Images, "image", "images"), p.info.Dim, p.engine(), p.top1(e.hits))
	return tellStats(c, opts.stats, p.stats())
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
