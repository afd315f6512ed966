package main

import (
	"fmt"
	"math"
	"os"
	"strings"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/flow"
	"github.com/oodflow/oodflow/internal/detect"
)

// baselines are the detectors that the default is held against.
var baselines = []string{"mahalanobis++", "mahalanobis", "knn", "energy", "msp"}

// theDefault prints the default's figures beside those of the baselines, for each classifier and in the mean.
func theDefault(subjects []*subject, seeds int) error {
	heading("The default, and the baselines")
	columns := []string{"detector"}
	for _, set := range oodSets {
		for _, s := range subjects {
			columns = append(columns, strings.TrimPrefix(s.name, "cifar10_")+" "+set)
		}
		columns = append(columns, "mean "+set)
	}
	row(columns...)
	rule(len(columns))
	flowRow, err := measure(subjects, seeds, func(s *subject, seed int) ([]float64, error) {
		return s.flow(s.train, detect.FlowOptions{}, seed)
	})
	if err != nil {
		return err
	}
	row(append([]string{"flow"}, flowRow.cells()...)...)
	for _, name := range baselines {
		r, err := measure(subjects, 1, func(s *subject, _ int) ([]float64, error) {
			d, err := detect.Fit(name, s.train)
			if err != nil {
				return nil, err
			}
			return s.aurocs(d)
		})
		if err != nil {
			return err
		}
		row(append([]string{name}, r.cells()...)...)
	}
	return nil
}

// margins prints the default with other margins, so at other points of its path, and far beyond them.
func margins(subjects []*subject, seeds int) error {
	heading("The default's path")
	row("stops at", "svhn", "dtd")
	rule(3)
	var settings []setting
	for _, margin := range []float64{0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1} {
		settings = append(settings, setting{fmt.Sprintf("%g nats per dimension", margin), detect.FlowOptions{Options: flow.Options{Margin: margin}}})
	}
	for _, noise := range []float64{-1, 0.1, 0.2} {
		name := fmt.Sprintf("0.02, with noise of %g", noise)
		if noise < 0 {
			name = "0.02, without noise"
		}
		settings = append(settings, setting{name, detect.FlowOptions{Options: flow.Options{Noise: noise}}})
	}
	for _, epochs := range []int{1, 5, 20} {
		settings = append(settings, setting{fmt.Sprintf("%d epochs, the end kept", epochs), never(epochs)})
	}
	for _, s := range settings {
		r, err := s.measure(subjects, seeds)
		if err != nil {
			return err
		}
		row(append([]string{s.name}, r.means()...)...)
	}
	return nil
}

// unlabelled prints what the default comes to without labels, and without labels and logits.
func unlabelled(subjects []*subject, seeds int) error {
	heading("Without labels")
	row("training features with", "svhn", "dtd")
	rule(3)
	for _, c := range []struct {
		name  string
		strip func(features.Set) features.Set
	}{
		{"logits, no labels", func(s features.Set) features.Set { s.Labels = nil; return s }},
		{"neither", func(s features.Set) features.Set { s.Labels, s.Logits, s.C, s.Head = nil, nil, 0, nil; return s }},
	} {
		r, err := measure(subjects, seeds, func(s *subject, seed int) ([]float64, error) {
			set := c.strip(*s.train)
			return s.flow(&set, detect.FlowOptions{}, seed)
		})
		if err != nil {
			return err
		}
		row(append([]string{c.name}, r.means()...)...)
	}
	return nil
}

