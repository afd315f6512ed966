package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oodflow/oodflow/eval"
	"github.com/oodflow/oodflow/internal/detect"
	"github.com/oodflow/oodflow/internal/report"
)

const evalLong = `Measures how well a detector tells out-of-distribution (OOD) images from
in-distribution (ID) test images, and how baselines do on the same features.

--id are features of test images from the classifier's world, --ood features of
images from elsewhere, one flag for each set. All must come from the classifier
that the detector was trained for.

--baselines adds other detectors to the table: all of them, default (msp, maxlogit,
energy, knn, mahalanobis, mahalanobis++, rmd++ and vim), or those named:
  msp, maxlogit, energy, gen   read the logits
  gradnorm, ash, scale         read logits or the classifier's last layer, and
                               features
  klm, react, dice, knn, mahalanobis, mahalanobis++, rmd, rmd++, residual, vim,
  fdbd, nnguide, she           are fitted to training features
  fusion                       adds energy to the flow under test, or to one that
                               is trained for it
Training features are those of --train-features, or those that the detector was
trained on, if they still lie where they did, unchanged. A detector that lacks
something is listed as skipped.

` + featuresHelp + `

` + scoresHelp + `

` + conventionHelp + `

` + gateHelp + `

` + reportHelp + `

` + pageHelp + `

` + benchmarkHelp

// conventionHelp explains --convention, for the help of eval.
const conventionHelp = `--convention makes AUROC, AUPR and FPR@95 those that another tool computes from
the same scores, to put beside its tables:
  openood      OpenOOD v1.5: FPR@95 is the share of ID images rejected when 95 %
               of OOD images are
  pytorch-ood  the same, after the sigmoid that squashes scores outside [0,1] and
               may make them equal
  vim          ViM: FPR@95 at a threshold that accepts 95 % of ID images, rounded
               down`

const evalExample = `  oodflow eval --detector detector.safetensors --id val.safetensors \
      --ood textures=textures.safetensors --baselines all
  oodflow eval --detector detector.safetensors --id CIFAR-10=test.safetensors \
      --ood svhn=svhn.safetensors --ood dtd=dtd.safetensors \
      --baselines msp,mahalanobis++ --train-features train.safetensors \
      --format json --out report.json
  oodflow eval --detector detector.safetensors --id val.safetensors \
      --ood textures=textures.safetensors --baselines all \
      --format html --out report.html
  oodflow eval --detector detector.safetensors --id val.safetensors \
      --ood textures=textures.safetensors --format svg --plot roc --out roc.svg
  oodflow eval --detector detector.safetensors --id test.safetensors \
      --ood svhn=svhn.safetensors --min-auroc svhn=0.95 \
      --min-gain-over energy:0.01 --report junit=gates.xml --report github=-
  oodflow eval --id test-scores.csv --ood svhn=svhn-scores.csv
  oodflow eval --id id.csv --ood svhn=svhn.csv --score-column msp,-knn_distance
  oodflow eval --benchmark openood/cifar10 --benchmark-data openood/data \
      --model wrn.onnx --preprocess cifar10 --baselines default`

type evalOptions struct {
	pageOptions
	dumpOptions
	detector      string
	idFlag        string
	oodFlags      []string
	baselinesFlag string
	trainFeatures string
	convention    choice
	columns       scoreColumns
	reportOptions
	gateOptions
	benchmarkOptions

	// filled by validate
	id        named
	ood       []named
	baselines []string

	fromScores bool // whether --id and --ood are files of scores
}

func newEvalCommand() *cobra.Command {
	var opts evalOptions
	cmd := &cobra.Command{
		Use:     "eval (--detector DETECTOR --id [NAME=]FEATURES --ood NAME=FEATURES | --benchmark FILE) [flags]",
		Short:   "Measure a detector and baselines on test and strange images",
		Long:    evalLong,
		Example: evalExample,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := opts.checkUse(cmd); err != nil {
				return err
			}
			if opts.benchmark != "" {
				opts.again = strings.TrimSuffix(resumingCommand(cmd), " --resume")
				return runBenchmark(cmd.Context(), opts, consoleOf(cmd))
			}
			if err := opts.validate(); err != nil {
				return err
			}
			return runEval(cmd.Context(), opts, consoleOf(cmd))
		},
	}
	opts.AddFlags(cmd)
	return cmd
}

