package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/advice"
)

const featuresLong = `Shows what is in a file of features: how many images, dimensions and classes,
the norms of the vectors, dead and constant dimensions, how the classifier
spreads its features (uniformity and tolerance), and where they came from; then
in a few sentences whether normalising helps, what 'oodflow train' will do with
them, and what is unusual. The vectors are not held in memory: uniformity,
likelihood and pull of the norm are taken from up to 20,000 of them drawn at
random, the effective rank from up to 4,096.

` + featuresHelp

const featuresExample = `  oodflow features train.safetensors
  oodflow features from_pytorch.npz --json`

type featuresOptions struct {
	dumpOptions
	path string
	json bool
}

func newFeaturesCommand() *cobra.Command {
	var opts featuresOptions
	cmd := &cobra.Command{
		Use:               "features FEATURES [flags]",
		Short:             "Show what is in a file of features",
		Long:              featuresLong,
		Example:           featuresExample,
		Args:              oneArgument("file of features"),
		ValidArgsFunction: completeArgument(featureFiles...),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.path = args[0]
			return runFeatures(cmd.Context(), opts, consoleOf(cmd))
		},
	}
	cmd.Flags().BoolVar(&opts.json, "json", false, "write JSON")
	opts.dumpOptions.AddFlags(cmd)
	cmd.AddCommand(newConvertCommand(), newMergeCommand())
	return cmd
}

func runFeatures(ctx context.Context, opts featuresOptions, c *console) error {
	if err := useBLAS(c); err != nil {
		return err
	}
	r, err := opts.openReader(opts.path, c)
	if err != nil {
		return err
	}
	defer r.Close()
	var sum *features.Summary
	var said *advice.Advice
	err = interruptibly(ctx, func() (err error) {
		if sum, err = features.Summarize(r, features.SummaryOptions{}); err == nil {
			said, err = advice.Advise(r, sum)
		}
		return err
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return err
	case opts.json:
		return writeJSON(c.out, struct {
			*features.Summary
			Advice *advice.Advice `json:"advice"`
		}{sum, said})
	}
	if err := writeSummary(c.out, opts.path, sum, said); err != nil {
		return err
	}
	fmt.Fprintln(c.out)
	for _, sentence := range said.Text {
		fmt.Fprintln(c.out, strings.ReplaceAll("- "+wrap(sentence, textWidth-2), "\n", "\n  "))
	}
	return nil
}

// textWidth is the width of running text.
const textWidth = 80

// wrap breaks text into lines of at most width characters, between words.
func wrap(text string, width int) string {
	var b strings.Builder
	at := 0
	for i, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case at+1+n > width:
			b.WriteByte('\n')
			at = 0
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += n
	}
	return b.String()
}

// writeSummary writes the aligned form for people.
func writeSummary(w io.Writer, path string, s *features.Summary, said *advice.Advice) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(label, format string, args ...any) {
		fmt.Fprintf(t, "%s\t%s\n", label, fmt.Sprintf(format, args...))
	}
	line("file", "%s", path)
	line("images", "%d", s.N)
	line("features", "%d for each image, %s", s.D, s.DType)
	line("labels", "%s", labelText(s))
	line("logits", "%s", logitText(s))
	line("norms", "median %.4g, 90 %% from %.4g to %.4g, all from %.4g to %.4g, variation %.2f",
		s.Norms.Median, s.Norms.P5, s.Norms.P95, s.Norms.Min, s.Norms.Max, s.Norms.CV)
	line("dimensions", "%s", dimensionText(s))
	if s.Uniformity != nil {
		line("uniformity", "%.3f, lower is more evenly spread%s", s.Uniformity.Value, sampleText(s.Uniformity))
	}
	if s.Tolerance != nil {
		line("tolerance", "%.3f, higher is closer within a class, by %s%s", s.Tolerance.Value, s.ToleranceOf, sampleText(s.Tolerance))
	}
	if l := said.Likelihood; l != nil {
		line("likelihood", "%.4f nats a feature as they are, %.4f with norm and direction apart; lower is better", l.Whole, l.Apart)
	}
	if p := said.Pull; p != nil {
		line("pull of the norm", "rank correlation with the distance to the classes %.2f, normalised %.2f", p.Raw, p.Normalised)
	}
	for _, fault := range []struct {
		n    int
		text string
	}{
		{s.ZeroVectors, "vectors of zeros: such an image cannot be trained on or scored"},
		{s.DuplicateRows, "images whose features equal those of an earlier one"},
		{s.DuplicateIDs, "ids that an earlier image has"},
	} {
		if fault.n > 0 {
			line("note", "%d %s", fault.n, fault.text)
		}
	}
	if s.Shard != nil {
		line("part", "%s", s.Shard)
	}
	writeProvenance(line, s.Provenance)
	return t.Flush()
}

func labelText(s *features.Summary) string {
	if s.Labelled == 0 || s.Balance == nil {
		return "none"
	}
	b := s.Balance
	if b.Min == b.Max {
		return fmt.Sprintf("%d images of %d classes, %d of each", s.Labelled, b.Classes, b.Min)
	}
	return fmt.Sprintf("%d images of %d classes, %d to %d of each", s.Labelled, b.Classes, b.Min, b.Max)
}

func logitText(s *features.Summary) string {
	text := "none"
	if s.Classes > 0 {
		text = fmt.Sprintf("%d classes", s.Classes)
	}
	if s.Accuracy != nil {
		text += fmt.Sprintf(", top-1 %.2f %% of the labels", 100**s.Accuracy)
	}
	if s.HasHead {
		text += ", linear head W, b"
	}
	return text
}

func dimensionText(s *features.Summary) string {
	text := fmt.Sprintf("%d dead, %d constant", s.Dims.Dead, s.Dims.Constant)
	if s.Dims.EffectiveRank != nil {
		text += fmt.Sprintf(", effective rank %.1f of %d", *s.Dims.EffectiveRank, s.D)
	}
	if s.Dims.VarianceRatio != nil {
		text += fmt.Sprintf(", largest variance %.2g times the smallest", *s.Dims.VarianceRatio)
	}
	return text
}

// sampleText tells of how many pairs a mean was taken over where not of all.
func sampleText(m *features.Mean) string {
	if m.Exact {
		return ""
	}
	return fmt.Sprintf(" (%.2g sampled pairs)", float64(m.Pairs))
}

// writeProvenance writes what is known of where the features come from.
func writeProvenance(line func(label, format string, args ...any), p features.Provenance) {
	for _, f := range []struct{ label, text string }{
		{"classifier", p.Classifier}, {"SHA-256", p.ClassifierSHA256}, {"tensor", p.Tensor}, {"pooling", p.Pool},
		{"source", p.Source}, {"preprocess", p.Preprocess}, {"engine", p.Engine}, {"written by", p.Version},
	} {
		if f.text != "" {
			if f.label == "written by" {
				f.text = "oodflow " + f.text
			}
			line(f.label, "%s", f.text)
		}
	}
}
