package flow

import (
	"errors"
	"fmt"
)

// Stop names the rule that ends training.
type Stop string

const (
	// StopModerate ends training as soon as the validation likelihood exceeds the Gaussian reference by
	// Options.Margin nats per dimension, halfway back to the start, and in any case when StopValidation would. See Train.
	StopModerate Stop = "moderate"
	// StopValidation ends training when the validation likelihood has not improved for patience checks, and
	// keeps the best state. For detection this is far too late: it is here for comparison.
	StopValidation Stop = "validation"
	// StopNever trains for all of Options.Epochs.
	StopNever Stop = "never"
)

// Options are the settings of Train. Zero values ask for the defaults of DefaultOptions.
type Options struct {
	// Arch is what the blocks are made of. Default realnvp.
	Arch Arch
	// Layers is the number of blocks. Default 4 for realnvp and 10 for glow, as in the paper (arXiv:2402.06537).
	Layers int
	// Hidden is the width of the couplings' hidden layer. Default: the dimension d, as in the paper.
	Hidden int
	// Clamp bounds the couplings' log-scales. Default 2, as in FrEIA.
	Clamp float64
	// Whiten says which covariance the first layer removes. Default within with labels, two of which are equal, else total.
	Whiten Whitening
	// Base says what the latent density is. Default classes with labels, else normal.
	Base Base
	// Stop is the rule that ends training. Default moderate.
	Stop Stop
	// Margin is the gain over the Gaussian reference, in nats per dimension, at which StopModerate stops. Default 0.02.
	Margin float64
	// Epochs bounds the passes over the training rows. Default 20.
	Epochs int
	// Batch is the number of rows of a step. Default 256.
	Batch int
	// Noise is the standard deviation of the noise that every feature of a batch gets, as a share of the feature's
	// own standard deviation over the training rows; a negative one is none. Default 0.05. See Train.
	Noise float64
	// LearningRate is Adam's. Default 1e-4.
	LearningRate float64
	// ClipNorm bounds the norm of the gradient of a step. Default 100: far above what a healthy step has.
	ClipNorm float64
	// Engine computes losses and gradients. Default fused.
	Engine Engine
	// Seed drives the first weights and the order of the rows.
	Seed uint64
}

// DefaultOptions returns the defaults; Layers depends on the architecture, Hidden, Whiten and Base on the data: they are left open.
func DefaultOptions() Options {
	return Options{
		Arch: ArchRealNVP, Clamp: 2, Stop: StopModerate, Margin: 0.02,
		Epochs: 20, Batch: 256, Noise: 0.05, LearningRate: 1e-4, ClipNorm: 100, Engine: EngineFused,
	}
}

// Base names the density of the latent z.
type Base string

const (
	// BaseNormal is N(0, I).
	BaseNormal Base = "normal"
	// BaseClasses is a mixture of unit normals at the class means.
	BaseClasses Base = "classes"
)

// resolve fills in what was left open and checks the rest.
func (o Options) resolve(train Data) (Options, error) {
	def := DefaultOptions()
	if o.Arch == "" {
		o.Arch = def.Arch
	}
	orInt(&o.Layers, o.Arch.Layers())
	orInt(&o.Hidden, train.Dim())
	orInt(&o.Epochs, def.Epochs)
	orInt(&o.Batch, def.Batch)
	orFloat(&o.Clamp, def.Clamp)
	orFloat(&o.Margin, def.Margin)
	orFloat(&o.Noise, def.Noise)
	orFloat(&o.LearningRate, def.LearningRate)
	orFloat(&o.ClipNorm, def.ClipNorm)
	if o.Engine == "" {
		o.Engine = def.Engine
	}
	if o.Stop == "" {
		o.Stop = def.Stop
	}
	if o.Whiten == "" {
		o.Whiten = WhitenTotal
		if train.repeats() {
			o.Whiten = WhitenWithin
		}
	}
	if o.Base == "" {
		o.Base = BaseNormal
		if train.Labels != nil {
			o.Base = BaseClasses
		}
	}
	return o, o.check(train)
}

// Layers returns the default number of blocks.
func (a Arch) Layers() int {
	if a == ArchGlow {
		return 10
	}
	return 4
}

func orInt(v *int, def int) {
	if *v == 0 {
		*v = def
	}
}

func orFloat(v *float64, def float64) {
	if *v == 0 {
		*v = def
	}
}

func (o Options) check(train Data) error {
	if err := errors.Join(o.Arch.check(), o.Whiten.check(), o.Engine.check()); err != nil {
		return err
	}
	labelled := train.Labels != nil
	switch {
	case o.Base != BaseNormal && o.Base != BaseClasses:
		return fmt.Errorf("unknown base %q: want normal or classes", string(o.Base))
	case o.Stop != StopModerate && o.Stop != StopValidation && o.Stop != StopNever:
		return fmt.Errorf("unknown stopping rule %q: want moderate, validation or never", string(o.Stop))
	case o.Base == BaseClasses && !labelled:
		return fmt.Errorf("a base at the class means needs labels")
	case o.Whiten == WhitenWithin && !labelled:
		return fmt.Errorf("whitening within the classes needs labels")
	case o.Epochs < 1 || o.Batch < 1:
		return fmt.Errorf("%d epochs with batches of %d: both must be positive", o.Epochs, o.Batch)
	case !(o.LearningRate > 0 && o.LearningRate <= 1):
		return fmt.Errorf("learning rate %v: want a value in (0, 1]", o.LearningRate)
	case !(o.Margin > 0):
		return fmt.Errorf("margin %v: want a positive number of nats per dimension", o.Margin)
	case !(o.Noise <= 1):
		return fmt.Errorf("noise %v: want a share of the features' standard deviation, at most 1", o.Noise)
	case !(o.ClipNorm > 0):
		return fmt.Errorf("gradient norm bound %v: want a positive value", o.ClipNorm)
	}
	return nil
}
