package flow

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// kept is what a file would hold: a copy, the small fields by way of JSON.
func kept(t *testing.T, c *Checkpoint) *Checkpoint {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	out := new(Checkpoint)
	if err := json.Unmarshal(text, out); err != nil {
		t.Fatal(err)
	}
	out.Order = slices.Clone(c.Order)
	for _, x := range c.Tensors {
		x.F32, x.F64 = slices.Clone(x.F32), slices.Clone(x.F64)
		out.Tensors = append(out.Tensors, x)
	}
	return out
}

// TestResumeIsExact keeps the state at every third step of trainings that end in different ways, which is before, at and
// after checks and the ends of epochs, and goes on from each.
func TestResumeIsExact(t *testing.T) {
	for name, c := range map[string]struct {
		data, valid Data
		opt         Options
		ends        string
	}{
		"moderate":      {bananas(700, 1), bananas(200, 2), Options{Batch: 100, LearningRate: 3e-3, Margin: 0.03}, "Gaussian"},
		"best state":    {unlabelled(rings(40, 6, 1)), rings(100, 6, 2), Options{Batch: 16, LearningRate: 1e-2, Epochs: 300, Stop: StopValidation}, "best state kept"},
		"rollbacks":     {rings(500, 4, 1), rings(100, 4, 2), Options{Batch: 50, Stop: StopNever, Epochs: 4}, "all 4 epochs"},
		"no whitening":  {rings(110, 3, 1), rings(50, 3, 2), Options{Batch: 50, Whiten: WhitenNone, Base: BaseNormal, Epochs: 30}, "all 30 epochs"},
		"glow":          {rings(210, 3, 1), rings(50, 3, 2), Options{Arch: ArchGlow, Layers: 2, Batch: 50, Stop: StopNever, Epochs: 6}, "all 6 epochs"},
		"gorgonia":      {rings(110, 3, 1), rings(50, 3, 2), Options{Engine: EngineGorgonia, Layers: 2, Batch: 50, Stop: StopNever, Epochs: 6}, "all 6 epochs"},
		"whole batches": {rings(33, 3, 1), rings(20, 3, 2), Options{Batch: 100, Stop: StopNever, Epochs: 45}, "all 45 epochs"},
	} {
		t.Run(name, func(t *testing.T) {
			var states []*Checkpoint
			save := func(s *Checkpoint) {
				if name == "rollbacks" && s.Report.Steps == 16 { // as a step that blows up leaves them
					s.Tensors[0].F32[1] = float32(math.NaN())
				}
				if s.Report.Steps%3 == 1 {
					states = append(states, kept(t, s))
				}
			}
			always := func(bool) bool { return true }
			want, report, err := TrainKeeping(t.Context(), c.data, c.valid, c.opt, Keeping{Due: always, Save: save}, nil)
			if err != nil || !strings.Contains(report.Reason, c.ends) {
				t.Fatalf("%+v, %v", report, err)
			}
			if rolledBack := report.Rollbacks > 0; rolledBack != (name == "rollbacks") {
				t.Errorf("%d steps rolled back", report.Rollbacks)
			}
			for _, s := range states[:len(states):len(states)] {
				before := kept(t, s)
				got, again, err := TrainKeeping(t.Context(), c.data, c.valid, c.opt, Keeping{Resume: s, Due: always, Save: save}, nil)
				if err != nil {
					t.Fatalf("from step %d: %v", before.Report.Steps, err)
				}
				if !reflect.DeepEqual(again, report) || !reflect.DeepEqual(got.State(), want.State()) {
					t.Fatalf("from step %d: another flow or report\n%+v\n%+v", before.Report.Steps, again, report)
				}
				if !reflect.DeepEqual(s.Report, before.Report) || !slices.Equal(s.Order, before.Order) {
					t.Fatal("the checkpoint was changed")
				}
			}
		})
	}
}