// AddFlags defines the flags.
func (o *evalOptions) AddFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.detector, "detector", "", "the detector: a `FILE` written by train")
	completeFiles(cmd, "detector", "safetensors")
	f.StringVar(&o.idFlag, "id", "", "features of ID test images: `[NAME=]FEATURES`")
	f.StringArrayVar(&o.oodFlags, "ood", nil, "features of OOD images: `NAME=FEATURES`; repeat for more sets")
	f.StringVar(&o.baselinesFlag, "baselines", "", "compare with these: `default|all|none|NAME,...` (none, with --train-features default)")
	complete(cmd, "baselines", completeList(append([]string{baselinesDefault, "all", "none"}, detect.Names()...)))
	f.StringVar(&o.trainFeatures, "train-features", "", "`FEATURES` to fit baselines to")
	completeFiles(cmd, "train-features", featureFiles...)
	for _, flag := range []string{"id", "ood"} {
		completeFiles(cmd, flag, append(scoreFiles, featureFiles...)...)
	}
	o.columns.AddFlags(cmd)
	o.convention = choice{valid: eval.Conventions()}
	addChoice(cmd, &o.convention, "convention", "compute the metrics as another tool does: `"+strings.Join(eval.Conventions(), "|")+"`")
	o.dumpOptions.AddFlags(cmd)
	o.reportOptions.AddFlags(cmd)
	o.pageOptions.AddFlags(cmd)
	o.gateOptions.AddFlags(cmd)
	o.benchmarkOptions.AddFlags(cmd)
}

// validate checks and parses what can be without opening a file.
func (o *evalOptions) validate() error {
	if err := o.parseSets(); err != nil {
		return err
	}
	if err := o.parseScores(); err != nil {
		return err
	}
	if err := o.parseBaselines(); err != nil {
		return err
	}
	if err := o.parseGates(); err != nil {
		return err
	}
	inputs := []string{o.detector, o.id.path, o.trainFeatures, o.compare}
	for _, set := range o.ood {
		inputs = append(inputs, set.path)
	}
	return o.parseOutputs(inputs...)
}

// parseOutputs reads how the report is written, and checks what has to do with it.
func (o *evalOptions) parseOutputs(inputs ...string) error {
	if o.convention.value != "" && (o.confidence != "" || o.compare != "") {
		return usagef("--convention is of no use with --confidence or --compare: they are about oodflow's own figures")
	}
	if err := o.reportOptions.parse(inputs...); err != nil {
		return err
	}
	if o.fromScores && o.detector == "" && slices.ContainsFunc(o.outputs, func(out output) bool { return slices.Contains(report.Formats(), out.format) }) {
		return usagef("--detector is required for a page or a plot, which show its threshold")
	}
	return o.pageOptions.validate(o.outputs)
}

func (o *evalOptions) parseSets() error {
	o.id = parseNamed(o.idFlag)
	if o.id.path == "" {
		return usagef("--id %s: no file after the =", o.idFlag)
	}
	seen := map[string]string{}
	for _, s := range o.oodFlags {
		set := parseNamed(s)
		if set.path == "" {
			return usagef("--ood %s: no file after the =", s)
		}
		if first, ok := seen[set.name]; ok {
			return withHint(usagef("--ood %s and --ood %s are both called %s", first, s, set.name),
				"give one another name: --ood NAME=%s", set.path)
		}
		seen[set.name] = s
		o.ood = append(o.ood, set)
	}
	return nil
}

// parseGates reads the gates. The baselines they name are computed, too.
func (o *evalOptions) parseGates() error {
	if err := o.gateOptions.parse(o.setNames(), o.rivals()); err != nil {
		return err
	}
	for _, name := range o.leftBehind() {
		if !o.fromScores && !slices.Contains(o.baselines, name) {
			o.baselines = append(o.baselines, name)
		}
	}
	return nil
}

// setNames are the names of the OOD sets.
func (o *evalOptions) setNames() []string {
	var names []string
	for _, set := range o.ood {
		names = append(names, set.name)
	}
	return names
}

// parseList reads a comma-separated list of words out of valid, without repeats.
func parseList(flag, s string, valid []string) ([]string, error) {
	var words []string
	seen := map[string]bool{}
	for _, w := range strings.Split(s, ",") {
		w = strings.TrimSpace(w)
		known := choice{valid: valid}
		if err := known.Set(w); err != nil {
			e := usagef("--%s %s: %q: %v", flag, s, w, err)
			if hint := hintOf(err); hint != "" {
				e = withHint(e, "%s", hint)
			}
			return nil, e
		}
		if !seen[w] {
			words = append(words, w)
		}
		seen[w] = true
	}
	return words, nil
}

func runEval(ctx context.Context, opts evalOptions, c *console) error {
	if err := useBLAS(c); err != nil {
		return err
	}
	if err := opts.openPrevious(opts.id.name, opts.setNames()); err != nil {
		return err
	}
	e := evaluation{ctx: ctx, opts: opts, console: c}
	defer e.close()
	if opts.detector != "" {
		var err error
		if e.file, err = detect.Load(opts.detector); err != nil {
			return err
		}
	}
	if err := e.gatherScores(); err != nil {
		return err
	}
	if err := e.measure(); err != nil {
		return err
	}
	if err := e.applyGates(); err != nil {
		return err
	}
	if err := opts.write(&e); err != nil {
		return err
	}
	return e.failedGates()
}
