package detect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/flow"
)

// Flow scores with the negative log-density of a normalizing flow over the features:
//
//	score = −log p(z/‖z‖₂)     z: the penultimate features
//
// in nats (arXiv:2402.06537). It needs only the features; labels, or else logits, give its default base a component
// for each class.
type Flow struct {
	flow      *flow.Flow
	normalize bool
	warn      []string
}

var (
	_ stored     = (*Flow)(nil)
	_ LogDensity = (*Flow)(nil)
)

// FlowOptions are the settings of [TrainFlow].
type FlowOptions struct {
	TrainOptions
	flow.Options
	Raw  bool // leave the features as they are instead of L2-normalising them
	Keep Keep // checkpoints; none by default

	// Reading, if not nil, is told that n more rows were read, out of the total that the flow's starting point takes. With
	// many features that is a while; the first progress of the training comes after it.
	Reading func(n, total int)
}

// TrainFlow divides the images of r at random into those to fit on, to stop by, and to calibrate on, trains a flow and sets
// its threshold; see [flow.Train] and [Calibrate]. TrainOptions.Share of the images go to calibration, and as large a share
// of the rest, though at most 1,000 images, to stopping. TrainOptions.Seed is the flow's seed too. Features that take more than a few hundred megabytes
// are read as they are needed, so the set need not fit in memory. Checkpoints are kept, and gone on from, as opt.Keep
// says; the one that is left at the end is for the caller to remove, once the detector is safe. Resuming with other
// features or options is a [*flow.ResumeError].
func TrainFlow(ctx context.Context, r *features.Reader, opt FlowOptions, progress func(flow.Point)) (*File, *flow.Report, error) {
	return trainFlow(ctx, r, opt, progress, func(d *Flow, _ []int) (Detector, error) { return d, nil })
}

// trainFlow is TrainFlow for the detector that finish makes of the flow. valid are the images that its training stopped by.
func trainFlow(ctx context.Context, r *features.Reader, opt FlowOptions, progress func(flow.Point),
	finish func(d *Flow, valid []int) (Detector, error)) (*File, *flow.Report, error) {
	if opt.Share == 0 {
		opt.Share = DefaultHeld(r.N)
	}
	rest, held := Split(r.N, opt.Share, opt.TrainOptions.Seed)
	fit, valid := splitRest(len(rest), opt.Share, opt.TrainOptions.Seed)
	if len(held) == 0 || len(valid) == 0 || len(fit) < 2 {
		return nil, nil, fmt.Errorf("train flow: %d images are too few to calibrate on a share of %v, stop by as much of the rest and fit on what is left", r.N, opt.Share)
	}
	opt.Options.Seed = opt.TrainOptions.Seed
	keep := newKeeper(r, opt)
	if err := keep.check(); err != nil {
		return nil, nil, fmt.Errorf("train flow: resume: %w", err)
	}
	fit, valid = pickRows(rest, 1, fit), pickRows(rest, 1, valid)
	d, report, err := fitFlow(ctx, r, fit, valid, opt, keep.keeping(), progress)
	if err != nil {
		return nil, nil, fmt.Errorf("train flow: %w", err)
	}
	finished, err := finish(d, valid)
	if err != nil {
		return nil, nil, err
	}
	f, err := calibrate(ctx, finished, r, held)
	if err != nil {
		return nil, nil, err
	}
	f.Training = Training{Images: len(fit), Validation: len(valid), HeldOut: len(held), Seed: opt.TrainOptions.Seed, Version: opt.Version}
	f.Training.Report, err = json.Marshal(report)
	return f, report, err
}

func fitFlow(ctx context.Context, r *features.Reader, fit, valid []int, opt FlowOptions, keep flow.Keeping, progress func(flow.Point)) (*Flow, *flow.Report, error) {
	d := &Flow{normalize: !opt.Raw}
	if opt.Keep.Resume != nil {
		opt.Reading = nil // the start is in the checkpoint
	}
	train, fit, err := d.data(&flowRows{ctx: ctx, r: r, index: fit, normalize: d.normalize, reading: opt.Reading})
	if err != nil {
		return nil, nil, err
	}
	watched := flow.Data{Rows: &flowRows{ctx: ctx, r: r, index: valid, normalize: d.normalize}}
	var report *flow.Report
	d.flow, report, err = flow.TrainKeeping(ctx, train, watched, opt.Options, keep, progress)
	if row := (*flow.RowError)(nil); errors.As(err, &row) {
		if row.Of == "training" {
			valid = fit
		}
		return nil, nil, fmt.Errorf("image %s: %w", r.ID(valid[row.Row]), row.Err)
	}
	if err != nil {
		return nil, nil, err
	}
	switch {
	case report.Diverged:
		d.warn = append(d.warn, "flow: "+report.Reason)
	case report.Rollbacks > 0:
		d.warn = append(d.warn, fmt.Sprintf("flow: training blew up %d times; steps were undone and the learning rate cut to %.1g",
			report.Rollbacks, report.LearningRate))
	}
	return d, report, nil
}

