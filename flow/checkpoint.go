package flow

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// Checkpoint is a training between two steps: everything that its continuation depends on, except the rows. Whoever
// keeps it on disk keeps the exported fields, Order and Tensors apart from the others since they are large.
type Checkpoint struct {
	Config  Config  `json:"config"`
	Options Options `json:"options"` // with the defaults filled in
	Report  Report  `json:"report"`  // so far

	BestNLL float64 `json:"best_nll"` // validation NLL at the best check
	Since   int     `json:"since"`    // checks since the best one
	Sum     float64 `json:"sum"`      // of the batches' NLL since the last check
	Batches int     `json:"batches"`  // since the last check

	Beta1t float64 `json:"beta1t"` // β₁^t and β₂^t of Adam
	Beta2t float64 `json:"beta2t"`

	Next   int    `json:"next"`   // first row of Order not yet used in this epoch
	Source []byte `json:"source"` // state of the random source that shuffles
	Order  []int  `json:"-"`      // the rows in the order of this epoch

	// Tensors are those that Layout describes, in its order.
	Tensors []Tensor `json:"-"`
}

// Layout returns the names and shapes of the checkpoint's tensors, without numbers. Beside those of [Config.State]
// they are, F32 [p] but for the first:
//
//	train.noise   F32 [d], standard deviation of each feature's noise
//	train.start   parameters before the first step
//	train.good    parameters at the last check, what a rollback goes back to
//	train.best    parameters at the check with the best validation likelihood
//	adam.m        Adam's first moments
//	adam.v        Adam's second moments
func (c *Checkpoint) Layout() []Tensor {
	layout := append(c.Config.State(), Tensor{Name: "train.noise", Shape: []int{c.Config.Dim}})
	for _, name := range []string{"train.start", "train.good", "train.best", "adam.m", "adam.v"} {
		layout = append(layout, Tensor{Name: name, Shape: []int{c.Config.params()}})
	}
	return layout
}

// Keeping says how the state of a training is kept, and where it goes on from.
type Keeping struct {
	// Resume is the checkpoint to go on from; nil starts at the beginning.
	Resume *Checkpoint
	// Due is asked after every step whether to call Save; epoch tells an epoch's last step. Nil is never.
	Due func(epoch bool) bool
	// Save keeps a checkpoint, whose slices are the training's own: they are valid until it returns. It is called
	// where Due says so and, if not nil, when the context ends the training. A Save that fails does not end the
	// training; to do that, cancel the context.
	Save func(*Checkpoint)
}

// ResumeError says in what a checkpoint differs from the training that was to go on from it.
type ResumeError struct{ Differences []string }

func (e *ResumeError) Error() string {
	return "the checkpoint is of another training: " + strings.Join(e.Differences, "; ")
}

// checkpoint returns the present state, without copying.
func (r *run) checkpoint() *Checkpoint {
	source, err := r.tr.source.MarshalBinary()
	if err != nil {
		panic(err) // PCG's never fails
	}
	c := &Checkpoint{
		Config: r.f.cfg, Options: r.opt, Report: r.report,
		BestNLL: r.bestNLL, Since: r.since, Sum: r.sum, Batches: r.batches,
		Beta1t: r.tr.opt.beta1t, Beta2t: r.tr.opt.beta2t,
		Next: r.tr.next, Source: source, Order: r.tr.order,
	}
	c.Tensors = c.Layout()
	for i, x := range r.tensors() {
		c.Tensors[i].F32, c.Tensors[i].F64 = x.F32, x.F64
	}
	return c
}

// tensors returns the training's own slices in the order of Layout.
func (r *run) tensors() []Tensor {
	return append(r.f.State(), Tensor{F32: r.noise}, Tensor{F32: r.start}, Tensor{F32: r.good}, Tensor{F32: r.best}, Tensor{F32: r.tr.opt.m}, Tensor{F32: r.tr.opt.v})
}

