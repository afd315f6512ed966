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
	"github.com/oodflow/oodflow/internal/detect"
	"github.com/oodflow/oodflow/internal/imageset"
	"github.com/oodflow/oodflow/internal/progress"
)

const scoreLong = `Scores images with a detector: from a file of features, or straight from a
classifier and images.

Each image gets a row:
  id         the image
  ood_score  higher means more out-of-distribution
  log_prob   log-density of the normalised features, -ood_score; not known (empty,
             null) of a method that is no density
  p_value    share of held-out training images that score at least as high
  is_ood     whether ood_score is above the detector's threshold
  predicted  the classifier's class, from 0; not known without logits
  detector   the detector's method and the first digits of its file's SHA-256
eval reads such rows, too.

` + featuresHelp + `

` + sourceHelp + `

` + preprocessHelp

const scoreExample = `  oodflow score --detector detector.safetensors --features val.safetensors
  oodflow score --detector detector.safetensors --model resnet.onnx --images inbox \
      --out scores.csv
  oodflow score --detector detector.safetensors --model resnet.onnx --images inbox \
      --format jsonl --quiet`

type scoreOptions struct {
	imageOptions
	dumpOptions
	detector string
	features string
	format   choice
	out      string
}

func newScoreCommand() *cobra.Command {
	var opts scoreOptions
	cmd := &cobra.Command{
		Use:     "score --detector DETECTOR (--features FEATURES | --model MODEL.onnx --images SOURCE) [flags]",
		Short:   "Score images with a detector",
		Long:    scoreLong,
		Example: scoreExample,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "detector"); err != nil {
				return err
			}
			if err := opts.validate(cmd); err != nil {
				return err
			}
			return runScore(cmd.Context(), opts, consoleOf(cmd))
		},
	}
	opts.AddFlags(cmd)
	return cmd
}

// AddFlags defines the flags.
func (o *scoreOptions) AddFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.detector, "detector", "", "the detector: a `FILE` written by train")
	completeFiles(cmd, "detector", "safetensors")
	f.StringVar(&o.features, "features", "", "score the images in `FEATURES`: .safetensors, .npy, .npz or .parquet")
	completeFiles(cmd, "features", featureFiles...)
	o.dumpOptions.AddFlags(cmd)
	f.StringVarP(&o.out, "out", "o", "", "write the rows to `FILE` (default: stdout)")
	o.format = choice{value: "csv", valid: detect.RowFormats()}
	addChoice(cmd, &o.format, "format", "write rows as `FORMAT`: csv or jsonl")
	o.imageOptions.AddFlags(cmd)
}

// validate checks what can be checked without opening a file.
func (o *scoreOptions) validate(cmd *cobra.Command) error {
	fromImages := o.model != "" || o.images != ""
	switch {
	case o.features == "" && !fromImages:
		return usagef("nothing to score: give --features, or --model and --images")
	case o.features == "" && o.model == "":
		return usagef("--model is required with --images")
	case o.features == "" && o.images == "":
		return usagef("--images is required with --model")
	case o.features == "" && o.key != "":
		return usagef("--features-key is of no use without --features")
	case o.features != "":
		for _, name := range imageFlags {
			if cmd.Flags().Changed(name) {
				return usagef("--%s is of no use with --features: no classifier is run", name)
			}
		}
	}
	if err := o.imageOptions.validate(); err != nil {
		return err
	}
	if o.stats != "" {
		if o.out != "" && samePath(o.stats, o.out) {
			return usagef("--stats and --out are the same file, %s", o.out)
		}
		if err := checkOutput("stats", o.stats, append(o.inputs(), o.detector)...); err != nil {
			return err
		}
	}
	if o.out == "" || o.out == "-" {
		o.out = ""
		return nil
	}
	return checkOutput("out", o.out, append(o.inputs(), o.detector, o.features)...)
}

func runScore(ctx context.Context, opts scoreOptions, c *console) error {
	if err := useBLAS(c); err != nil {
		return err
	}
	file, err := detect.Load(opts.detector)
	if err != nil {
		return err
	}
	if opts.features != "" {
		return scoreFeatures(ctx, opts, c, file)
	}
	return scoreImages(ctx, opts, c, file)
}

