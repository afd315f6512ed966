package main

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/flow"
	"github.com/oodflow/oodflow/internal/detect"
)

// Methods of train that train a flow: the flow itself, and the flow with the classifier's energy.
const (
	methodFlow   = "flow"
	methodFusion = "fusion"
)

// trainsFlow tells whether a method trains a flow, so that the flags for one hold.
func trainsFlow(method string) bool { return method == methodFlow || method == methodFusion }

// automatic is the value of a flag whose default depends on the features.
const automatic = "auto"

// flowOptions are the flags of train that shape the flow and its training.
type flowOptions struct {
	arch   choice
	layers int
	hidden int
	clamp  float64
	whiten choice
	base   choice
	raw    bool
	epochs int
	batch  int
	lr     float64
	stop   choice
	margin float64
	noise  float64
	engine choice
}

// flowFlags are the names of these flags.
var flowFlags = []string{"arch", "layers", "hidden", "clamp", "whiten", "base", "raw", "epochs", "batch", "lr", "stop", "margin", "noise", "engine", "resume"}

// AddFlags defines the flags.
func (o *flowOptions) AddFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	def := flow.DefaultOptions()
	o.arch = archChoice()
	addChoice(cmd, &o.arch, "arch", "flow: its `ARCHITECTURE`, realnvp or glow")
	f.IntVar(&o.layers, "layers", 0, "flow: "+layersUsage("N"))
	f.IntVar(&o.hidden, "hidden", 0, "flow: `N` units in each hidden layer (0: as many as features)")
	f.Float64Var(&o.clamp, "clamp", def.Clamp, "flow: bound `X` of a coupling's log-scale")
	o.whiten = choice{value: automatic, valid: []string{automatic, string(flow.WhitenWithin), string(flow.WhitenTotal), string(flow.WhitenNone)}}
	addChoice(cmd, &o.whiten, "whiten", "flow: `COVARIANCE` to whiten by first: within the classes, total, none; auto: within with classes, else total")
	o.base = choice{value: automatic, valid: []string{automatic, string(flow.BaseClasses), string(flow.BaseNormal)}}
	addChoice(cmd, &o.base, "base", "flow: latent `DENSITY`: classes (one normal each), normal; auto: classes where known")
	f.BoolVar(&o.raw, "raw", false, "flow: do not L2-normalise the features")
	f.IntVar(&o.epochs, "epochs", def.Epochs, "flow: at most `N` epochs")
	f.IntVar(&o.batch, "batch", def.Batch, "flow: `N` images for each step")
	f.Float64Var(&o.lr, "lr", def.LearningRate, "flow: Adam's learning `RATE`")
	o.stop = choice{value: string(def.Stop), valid: []string{string(flow.StopModerate), string(flow.StopValidation), string(flow.StopNever)}}
	addChoice(cmd, &o.stop, "stop", "flow: stopping `RULE`: moderate, validation (best likelihood), never (all epochs)")
	f.Float64Var(&o.margin, "margin", def.Margin, "flow: moderate stops `NATS` per feature above a Gaussian")
	f.Float64Var(&o.noise, "noise", def.Noise, "flow: blur each feature by `SHARE` of its standard deviation while training")
	o.engine = choice{value: string(def.Engine), valid: []string{string(flow.EngineFused), string(flow.EngineGorgonia)}}
	addChoice(cmd, &o.engine, "engine", "flow: `ENGINE` that computes gradients: fused, or gorgonia, slow, to check the other by")
	noFiles(cmd, "layers", "hidden", "clamp", "epochs", "batch", "lr", "margin", "noise")
}

// archChoice is the value of a flag for an architecture.
func archChoice() choice {
	return choice{value: string(flow.DefaultOptions().Arch), valid: []string{string(flow.ArchRealNVP), string(flow.ArchGlow)}}
}

// layersUsage is the usage of a flag for the number of layers, called name.
func layersUsage(name string) string {
	return fmt.Sprintf("`%s` coupling layers (0: %d, for glow %d)", name, flow.ArchRealNVP.Layers(), flow.ArchGlow.Layers())
}

