// Command ablation trains the flow in many settings on real features and prints markdown tables of how well each
// detects: what docs/recipe.md shows. `make ablation` runs it.
//
//	ablation [-seeds N] FOLDER
//
// FOLDER holds the features that testdata/real.sh extracts. No setting is chosen by this program: it only measures.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/oodflow/oodflow/eval"
	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/blas"
	"github.com/oodflow/oodflow/internal/detect"
)

// The classifiers and the sets that are OOD to them.
var (
	classifiers = []string{"cifar10_wrn16_2", "cifar10_resnet20", "cifar10_resnet56"}
	oodSets     = []string{"svhn", "dtd"}
)

// subject is one classifier with its features.
type subject struct {
	name        string
	train, test *features.Set
	ood         []*features.Set // as oodSets
}

func main() {
	seeds := flag.Int("seeds", 3, "trainings of each setting")
	flag.Parse()
	if err := run(flag.Arg(0), *seeds); err != nil {
		fmt.Fprintln(os.Stderr, "ablation:", err)
		os.Exit(1)
	}
}

func run(folder string, seeds int) error {
	if _, err := blas.Use(); err != nil {
		return err
	}
	var subjects []*subject
	for _, name := range classifiers {
		s, err := open(folder, name)
		if err != nil {
			return err
		}
		subjects = append(subjects, s)
	}
	for _, table := range []func([]*subject, int) error{theDefault, margins, unlabelled, grid} {
		if err := table(subjects, seeds); err != nil {
			return err
		}
	}
	return nil
}

func open(folder, name string) (*subject, error) {
	s := &subject{name: name}
	read := func(part string) (*features.Set, error) {
		return features.Open(filepath.Join(folder, name+"."+part+".safetensors"))
	}
	var err error
	if s.train, err = read("train"); err != nil {
		return nil, err
	}
	if s.test, err = read("test"); err != nil {
		return nil, err
	}
	for _, part := range oodSets {
		set, err := read(part)
		if err != nil {
			return nil, err
		}
		s.ood = append(s.ood, set)
	}
	return s, nil
}

// aurocs measures a detector on each OOD set, in percent.
func (s *subject) aurocs(d detect.Detector) ([]float64, error) {
	id, err := d.Score(nil, s.test)
	if err != nil {
		return nil, err
	}
	var out []float64
	for _, set := range s.ood {
		ood, err := d.Score(nil, set)
		if err != nil {
			return nil, err
		}
		auroc, err := eval.AUROC(id, ood)
		if err != nil {
			return nil, err
		}
		out = append(out, 100*auroc)
	}
	return out, nil
}

// flow trains a flow on set and measures it.
func (s *subject) flow(set *features.Set, opt detect.FlowOptions, seed int) ([]float64, error) {
	opt.TrainOptions.Seed = uint64(seed)
	file, _, err := detect.TrainFlow(context.Background(), features.NewReader(set), opt, nil)
	if err != nil {
		return nil, err
	}
	return s.aurocs(file.Detector)
}