// scoreFeatures scores a file of features, some images at a time: it need not fit in memory.
func scoreFeatures(ctx context.Context, opts scoreOptions, c *console, file *detect.File) error {
	r, err := opts.openChecked(opts.features, c)
	if err != nil {
		return err
	}
	defer r.Close()
	first, err := r.Read(features.Span(0, 1))
	if err != nil {
		return err
	}
	if err := file.Check(first); err != nil {
		return fmt.Errorf("score %s: %w", opts.features, err)
	}
	if w := file.Unverified(r.Provenance); w != "" {
		c.warn("%s: %s", opts.features, w)
	}
	return writeScores(ctx, opts, c, file, func(add func([]detect.Row) error) error {
		for i := 0; i < r.N; i += piece {
			set, err := readPart(r, opts.features, i)
			if err != nil {
				return err
			}
			scored, err := file.Rows(set)
			if err != nil {
				err = features.NameRow(err, func(row int) (int, string) { return i + row, r.ID(i + row) })
				return inFile(err, opts.features)
			}
			if err := errors.Join(ctx.Err(), add(scored)); err != nil {
				return err
			}
		}
		return nil
	})
}

// scoreImages runs the classifier and scores what comes out batch by batch; the features are not kept.
func scoreImages(ctx context.Context, opts scoreOptions, c *console, file *detect.File) error {
	p, err := openPipeline(ctx, opts.imageOptions, c)
	if err != nil {
		return err
	}
	defer p.Close()
	if err := file.Compatible(p.provenance()); err != nil {
		return fmt.Errorf("score images with %s: %w", opts.model, err)
	}
	err = writeScores(ctx, opts, c, file, func(add func([]detect.Row) error) error {
		waiting := p.set()
		first := 0
		score := func() error {
			scored, err := file.Rows(waiting)
			if err != nil {
				err = features.NameRow(err, func(row int) (int, string) { return first + row, waiting.IDs[row] })
				return inFile(err, opts.images)
			}
			first += waiting.N
			empty(waiting)
			return add(scored)
		}
		err := p.run(ctx, c, "score", func(b features.Batch, _ imageset.Mark) error {
			// The classifier's batches are too small for the detector, which goes through all of its weights for each.
			join(waiting, b)
			if waiting.N < piece {
				return nil
			}
			return score()
		})
		if err != nil || waiting.N == 0 {
			return err
		}
		defer lap(&p.watch.writing, time.Now())
		return score()
	})
	if err != nil {
		return err
	}
	return tellStats(c, opts.stats, p.stats())
}

// set is an empty feature set of its own, as what comes out of the pipeline would be.
func (p *pipeline) set() *features.Set {
	return &features.Set{
		D: p.info.Dim, C: p.info.Classes, Head: p.info.Head, Provenance: p.provenance(),
	}
}

// join copies a batch to the end of a set.
func join(s *features.Set, b features.Batch) {
	s.N += len(b.IDs)
	s.Features, s.Logits = append(s.Features, b.Features...), append(s.Logits, b.Logits...)
	s.Labels, s.IDs = append(s.Labels, b.Labels...), append(s.IDs, b.IDs...)
}

// empty takes all images out of a set and keeps its memory.
func empty(s *features.Set) {
	s.N, s.Features, s.Logits, s.Labels, s.IDs = 0, s.Features[:0], s.Logits[:0], s.Labels[:0], s.IDs[:0]
}

// writeScores writes the rows that produce adds, and then tells how many images were flagged.
func writeScores(ctx context.Context, opts scoreOptions, c *console, file *detect.File, produce func(add func([]detect.Row) error) error) error {
	start := time.Now()
	by, err := identity(opts.detector, file.Detector.Name())
	if err != nil {
		return err
	}
	var n, flagged int
	fill := func(w io.Writer) error {
		rw, err := detect.NewRowWriter(w, opts.format.value)
		if err != nil {
			return err
		}
		err = produce(func(scored []detect.Row) error {
			for _, r := range scored {
				n++
				r.Detector = by
				if r.IsOOD {
					flagged++
				}
				if err := rw.Write(r); err != nil {
					return err
				}
			}
			return nil
		})
		return errors.Join(err, ctx.Err(), rw.Flush())
	}
	if opts.out == "" {
		err = fill(c.out)
	} else {
		err = atomicfile.Write(opts.out, fill)
	}
	if err != nil {
		return err
	}
	c.note("scored %s in %s: %d (%.1f %%) flagged as out-of-distribution", count(n, "image", "images"),
		progress.Duration(time.Since(start)), flagged, 100*float64(flagged)/float64(max(n, 1)))
	return nil
}
