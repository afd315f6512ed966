package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/detect"
	"github.com/oodflow/oodflow/internal/progress"
)

const trainLong = `Fits a detector to the features of training images. A random tenth of the images
(at most 2,000; --holdout) is not trained on: they set the threshold so that 95 %
of them pass. For a flow, up to 1,000 others decide when its training stops.

A classifier knows the images it was trained on, and new ones of the same kind
score a little higher: more than 5 % of them are called OOD. Where you have such
images, a validation set say, --calibration sets the threshold by them.

The default method, a normalizing flow on L2-normalised features, stops by
itself, and early: likelihood goes on improving long after detection has begun to
get worse. --method fusion trains the same flow and adds the classifier's energy:
better close to the training images, a little worse far from them. The other
methods are eval's baselines, for use on their own.

A flow's training is kept every few seconds in DETECTOR.checkpoint. After Ctrl-C or
a crash the same command with --resume continues it and comes to the same
detector, to the last bit. The checkpoint goes when the detector is written.

--engine gorgonia trains with the model as it is written down for gorgonia, which
finds the gradients by itself, in float64: to check the fused kernels on a machine,
and to learn from. With the same seed it sees the same batches, and every loss
agrees to six digits or more. It takes about 5 times as long for 512 features, 8
times in a Glow, and 40 times for 64.

` + featuresHelp

const trainExample = `  oodflow train --features train.safetensors --out detector.safetensors
  oodflow train --features train.safetensors --out detector.safetensors --seed 7
  oodflow train --features train.safetensors --calibration val.safetensors \
      --out detector.safetensors
  oodflow train --features train.safetensors --out detector.safetensors --resume
  oodflow train --features train.safetensors --out check.safetensors \
      --engine gorgonia
  oodflow train --features train.safetensors --method fusion \
      --out fusion.safetensors
  oodflow train --features from_pytorch.npz --method mahalanobis++ \
      --out mahalanobis.safetensors`

type trainOptions struct {
	dumpOptions
	features    string
	out         string
	method      choice
	holdout     float64
	seed        uint64
	resume      bool
	calibration string
	flow        flowOptions
	again       string // the command line that resumes
}

func newTrainCommand() *cobra.Command {
	var opts trainOptions
	cmd := &cobra.Command{
		Use:     "train --features FEATURES --out DETECTOR [flags]",
		Short:   "Fit a detector to the features of training images",
		Long:    trainLong,
		Example: trainExample,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "features", "out"); err != nil {
				return err
			}
			if err := opts.validate(cmd); err != nil {
				return err
			}
			opts.again = resumingCommand(cmd)
			return runTrain(cmd.Context(), opts, consoleOf(cmd))
		},
	}
	opts.AddFlags(cmd)
	return cmd
}

// AddFlags defines the flags.
func (o *trainOptions) AddFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.features, "features", "", "`FEATURES` of training images: .safetensors, .npy, .npz or .parquet")
	completeFiles(cmd, "features", featureFiles...)
	o.dumpOptions.AddFlags(cmd)
	f.StringVarP(&o.out, "out", "o", "", "write the detector to `FILE`")
	completeFiles(cmd, "out", "safetensors")
	o.method = choice{value: methodFlow, valid: append([]string{methodFlow}, detect.Names()...)}
	addChoice(cmd, &o.method, "method", "fit the method called `NAME`: "+joinList(o.method.valid, "or"))
	f.Float64Var(&o.holdout, "holdout", 0, "hold this `SHARE` of the images out (default: a tenth, but at most 2000 images)")
	f.StringVar(&o.calibration, "calibration", "", "set the threshold by these `FEATURES` of images that the classifier was not trained on")
	completeFiles(cmd, "calibration", featureFiles...)
	f.Uint64Var(&o.seed, "seed", 1, "seed of all that is random: the same `N`, the same detector")
	noFiles(cmd, "holdout", "seed")
	f.BoolVar(&o.resume, "resume", false, "flow: continue the interrupted training of DETECTOR.checkpoint")
	o.flow.AddFlags(cmd)
}