// data returns the rows to fit on with their classes, and which images they are; images without a class are left out where
// others have one.
func (d *Flow) data(fit *flowRows) (flow.Data, []int, error) {
	r := fit.r
	predicted, err := r.Predicted()
	if err != nil {
		return flow.Data{}, nil, err
	}
	c, warnings, err := classesOf("flow", pickRows(r.Labels, 1, fit.index), pickRows(predicted, 1, fit.index))
	var needs *NeedsError
	if err != nil && !errors.As(err, &needs) {
		return flow.Data{}, nil, err
	}
	d.warn = warnings
	if err != nil {
		rows, err := inMemory(fit)
		return flow.Data{Rows: rows}, fit.index, err
	}
	var known, labels []int
	for i, k := range c.of {
		if k >= 0 {
			known, labels = append(known, fit.index[i]), append(labels, k)
		}
	}
	fit.index = known
	rows, err := inMemory(fit)
	return flow.Data{Rows: rows, Labels: labels, Classes: c.count}, known, err
}

// Name implements [Detector].
func (*Flow) Name() string { return "flow" }

// Dim returns the number of features the flow reads.
func (d *Flow) Dim() int { return d.flow.Config().Dim }

// Normalizes tells that the features are L2-normalised first.
func (d *Flow) Normalizes() bool { return d.normalize }

// LogDensity implements [LogDensity]: the score is −log p(z).
func (*Flow) LogDensity() bool { return true }

// Warnings implements warner.
func (d *Flow) Warnings() []string { return d.warn }

// Flow returns the density itself.
func (d *Flow) Flow() *flow.Flow { return d.flow }

// flowTile is the number of rows that are normalised and scored at a time.
const flowTile = 4096

// Score implements [Detector].
func (d *Flow) Score(dst []float64, s *features.Set) ([]float64, error) {
	if err := checkFeatures(s, d.Dim()); err != nil {
		return nil, err
	}
	dst = grow(dst, s.N)
	buf := make([]float32, min(s.N, flowTile)*s.D)
	for i := 0; i < s.N; i += flowTile {
		j := min(i+flowTile, s.N)
		x := s.Features[i*s.D : j*s.D]
		if d.normalize {
			if _, err := features.Normalize(buf[:len(x)], x, s.D); err != nil {
				return nil, features.NameRow(err, func(row int) (int, string) { return i + row, imageID(s, i+row) })
			}
			x = buf[:len(x)]
		}
		if _, err := d.flow.LogProb(dst[i:j], x); err != nil {
			var row *flow.RowError
			if errors.As(err, &row) {
				return nil, fmt.Errorf("image %s: %w", imageID(s, i+row.Row), row.Err)
			}
			return nil, err
		}
	}
	for i := range dst {
		dst[i] = -dst[i]
	}
	return dst, nil
}

func (d *Flow) encode(e *encoder) {
	cfg, err := json.Marshal(d.flow.Config())
	if err != nil {
		panic(err) // a struct of numbers and strings always survives this
	}
	e.set("flow", string(cfg))
	e.set("normalize", fmt.Sprint(d.normalize))
	for _, t := range d.flow.State() {
		if t.F64 != nil {
			e.float64(t.Name, t.F64, t.Shape...)
		} else {
			e.float32(t.Name, t.F32, t.Shape...)
		}
	}
}

func decodeFlow(d *decoder) (*Flow, error) {
	text, err := d.get("flow")
	if err != nil {
		return nil, err
	}
	var cfg flow.Config
	if err := json.Unmarshal([]byte(text), &cfg); err != nil {
		return nil, fmt.Errorf("setting %q: %w", "flow", err)
	}
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	for _, t := range cfg.State() { // before anything is allocated for them
		if err := d.has(t.Name, t.Shape); err != nil {
			return nil, err
		}
	}
	normalize, err := d.get("normalize")
	if err != nil {
		return nil, err
	}
	f := &Flow{normalize: normalize == "true"}
	f.flow, err = flow.Restore(cfg, func(t flow.Tensor) error {
		if t.F64 != nil {
			x, err := d.float64(t.Name, t.Shape...)
			copy(t.F64, x)
			return err
		}
		x, err := d.float32(t.Name, t.Shape...)
		copy(t.F32, x)
		return err
	})
	return f, err
}