// TestInterruptedAtEveryCheck cancels a training at its next check again and again.
func TestInterruptedAtEveryCheck(t *testing.T) {
	data, valid, opt := rings(300, 4, 1), rings(80, 4, 2), Options{Batch: 64, LearningRate: 1e-3, Stop: StopNever, Epochs: 20}
	want, report := train(t, data, valid, opt)
	var shown []Point
	var keep Keeping
	keep.Save = func(c *Checkpoint) { keep.Resume = kept(t, c) }
	interruptions := 0
	for {
		ctx, cancel := context.WithCancel(t.Context())
		checks := 0
		got, again, err := TrainKeeping(ctx, data, valid, opt, keep, func(p Point) {
			shown = append(shown, p)
			if checks++; checks == 1 && p.Step < report.Steps {
				cancel()
			}
		})
		cancel()
		if errors.Is(err, context.Canceled) {
			interruptions++
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(again, report) || !reflect.DeepEqual(got.State(), want.State()) {
			t.Error("another flow or report")
		}
		break
	}
	if interruptions != len(report.History)-1 || !slices.Equal(shown, report.History) {
		t.Errorf("%d interruptions; shown %v, want %v", interruptions, shown, report.History)
	}
}

func TestDueIsToldOfEpochs(t *testing.T) {
	var ends []int
	steps := 0
	_, _, err := TrainKeeping(t.Context(), rings(100, 3, 1), rings(20, 3, 2), Options{Batch: 30, Epochs: 4, Stop: StopNever}, Keeping{
		Due: func(epoch bool) bool {
			if steps++; epoch {
				ends = append(ends, steps)
			}
			return false
		},
		Save: func(*Checkpoint) { t.Error("kept without being due") },
	}, nil)
	if err != nil || steps != 12 || !slices.Equal(ends, []int{3, 6, 9, 12}) {
		t.Errorf("%d steps, epochs end at %v, error %v", steps, ends, err)
	}
}

func TestResumeRefuses(t *testing.T) {
	data, valid, opt := rings(100, 4, 1), rings(30, 4, 2), Options{Layers: 2, Hidden: 8, Batch: 20, Epochs: 5, Stop: StopNever}
	var state *Checkpoint
	_, _, err := TrainKeeping(t.Context(), data, valid, opt, Keeping{
		Due: func(epoch bool) bool { return epoch && state == nil }, Save: func(c *Checkpoint) { state = kept(t, c) }}, nil)
	if err != nil {
		t.Fatal(err)
	}
	three := rings(100, 4, 1)
	three.Classes = 3
	for name, c := range map[string]struct {
		data Data
		opt  func(*Options)
		want string
	}{
		"layers":   {data, func(o *Options) { o.Layers = 4 }, "layers is 2 there and 4 here"},
		"hidden":   {data, func(o *Options) { o.Hidden = 0 }, "hidden is 8 there and 4 here"},
		"rate":     {data, func(o *Options) { o.LearningRate = 0.5 }, "learning rate is 0.0001 there and 0.5 here"},
		"seed":     {data, func(o *Options) { o.Seed = 1 }, "seed is 0 there and 1 here"},
		"engine":   {data, func(o *Options) { o.Engine = EngineGorgonia }, "engine is fused there and gorgonia here"},
		"base":     {data, func(o *Options) { o.Base = BaseNormal }, "base is classes there and normal here"},
		"two":      {data, func(o *Options) { o.Batch, o.Epochs = 10, 6 }, "epochs is 5 there and 6 here; batch is 20 there and 10 here"},
		"dim":      {rings(100, 5, 1), func(*Options) {}, "4 dimensions there and 5 here"},
		"rows":     {rings(98, 4, 1), func(*Options) {}, "100 training rows there and 98 here"},
		"classes":  {three, func(*Options) {}, "2 base components there and 3 here"},
		"unlabels": {unlabelled(data), func(*Options) {}, "whiten is within there and total here"},
	} {
		o := opt
		c.opt(&o)
		_, _, err := TrainKeeping(t.Context(), c.data, valid, o, Keeping{Resume: state}, nil)
		var differ *ResumeError
		if !errors.As(err, &differ) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one about %q", name, err, c.want)
		}
	}
	for want, spoil := range map[string]func(*Checkpoint){
		"no permutation":        func(c *Checkpoint) { c.Order[3] = c.Order[4] },
		"cannot be":             func(c *Checkpoint) { c.Next = 101 },
		"random source":         func(c *Checkpoint) { c.Source = c.Source[1:] },
		"tensors where":         func(c *Checkpoint) { c.Tensors = c.Tensors[1:] },
		"tensor adam.v has not": func(c *Checkpoint) { v := &c.Tensors[len(c.Tensors)-1]; v.F32 = v.F32[1:] },
		"tensor flow.params":    func(c *Checkpoint) { c.Tensors[0].F32 = nil },
	} {
		bad := kept(t, state)
		spoil(bad)
		if _, _, err := TrainKeeping(t.Context(), data, valid, opt, Keeping{Resume: bad}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if math.IsInf(state.BestNLL, 0) || state.Report.Steps != 5 {
		t.Errorf("kept %+v", state.Report)
	}
}
