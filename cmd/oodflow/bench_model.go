package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/oodflow/oodflow/internal/classifier"
)

const benchModelLong = `Times the bare engine on a classifier: random images that already lie in its memory,
no decoding, no preprocessing, nothing written. That is how fast extract can be at
best; its own last line tells how fast it is. The median run counts.`

const benchModelExample = `  oodflow bench model --model resnet.onnx
  oodflow bench model --model resnet.onnx --batch 16 --threads 1 --json`

// benchModelOptions are the flags of bench model.
type benchModelOptions struct {
	model, library        string
	engine                choice
	batch, threads, steps int
	json                  bool
}

func newBenchModelCommand() *cobra.Command {
	var opts benchModelOptions
	cmd := &cobra.Command{
		Use:     "model --model MODEL.onnx [flags]",
		Short:   "Time the bare engine on a classifier",
		Long:    benchModelLong,
		Example: benchModelExample,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "model"); err != nil {
				return err
			}
			if err := opts.validate(); err != nil {
				return err
			}
			return runBenchModel(opts, cmd.OutOrStdout(), consoleOf(cmd))
		},
	}
	opts.AddFlags(cmd)
	return cmd
}

// AddFlags defines the flags.
func (o *benchModelOptions) AddFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.model, "model", "", "the classifier: an ONNX `FILE`")
	completeFiles(cmd, "model", "onnx")
	addEngineFlag(cmd, &o.engine, "")
	addLibraryFlag(cmd, &o.library)
	f.IntVar(&o.batch, "batch", 0, "`N` images run at once (0: as extract chooses)")
	f.IntVar(&o.threads, "threads", 0, "`N` threads that run the classifier (0: all cores)")
	f.IntVar(&o.steps, "steps", 20, "take the median of `N` runs")
	f.BoolVar(&o.json, "json", false, "write JSON")
	noFiles(cmd, "batch", "threads", "steps")
}

// validate checks what can be checked without opening a file.
func (o *benchModelOptions) validate() error {
	for _, n := range []struct {
		flag               string
		value, least, most int
	}{{"batch", o.batch, 0, mostUnits}, {"threads", o.threads, 0, mostUnits}, {"steps", o.steps, 1, 1 << 20}} {
		if n.value < n.least || n.value > n.most {
			return usagef("--%s %d: want %d to %d", n.flag, n.value, n.least, n.most)
		}
	}
	return checkEngineFlags(o.engine, o.library)
}

// modelTiming is the result of bench model, in its JSON form.
type modelTiming struct {
	Model        string  `json:"model"`
	Engine       string  `json:"engine"`
	Batch        int     `json:"batch"`
	Height       int     `json:"height"`
	Width        int     `json:"width"`
	Threads      int     `json:"threads"`
	Steps        int     `json:"steps"`
	RunMS        float64 `json:"run_ms"` // median
	ImagesPerSec float64 `json:"images_per_s"`
	CPUMS        float64 `json:"cpu_ms_per_image"` // user and system, on all cores, mean
}

func runBenchModel(o benchModelOptions, w io.Writer, c *console) error {
	if _, err := os.Stat(o.model); err != nil {
		return fmt.Errorf("open classifier %s: %w", o.model, reason(err))
	}
	cls, err := classifier.Open(o.model, classifier.Options{Engine: o.engine.value, Library: o.library, Threads: o.threads, Batch: o.batch})
	if err != nil {
		return classifierHint(err, imageOptions{model: o.model})
	}
	defer cls.Close()
	info := cls.Info()
	for _, warning := range info.Warnings {
		c.warn("%s", warning)
	}
	m, err := cls.Measure(info.Batch, o.steps, cpuTime)
	if err != nil {
		return err
	}
	r := modelTiming{
		Model: o.model, Engine: engineName(info), Batch: m.Batch, Height: m.Height, Width: m.Width, Threads: info.Threads, Steps: o.steps,
		RunMS: m.Median().Seconds() * 1e3, ImagesPerSec: float64(m.Lanes*m.Batch) / m.Median().Seconds(),
		CPUMS: m.CPU.Seconds() * 1e3 / float64(m.Lanes*m.Batch*o.steps),
	}
	if o.json {
		return writeJSON(w, r)
	}
	_, err = fmt.Fprintf(w, "%s: %.1f images/s, %.2f ms for %s of %d of %d×%d, %s on %s\n",
		r.Model, r.ImagesPerSec, r.RunMS, count(m.Lanes, "batch", "batches"), r.Batch, r.Height, r.Width, r.Engine, count(r.Threads, "thread", "threads"))
	return err
}
