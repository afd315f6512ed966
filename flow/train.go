package flow

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/oodflow/oodflow/internal/blas"
)

// Point is one check of a flow in training. Likelihoods are means over rows, in nats.
type Point struct {
	Step     int     `json:"step"`
	Epoch    float64 `json:"epoch"` // passes over the training rows
	TrainNLL float64 `json:"train_nll"`
	ValidNLL float64 `json:"valid_nll"`
}

// Report says how training went.
type Report struct {
	Engine       Engine  `json:"engine"`
	Steps        int     `json:"steps"`
	Epochs       float64 `json:"epochs"`
	Reason       string  `json:"reason"`        // why it stopped, in words
	ReferenceNLL float64 `json:"reference_nll"` // validation NLL of the Gaussian reference
	ValidNLL     float64 `json:"valid_nll"`     // validation NLL of the flow that was kept
	Ridge        float64 `json:"ridge"`         // share of the mean variance added before whitening
	Rollbacks    int     `json:"rollbacks"`     // times that steps were undone because they blew up
	Diverged     bool    `json:"diverged"`      // whether training gave up after so many; the best state was kept
	LearningRate float64 `json:"learning_rate"` // the last one: each rollback divides it by 10
	History      []Point `json:"history"`
}

const (
	// checkEvery is the number of steps between two looks at the validation rows: moderate training is a few dozen
	// steps, and a check of 2,000 rows costs about as much as two.
	checkEvery = 10
	// checkRows bounds the validation rows of a check; the standard error of the mean NLL is then a few hundredths
	// of a nat per row even for hundreds of dimensions, and the rows are the same each time.
	checkRows = 2000
	// patience is the number of checks without a better validation likelihood after which StopValidation stops.
	patience = 20
	// maxRollbacks is the number of rollbacks after which training gives up: it blew up at a millionth of the learning
	// rate.
	maxRollbacks = 6
	// blowUp is how much worse than at the start, in nats per dimension, a finite likelihood has to be, both of validation
	// and of training rows, to be undone too: far more than a healthy training loses on its way. Overfitting is none, as
	// it leaves the training rows likely.
	blowUp = 1.0
)

// Train fits a flow to the rows of train by maximum likelihood (Adam), and stops moderately by looking at valid.
//
// Why moderately: a flow that goes on learning spends its capacity on what all images have in common, and its
// detection gets worse long before its validation likelihood does (arXiv:2402.06537). No OOD image may decide when
// to stop, so the yardstick is a Gaussian model of the same features, whose detection is known to be strong: the one
// with the class means and their shared covariance (Mahalanobis++), or with one mean when there are no labels. The
// default flow starts exactly at that model, and StopModerate ends training when the flow explains validation rows
// better than it by Margin nats per dimension, and keeps the parameters halfway between the first and the last.
//
// Every batch is blurred by a little noise (Options.Noise). A classifier that has memorised its training images packs them
// closer together than it will new ones, and where features hardly vary a flow would learn that as a law; the noise
// bounds how narrow its density can become. Validation rows are looked at without noise.
//
// progress, if not nil, is called at every check. The result depends on nothing but the arguments (on one machine: another
// BLAS or another number of cores may round differently).
//
// Steps whose loss, gradient or outcome is not finite, or that leave the flow worse than at the start by a nat per
// dimension, are undone and the learning rate is divided by 10. When that has been done too often training ends; see
// Report.Diverged. Except with StopNever the flow that is kept is the best one seen, never worse on valid than the
// starting point.
//
// Errors: too few rows, values that are not finite or above 1e37, features that do not vary or by less than 1e-30,
// options out of range, and the context's. A row that is at fault is named by a *RowError.
func Train(ctx context.Context, train, valid Data, opt Options, progress func(Point)) (*Flow, *Report, error) {
	return TrainKeeping(ctx, train, valid, opt, Keeping{}, progress)
}