// grid prints all settings against each other.
func grid(subjects []*subject, seeds int) error {
	stops := []setting{{"moderate", detect.FlowOptions{}}, {"1 epoch", never(1)}, {"5 epochs", never(5)}}
	heading("Features × architecture × whitening × base × epochs")
	columns := []string{"features", "arch", "whiten", "base"}
	for _, set := range oodSets {
		for _, stop := range stops {
			columns = append(columns, set+" "+stop.name)
		}
	}
	row(columns...)
	rule(len(columns))
	for _, g := range settingsOfGrid() {
		cells := make([]string, len(oodSets)*len(stops))
		for k, stop := range stops {
			opt := g
			opt.Stop, opt.Epochs = stop.Stop, stop.Epochs
			r, err := (setting{"", opt}).measure(subjects, seeds)
			if err != nil {
				return err
			}
			for i, cell := range r.means() {
				cells[i*len(stops)+k] = cell
			}
		}
		form := "normalised"
		if g.Raw {
			form = "raw"
		}
		row(append([]string{form, string(g.Arch), string(g.Whiten), string(g.Base)}, cells...)...)
	}
	return nil
}

func settingsOfGrid() []detect.FlowOptions {
	var all []detect.FlowOptions
	for _, raw := range []bool{false, true} {
		for _, whiten := range []flow.Whitening{flow.WhitenNone, flow.WhitenTotal, flow.WhitenWithin} {
			for _, base := range []flow.Base{flow.BaseNormal, flow.BaseClasses} {
				all = append(all, detect.FlowOptions{Raw: raw, Options: flow.Options{Arch: flow.ArchRealNVP, Whiten: whiten, Base: base}})
			}
		}
		all = append(all, detect.FlowOptions{Raw: raw, Options: flow.Options{Arch: flow.ArchGlow, Whiten: flow.WhitenWithin, Base: flow.BaseClasses}})
	}
	return all
}

// never trains for so many epochs and keeps the end.
func never(epochs int) detect.FlowOptions {
	return detect.FlowOptions{Options: flow.Options{Stop: flow.StopNever, Epochs: epochs}}
}

// setting is one way to train.
type setting struct {
	name string
	detect.FlowOptions
}

func (o setting) measure(subjects []*subject, seeds int) (*result, error) {
	return measure(subjects, seeds, func(s *subject, seed int) ([]float64, error) { return s.flow(s.train, o.FlowOptions, seed) })
}

// result holds AUROCs by OOD set, classifier and seed.
type result [][][]float64

// measure runs one setting on all classifiers and seeds.
func measure(subjects []*subject, seeds int, run func(s *subject, seed int) ([]float64, error)) (*result, error) {
	r := make(result, len(oodSets))
	for k := range r {
		r[k] = make([][]float64, len(subjects))
	}
	for i, s := range subjects {
		for seed := 1; seed <= seeds; seed++ {
			got, err := run(s, seed)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			for k, v := range got {
				r[k][i] = append(r[k][i], v)
			}
			fmt.Fprint(os.Stderr, ".")
		}
	}
	return &r, nil
}

// cells shows each classifier and the mean over them, by OOD set.
func (r *result) cells() []string {
	var out []string
	means := r.means()
	for k, set := range *r {
		for _, seeds := range set {
			out = append(out, show(seeds))
		}
		out = append(out, means[k])
	}
	return out
}

// means shows the mean over the classifiers, by OOD set.
func (r *result) means() []string {
	var out []string
	for _, set := range *r {
		mean := make([]float64, len(set[0]))
		for _, seeds := range set {
			for i, v := range seeds {
				mean[i] += v / float64(len(set))
			}
		}
		out = append(out, show(mean))
	}
	return out
}

// show writes mean and standard deviation over seeds.
func show(x []float64) string {
	var mean, square float64
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		square += (v - mean) * (v - mean)
	}
	if len(x) == 1 {
		return fmt.Sprintf("%.2f", mean)
	}
	return fmt.Sprintf("%.2f ± %.2f", mean, math.Sqrt(square/float64(len(x)-1)))
}

func heading(text string) { fmt.Printf("\n### %s\n\n", text) }

func row(cells ...string) { fmt.Println("| " + strings.Join(cells, " | ") + " |") }

func rule(columns int) { fmt.Println("|" + strings.Repeat("---|", columns)) }
