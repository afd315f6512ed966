package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/oodflow/oodflow/flow"
	"github.com/oodflow/oodflow/internal/blas"
)

const benchFlowLong = `Times a flow on this machine, on random features: a training step (forward,
backward, Adam), scoring one batch, and the matrix products of each alone, which
are the floor. Medians, so that a job can be sized and the speed of one machine
compared with another's.`

const benchFlowExample = `  oodflow bench flow --dim 512
  oodflow bench flow --dim 2048 --layers 4 --batch 256 --json
  oodflow bench flow --dim 512 --arch glow`

// benchFlowOptions are the flags of bench flow.
type benchFlowOptions struct {
	arch   choice
	dim    int
	layers int
	hidden int
	batch  int
	steps  int
	json   bool
}

func newBenchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "bench",
		Short:   "Measure speed on this machine",
		Long:    "Measures speed on this machine, so that a job can be sized.",
		Example: benchFlowExample + "\n" + benchModelExample,
		Args:    cobra.NoArgs,
	}
	cmd.AddCommand(newBenchFlowCommand(), newBenchModelCommand())
	return cmd
}

func newBenchFlowCommand() *cobra.Command {
	var opts benchFlowOptions
	cmd := &cobra.Command{
		Use:     "flow [flags]",
		Short:   "Time training steps and scoring of a flow",
		Long:    benchFlowLong,
		Example: benchFlowExample,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := opts.validate(); err != nil {
				return err
			}
			return runBenchFlow(opts, cmd.OutOrStdout())
		},
	}
	opts.AddFlags(cmd)
	return cmd
}

// AddFlags defines the flags.
func (o *benchFlowOptions) AddFlags(cmd *cobra.Command) {
	def := flow.DefaultOptions()
	f := cmd.Flags()
	f.IntVar(&o.dim, "dim", 512, "`D` features")
	o.arch = archChoice()
	addChoice(cmd, &o.arch, "arch", "`ARCHITECTURE` of the flow, realnvp or glow")
	f.IntVar(&o.layers, "layers", 0, layersUsage("K"))
	f.IntVar(&o.hidden, "hidden", 0, "`H` units in each hidden layer (0: as many as features)")
	f.IntVar(&o.batch, "batch", def.Batch, "`N` images for each step")
	f.IntVar(&o.steps, "steps", 20, "take the median of `N` steps")
	f.BoolVar(&o.json, "json", false, "write JSON")
	noFiles(cmd, "dim", "layers", "hidden", "batch", "steps")
}

func (o *benchFlowOptions) validate() error {
	for _, n := range []struct {
		flag         string
		value, least int
	}{{"dim", o.dim, 2}, {"layers", o.layers, 0}, {"hidden", o.hidden, 0}, {"batch", o.batch, 1}, {"steps", o.steps, 1}} {
		if n.value < n.least || n.value > mostUnits {
			return usagef("--%s %d: want %d to %d", n.flag, n.value, n.least, mostUnits)
		}
	}
	if o.layers == 0 {
		o.layers = flow.Arch(o.arch.value).Layers()
	}
	if o.hidden == 0 {
		o.hidden = o.dim
	}
	return nil
}

// flowTiming is the result of bench flow, in its JSON form.
type flowTiming struct {
	Arch               string  `json:"arch"`
	Dim                int     `json:"dim"`
	Layers             int     `json:"layers"`
	Hidden             int     `json:"hidden"`
	Batch              int     `json:"batch"`
	BLAS               string  `json:"blas"`
	TrainMS            float64 `json:"train_ms"`
	ScoreMS            float64 `json:"score_ms"`
	GemmTrainMS        float64 `json:"gemm_train_ms"`
	GemmScoreMS        float64 `json:"gemm_score_ms"`
	TrainSamplesPerSec float64 `json:"train_samples_per_s"`
	ScoreSamplesPerSec float64 `json:"score_samples_per_s"`
}

func runBenchFlow(o benchFlowOptions, w io.Writer) error {
	choice, err := blas.Use()
	if err != nil {
		return err
	}
	cfg := flow.Config{
		Arch: flow.Arch(o.arch.value), Dim: o.dim, Layers: o.layers, Hidden: o.hidden,
		Clamp: flow.DefaultOptions().Clamp, Whiten: flow.WhitenNone,
	}
	t, err := flow.Measure(cfg, o.batch, o.steps)
	if err != nil {
		return err
	}
	ms := func(d time.Duration) float64 { return d.Seconds() * 1e3 }
	r := flowTiming{
		Arch: o.arch.value, Dim: o.dim, Layers: o.layers, Hidden: o.hidden, Batch: o.batch, BLAS: choice.String(),
		TrainMS: ms(t.Train), ScoreMS: ms(t.Score), GemmTrainMS: ms(t.GemmTrain), GemmScoreMS: ms(t.GemmScore),
		TrainSamplesPerSec: float64(o.batch) / t.Train.Seconds(), ScoreSamplesPerSec: float64(o.batch) / t.Score.Seconds(),
	}
	if o.json {
		return writeJSON(w, r)
	}
	return r.writeText(w)
}

// writeText writes the aligned form for people.
func (r flowTiming) writeText(w io.Writer) error {
	fmt.Fprintf(w, "%s, %d features, %d layers, %d hidden units, batches of %d, BLAS %s\n\n", r.Arch, r.Dim, r.Layers, r.Hidden, r.Batch, r.BLAS)
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tms\tproducts alone\timages/s\t")
	fmt.Fprintf(t, "train\t%.2f\t%.2f\t%.0f\t\n", r.TrainMS, r.GemmTrainMS, r.TrainSamplesPerSec)
	fmt.Fprintf(t, "score\t%.2f\t%.2f\t%.0f\t\n", r.ScoreMS, r.GemmScoreMS, r.ScoreSamplesPerSec)
	return t.Flush()
}