// TrainKeeping is Train with its state kept and, with keep.Resume, from where another one was interrupted: the result is the
// same to the last bit as that of one undisturbed training, on one machine. progress is not called again for checks that are
// already in the report. Further errors: a *ResumeError when the checkpoint is one of other options or of other data,
// as far as the numbers of rows, dimensions and classes tell; whether the rows are the same is for the caller to make sure.
func TrainKeeping(ctx context.Context, train, valid Data, opt Options, keep Keeping, progress func(Point)) (*Flow, *Report, error) {
	blas.Split() // installs the BLAS before gonum's first product: a process's first training rounds like its later ones
	opt, err := opt.resolve(train)
	if err != nil {
		return nil, nil, err
	}
	if err := errors.Join(train.check("training", 2), valid.check("validation", 1)); err != nil {
		return nil, nil, err
	}
	watched, err := valid.head(checkRows)
	if err == nil {
		err = checkFinite("validation", 0, watched, valid.Dim())
	}
	if err != nil {
		return nil, nil, err
	}
	r, err := begin(train, watched, opt, keep)
	if err != nil {
		return nil, nil, err
	}
	r.progress = progress
	if err := r.train(ctx); err != nil {
		return nil, nil, err
	}
	return r.f, &r.report, nil
}

// begin sets a training up, at its start or where a checkpoint left it.
func begin(train Data, valid []float32, opt Options, keep Keeping) (*run, error) {
	r := &run{opt: opt, valid: valid, keep: keep, bestNLL: math.Inf(1)}
	var err error
	if c := keep.Resume; c != nil {
		if r.f, err = c.flow(train, opt); err != nil {
			return nil, fmt.Errorf("resume: %w", err)
		}
		r.tr = newTrainer(r.f, train, opt)
		if err = r.restore(c); err != nil {
			return nil, fmt.Errorf("resume: %w", err)
		}
		r.perturb()
		return r, nil
	}
	var ref *reference
	if r.f, ref, err = start(train, valid, opt); err != nil {
		return nil, err
	}
	r.tr = newTrainer(r.f, train, opt)
	r.noise = ref.spread
	for j := range r.noise {
		r.noise[j] *= float32(max(opt.Noise, 0))
	}
	r.perturb()
	r.report = Report{Engine: opt.Engine, ReferenceNLL: ref.nll, Ridge: ref.ridge, LearningRate: opt.LearningRate}
	return r, nil
}

// perturb lets the trainer add noise, where some is asked for.
func (r *run) perturb() {
	if r.opt.Noise > 0 {
		r.tr.noise = r.noise
	}
}

// start builds the flow at its starting point and the reference it is measured against.
func start(train Data, valid []float32, opt Options) (*Flow, *reference, error) {
	within := opt.Whiten == WhitenWithin || (opt.Whiten == WhitenNone && train.Labels != nil)
	ref, err := fitReference(train, valid, within, opt.Base == BaseClasses)
	if within && errors.Is(err, errNoVariance) {
		if opt.Whiten == WhitenWithin {
			return nil, nil, errNoVarianceWithin
		}
		ref, err = fitReference(train, valid, false, opt.Base == BaseClasses)
	}
	if err != nil {
		return nil, nil, err
	}
	cfg := Config{Arch: opt.Arch, Dim: train.Dim(), Layers: opt.Layers, Hidden: opt.Hidden, Clamp: opt.Clamp, Whiten: opt.Whiten}
	if opt.Base == BaseClasses {
		cfg.Classes = train.Classes
	}
	f, err := newFlow(cfg, rand.New(rand.NewPCG(opt.Seed, initStream)))
	if err != nil {
		return nil, nil, err
	}
	if opt.Whiten == WhitenNone {
		err = f.blocks[0].standardize(train, ref.ridge)
	} else {
		f.whiten = ref.whiten
	}
	f.setBase(ref) // the couplings are still the identity
	return f, ref, err
}

// run is one call of Train.
type run struct {
	opt      Options
	f        *Flow
	tr       *trainer
	valid    []float32 // the validation rows that are looked at
	keep     Keeping
	progress func(Point)
	report   Report
	noise    []float32 // d, standard deviation of each feature's noise
	start    []float32 // parameters before the first step
	good     []float32 // parameters at the last check
	best     []float32 // parameters at the best check
	bestNLL  float64
	since    int     // checks since the best one
	sum      float64 // of the batches' NLL since the last check
	batches  int
}