// validate checks what can be checked without opening a file.
func (o *trainOptions) validate(cmd *cobra.Command) error {
	if cmd.Flags().Changed("holdout") && !(o.holdout > 0 && o.holdout < 1) {
		return usagef("--holdout %v: want a share above 0 and below 1", o.holdout)
	}
	if err := o.flow.validate(cmd, o.method.value); err != nil {
		return err
	}
	if err := checkOutput("out", o.out, o.features, o.calibration); err != nil {
		return err
	}
	checkpoint := checkpointPath(o.out)
	switch {
	case checkpoint == "" && o.resume:
		return usagef("--resume: --out %s is no file that a checkpoint could lie beside", o.out)
	case checkpoint != "" && trainsFlow(o.method.value):
		for flag, path := range map[string]string{"features": o.features, "calibration": o.calibration} {
			if path != "" && samePath(checkpoint, path) {
				return usagef("--%s %s is where the training keeps its checkpoint: the input would be lost", flag, path)
			}
		}
	}
	return nil
}

func runTrain(ctx context.Context, opts trainOptions, c *console) error {
	if err := useBLAS(c); err != nil {
		return err
	}
	set, err := opts.openChecked(opts.features, c)
	if err != nil {
		return err
	}
	defer set.Close()
	calibration, err := opts.openCalibration(set, c)
	if err != nil {
		return err
	}
	if calibration != nil {
		defer calibration.Close()
	}
	leanMemory()
	start := time.Now()
	kept, err := opts.checkpoints(c)
	if err != nil {
		return err
	}
	file, err := opts.fit(ctx, set, kept, c)
	if err != nil {
		return inFile(kept.explain(err), opts.features)
	}
	if calibration != nil {
		if err := file.Recalibrate(ctx, calibration); err != nil {
			return kept.explain(fmt.Errorf("calibrate by %s: %w", opts.calibration, err))
		}
	}
	if err := errors.Join(set.Unchanged(), opts.recordDump(file)); err != nil {
		return err
	}
	for _, w := range file.Warnings {
		c.warn("%s", w)
	}
	if err := ctx.Err(); err != nil {
		return kept.explain(err)
	}
	if err := detect.Save(opts.out, file); err != nil {
		return kept.unsaved(err, opts.out)
	}
	kept.remove()
	what := "held-out images"
	if calibration != nil {
		what = "images of " + opts.calibration
	}
	c.note("%s: %s fitted to %d images in %s; threshold %.5g passes 95 %% of %d %s", opts.out, file.Detector.Name(),
		file.Training.Images, progress.Duration(time.Since(start)), file.Threshold, file.Training.HeldOut, what)
	return nil
}

// openCalibration opens the features of --calibration and checks that they fit those to train on, before the work; nil without.
func (o *trainOptions) openCalibration(set *features.Reader, c *console) (*features.Reader, error) {
	if o.calibration == "" {
		return nil, nil
	}
	r, err := o.openChecked(o.calibration, c)
	if err != nil {
		return nil, err
	}
	if err := (&detect.File{D: set.D, Provenance: set.Provenance}).Fits(r); err != nil {
		r.Close()
		return nil, fmt.Errorf("--calibration %s beside --features %s: %w", o.calibration, o.features, err)
	}
	return r, nil
}

// fit makes the detector by the method asked for.
func (o *trainOptions) fit(ctx context.Context, r *features.Reader, kept *checkpoints, c *console) (*detect.File, error) {
	if trainsFlow(o.method.value) {
		return o.fitFlow(ctx, r, kept, c)
	}
	set, err := whole(r, o.features)
	if err != nil {
		return nil, err
	}
	var file *detect.File
	err = interruptibly(ctx, func() (err error) {
		file, err = detect.Train(o.method.value, set, detect.TrainOptions{Share: o.holdout, Seed: o.seed, Version: moduleVersion()})
		return err
	})
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("train on %s: %w", o.features, err)
	}
	return file, err
}

// recordDump notes in the detector which features it was trained on.
func (o *trainOptions) recordDump(file *detect.File) error {
	dump, err := describeDump(o.features, o.key, o.out)
	if err != nil {
		return err
	}
	file.Training.Report, err = json.Marshal(trainingReport{Features: dump, Method: file.Training.Report})
	return err
}

// leanMemory has garbage collected when it is a quarter of what is in use, not as much again: a training keeps the model
// several times and makes little garbage after its first pass over the features. GOGC overrides it.
func leanMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(25)
	}
}