// validate checks the flags' ranges, and that none is given for another method.
func (o *flowOptions) validate(cmd *cobra.Command, method string) error {
	for _, name := range flowFlags {
		if !trainsFlow(method) && cmd.Flags().Changed(name) {
			return usagef("--%s is of no use with --method %s", name, method)
		}
	}
	for _, n := range []struct {
		flag               string
		value, least, most int
	}{{"layers", o.layers, 0, mostLayers}, {"hidden", o.hidden, 0, mostUnits}, {"epochs", o.epochs, 1, 1e9}, {"batch", o.batch, 1, mostUnits}} {
		if n.value < n.least || n.value > n.most {
			return usagef("--%s %d: want %d to %d", n.flag, n.value, n.least, n.most)
		}
	}
	switch {
	case !(o.lr > 0 && o.lr <= 1):
		return usagef("--lr %v: want a rate above 0, at most 1", o.lr)
	case !(o.clamp > 0 && o.clamp <= flow.MaxClamp):
		return usagef("--clamp %v: want a bound above 0, at most %v", o.clamp, flow.MaxClamp)
	case !(o.margin > 0 && o.margin <= mostMargin):
		return usagef("--margin %v: want nats per feature above 0, at most %v", o.margin, mostMargin)
	case !(o.noise >= 0 && o.noise <= 1):
		return usagef("--noise %v: want a share from 0 to 1", o.noise)
	case cmd.Flags().Changed("margin") && o.stop.value != string(flow.StopModerate):
		return usagef("--margin is of no use with --stop %s: it is where --stop moderate stops", o.stop.value)
	}
	return nil
}

// Bounds of the flags: far above what helps, and below what no machine has the memory for.
const (
	mostLayers = 1000
	mostUnits  = 1 << 16
	mostMargin = 100.0
)

// checkClasses refuses features without classes where a flag asks for them.
func (o *flowOptions) checkClasses(r *features.Reader) error {
	known := func(label int64) bool { return label >= 0 }
	flag := ""
	switch {
	case r.C > 0 || slices.ContainsFunc(r.Labels, known):
	case o.base.value == string(flow.BaseClasses):
		flag = "--base classes"
	case o.whiten.value == string(flow.WhitenWithin):
		flag = "--whiten within"
	}
	if flag == "" {
		return nil
	}
	return withHint(fmt.Errorf("%s needs labels or logits, which the features do not hold", flag), "leave out %s", flag)
}

// options returns the flags as the flow takes them.
func (o *flowOptions) options() flow.Options {
	opt := flow.Options{
		Arch: flow.Arch(o.arch.value), Layers: o.layers, Hidden: o.hidden, Clamp: o.clamp, Stop: flow.Stop(o.stop.value), Margin: o.margin,
		Epochs: o.epochs, Batch: o.batch, LearningRate: o.lr, Engine: flow.Engine(o.engine.value),
	}
	if o.noise == 0 {
		opt.Noise = -1 // none, where the library takes 0 for its default
	} else {
		opt.Noise = o.noise
	}
	if o.whiten.value != automatic {
		opt.Whiten = flow.Whitening(o.whiten.value)
	}
	if o.base.value != automatic {
		opt.Base = flow.Base(o.base.value)
	}
	return opt
}

// fitFlow trains the flow and shows how its likelihood grows.
func (o *trainOptions) fitFlow(ctx context.Context, r *features.Reader, kept *checkpoints, c *console) (*detect.File, error) {
	if err := o.flow.checkClasses(r); err != nil {
		return nil, fmt.Errorf("train on %s: %w", o.features, err)
	}
	opt := detect.FlowOptions{
		TrainOptions: detect.TrainOptions{Share: o.holdout, Seed: o.seed, Version: moduleVersion()},
		Options:      o.flow.options(),
		Raw:          o.flow.raw,
		Keep:         kept.Keep,
	}
	finish := func() {}
	defer func() { finish() }()
	opt.Reading = func(n, total int) {
		if c.meter == nil {
			_, finish = c.begin("read", "rows", total)
		}
		c.meter.Add(n)
	}
	heading := sync.OnceFunc(func() {
		finish()
		c.note("%6s %7s %12s %12s %12s", "step", "epoch", "train NLL", "valid NLL", "per feature")
	})
	train := detect.TrainFlow
	if o.method.value == methodFusion {
		train = detect.TrainFusion
	}
	file, report, err := train(ctx, r, opt, func(p flow.Point) {
		heading()
		showPoint(c, p, r.D)
	})
	if err != nil {
		return nil, err
	}
	if report.Engine != flow.EngineFused {
		c.note("trained with the %s engine", report.Engine)
	}
	c.note("stopped after %d steps (%.2f epochs): %s", report.Steps, report.Epochs, report.Reason)
	return file, nil
}

// showPoint prints a line for each check of the first hundred steps, then for every tenth. d is the feature dimension.
func showPoint(c *console, p flow.Point, d int) {
	if p.Step <= 100 || p.Step%100 == 0 {
		c.note("%6d %7.2f %12.3f %12.3f %12.4f", p.Step, p.Epoch, p.TrainNLL, p.ValidNLL, p.ValidNLL/float64(d))
	}
}