func (r *run) train(ctx context.Context) error {
	perEpoch := len(r.tr.order) / r.tr.perBatch
	last := r.opt.Epochs * perEpoch
	if r.keep.Resume == nil {
		if err := r.check(0, 0); err != nil {
			return err
		}
	}
	for step := r.report.Steps + 1; step <= last && r.report.Reason == ""; step++ {
		if err := ctx.Err(); err != nil {
			r.save()
			return err
		}
		nll, norm, err := r.tr.step(r.report.LearningRate, r.opt.ClipNorm)
		if err != nil {
			return err
		}
		r.sum += nll
		r.batches++
		if !finite(nll) || !finite(norm) {
			r.rollback()
		}
		r.report.Steps, r.report.Epochs = step, float64(step)/float64(perEpoch)
		if step%checkEvery == 0 || step == last {
			if err := r.check(step, r.report.Epochs); err != nil {
				return err
			}
		}
		r.saveIfDue(step%perEpoch == 0)
	}
	if r.report.Reason == "" {
		r.report.Reason = fmt.Sprintf("all %d epochs done", r.opt.Epochs)
		if r.opt.Stop != StopNever && r.bestNLL < r.report.ValidNLL {
			r.report.Reason += ", best state kept"
			r.keepBest()
		}
	}
	return nil
}

// check looks at the validation rows and applies the stopping rule.
func (r *run) check(step int, epoch float64) error {
	nll, err := r.f.meanNLL(r.valid)
	if err != nil && step == 0 {
		return fmt.Errorf("score the flow before its first step: %w", err)
	}
	p := Point{Step: step, Epoch: epoch, TrainNLL: nll, ValidNLL: nll}
	if r.batches > 0 {
		p.TrainNLL = r.sum / float64(r.batches)
	}
	if err != nil || r.blownUp(p) {
		r.rollback()
		return nil
	}
	r.good = append(r.good[:0], r.f.params...)
	if step == 0 {
		r.start = slices.Clone(r.f.params)
	}
	r.sum, r.batches = 0, 0
	r.report.History = append(r.report.History, p)
	r.report.ValidNLL = nll
	if r.progress != nil {
		r.progress(p)
	}
	if nll < r.bestNLL {
		r.bestNLL, r.since = nll, 0
		r.best = append(r.best[:0], r.f.params...)
	} else {
		r.since++
	}
	r.decide(nll)
	return nil
}

// decide ends training, by giving a reason, when the rule says so.
func (r *run) decide(nll float64) {
	gain := (r.report.ReferenceNLL - nll) / float64(r.f.cfg.Dim)
	switch {
	case r.opt.Stop == StopModerate && gain >= r.opt.Margin:
		r.report.Reason = fmt.Sprintf("%.3f nats per dimension better than the Gaussian reference", gain)
		r.goHalfway()
	case r.opt.Stop != StopNever && r.since >= patience:
		r.report.Reason = fmt.Sprintf("no better validation likelihood in %d checks, best state kept", patience)
		r.keepBest()
	}
}

// goHalfway keeps the mean of the first and the last parameters where it, too, explains the validation rows better than the
// Gaussian reference. Detection gains from the way as from its end, and loses less of what the start is strong at.
func (r *run) goHalfway() {
	end := slices.Clone(r.f.params)
	for i, v := range r.start {
		r.f.params[i] = (v + r.f.params[i]) / 2
	}
	nll, err := r.f.meanNLL(r.valid)
	if err != nil || nll >= r.report.ReferenceNLL {
		copy(r.f.params, end)
		return
	}
	r.report.ValidNLL = nll
	r.report.Reason += ", kept halfway from the start"
}

// keepBest makes the best state seen the one that is kept.
func (r *run) keepBest() {
	copy(r.f.params, r.best)
	r.report.ValidNLL = r.bestNLL
}

// blownUp tells whether a check found the flow far worse than it began.
func (r *run) blownUp(p Point) bool {
	if len(r.report.History) == 0 {
		return false
	}
	worst := r.report.History[0].ValidNLL + blowUp*float64(r.f.cfg.Dim)
	return p.ValidNLL > worst && p.TrainNLL > worst
}

// rollback undoes the steps since the last check and divides the learning rate by 10, or ends training after too many.
func (r *run) rollback() {
	if r.report.Rollbacks == maxRollbacks {
		r.report.Diverged = true
		r.report.Reason = fmt.Sprintf("training blew up for the %dth time, now at learning rate %g; best state kept",
			maxRollbacks+1, r.report.LearningRate)
		r.keepBest()
		return
	}
	r.report.Rollbacks++
	copy(r.f.params, r.good)
	r.tr.opt.reset()
	r.report.LearningRate /= 10
	r.sum, r.batches = 0, 0
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