// save hands the present state over to be kept, if somebody wants it.
func (r *run) save() {
	if r.keep.Save != nil {
		r.keep.Save(r.checkpoint())
	}
}

// saveIfDue is save where Due says so.
func (r *run) saveIfDue(epoch bool) {
	if r.keep.Due != nil && r.keep.Due(epoch) {
		r.save()
	}
}

// flow returns the flow that a training with these options and rows goes on with.
func (c *Checkpoint) flow(train Data, opt Options) (*Flow, error) {
	if differ := c.differences(train, opt); differ != nil {
		return nil, &ResumeError{differ}
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	f, err := layout(c.Config)
	if err != nil {
		return nil, err
	}
	state := f.State()
	if err := copyTensors(state, c.Tensors[:len(state)]); err != nil {
		return nil, err
	}
	return f, f.checkLinear()
}

// restore puts a training that was just set up into the state of a checkpoint.
func (r *run) restore(c *Checkpoint) error {
	if err := r.tr.source.UnmarshalBinary(c.Source); err != nil {
		return fmt.Errorf("state of the random source: %w", err)
	}
	r.report = c.Report
	r.report.History = slices.Clone(c.Report.History)
	r.bestNLL, r.since, r.sum, r.batches = c.BestNLL, c.Since, c.Sum, c.Batches
	r.tr.opt.beta1t, r.tr.opt.beta2t = c.Beta1t, c.Beta2t
	r.tr.next = c.Next
	copy(r.tr.order, c.Order)
	r.noise = make([]float32, r.f.cfg.Dim)
	for _, state := range []*[]float32{&r.start, &r.good, &r.best} {
		*state = make([]float32, len(r.f.params))
	}
	return copyTensors(r.tensors(), c.Tensors)
}

// check refuses an order and a position that no training can have left.
func (c *Checkpoint) check() error {
	seen := make([]bool, len(c.Order))
	for _, row := range c.Order {
		if row < 0 || row >= len(seen) || seen[row] {
			return errors.New("the order of the rows is no permutation")
		}
		seen[row] = true
	}
	if c.Next < 0 || c.Next > len(c.Order) || c.Report.Steps < 0 || len(c.Report.History) == 0 {
		return fmt.Errorf("step %d at row %d of %d cannot be", c.Report.Steps, c.Next, len(c.Order))
	}
	if got, want := len(c.Tensors), len(c.Layout()); got != want {
		return fmt.Errorf("%d tensors where %d are needed", got, want)
	}
	return nil
}

// copyTensors copies the numbers of tensors that must have the same sizes. They need not be finite: between a step that blew
// up and the one that notices, parameters are not.
func copyTensors(to, from []Tensor) error {
	for i, t := range to {
		if len(t.F32) != len(from[i].F32) || len(t.F64) != len(from[i].F64) {
			return fmt.Errorf("tensor %s has not the size or the type that this flow needs", from[i].Name)
		}
		copy(t.F32, from[i].F32)
		copy(t.F64, from[i].F64)
	}
	return nil
}

// differences says in what another training with these options and rows differs.
func (c *Checkpoint) differences(train Data, opt Options) []string {
	var found []string
	a, b := reflect.ValueOf(c.Options), reflect.ValueOf(opt)
	for i := range a.NumField() {
		if there, here := a.Field(i).Interface(), b.Field(i).Interface(); there != here {
			found = append(found, fmt.Sprintf("%s is %v there and %v here", words(a.Type().Field(i).Name), there, here))
		}
	}
	classes := 0
	if opt.Base == BaseClasses {
		classes = train.Classes
	}
	for _, n := range []struct {
		what        string
		there, here int
	}{
		{"dimensions", c.Config.Dim, train.Dim()},
		{"base components", c.Config.Classes, classes},
		{"training rows", len(c.Order), train.Len()},
	} {
		if n.there != n.here {
			found = append(found, fmt.Sprintf("%d %s there and %d here", n.there, n.what, n.here))
		}
	}
	return found
}

// words turns LearningRate into "learning rate".
func words(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
