package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/oodflow/oodflow/internal/classifier"
	"github.com/oodflow/oodflow/internal/onnx"
)

const inspectLong = `Shows what a classifier takes and gives, which tensor holds its penultimate
features, and how that was found. The model is not run. extract takes the
features from the same tensor.

A model in which no classifier's head can be found makes the command fail, after
listing the tensors that may hold features: --feature-tensor names one.`

const inspectExample = `  oodflow inspect resnet.onnx
  oodflow inspect resnet.onnx --json
  oodflow inspect resnet.onnx --feature-tensor /layer4/layer4.1/relu_1/Relu_output_0`

type inspectOptions struct {
	model         string
	featureTensor string
	json          bool
}

func newInspectCommand() *cobra.Command {
	var opts inspectOptions
	cmd := &cobra.Command{
		Use:               "inspect MODEL.onnx [flags]",
		Short:             "Show which tensor of a classifier holds its features, and why",
		Long:              inspectLong,
		Example:           inspectExample,
		Args:              oneArgument("model"),
		ValidArgsFunction: completeArgument("onnx"),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.model = args[0]
			return runInspect(cmd.Context(), opts, consoleOf(cmd))
		},
	}
	cmd.Flags().BoolVar(&opts.json, "json", false, "write JSON")
	cmd.Flags().StringVar(&opts.featureTensor, "feature-tensor", "", "take tensor `NAME` (default: found by itself)")
	noFiles(cmd, "feature-tensor")
	return cmd
}

// inspection is what inspect found out; its JSON form is part of the contract.
type inspection struct {
	Model       string        `json:"model"`
	Producer    string        `json:"producer"`
	Opset       int64         `json:"opset"`
	Inputs      []value       `json:"inputs"`
	Layout      string        `json:"layout"` // of the images: "NCHW", "NHWC", "" where the model takes none
	Outputs     []value       `json:"outputs"`
	Logits      string        `json:"logits"`
	Classes     int           `json:"classes"`
	FeatureDim  int           `json:"feature_dim"`
	Penultimate *penultimate  `json:"penultimate"` // null where no head is found
	Linear      bool          `json:"linear"`      // logits = W·features + b exactly
	Why         []string      `json:"why"`
	Candidates  []penultimate `json:"candidates,omitempty"` // where no head is found

	images string // the layout for people
}

// penultimate is the tensor that holds the features.
type penultimate struct {
	Tensor string `json:"tensor"`
	Shape  []any  `json:"shape"` // numbers, symbols, null where not known
	Pool   string `json:"pool"`  // "mean": the features are the mean over height and width
}

// value is an input or output of the graph.
type value struct {
	Name  string `json:"name"`
	DType string `json:"dtype"`
	Shape []any  `json:"shape"`
}

func runInspect(_ context.Context, opts inspectOptions, c *console) error {
	m, err := onnx.Load(opts.model)
	if err != nil {
		return err
	}
	found := inspection{
		Model: filepath.Base(opts.model), Producer: m.Producer, Opset: m.Opsets[""],
		Inputs: values(m.Inputs), Outputs: values(m.Outputs), Why: []string{},
	}
	if in, err := classifier.InputOf(m); err == nil {
		found.setLayout(in)
	}
	headErr := found.findHead(m, opts.featureTensor)
	var none *onnx.NoHeadError
	if headErr != nil && !errors.As(headErr, &none) {
		return fmt.Errorf("%s: %w", opts.model, headErr)
	}
	if opts.json {
		err = writeJSON(c.out, found)
	} else {
		err = found.writeText(c.out)
	}
	if err == nil && none != nil {
		return noHead(opts.model, none)
	}
	return err
}

// findHead adds the head to what was found, or the tensors that may hold features where there is none.
func (n *inspection) findHead(m *onnx.Model, tensor string) error {
	find := m.FindHead
	if tensor != "" {
		find = func() (*onnx.Head, error) { return m.HeadAt(tensor) }
	}
	h, err := find()
	var none *onnx.NoHeadError
	if errors.As(err, &none) {
		for _, c := range none.Candidates {
			n.Candidates = append(n.Candidates, penultimate{c.Tensor, dims(c.Shape, batchSymbol(m)), c.Pool})
		}
	}
	if err != nil {
		return err
	}
	n.Logits, n.Classes, n.FeatureDim = h.Logits, h.Classes, h.Dim
	n.Penultimate = &penultimate{h.Features, dims(h.Shape, batchSymbol(m)), h.Pool}
	n.Linear, n.Why = h.Linear, h.Why
	return nil
}

// setLayout says how images go in.
func (n *inspection) setLayout(in classifier.Input) {
	n.Layout, n.images = "NCHW", "channels first (NCHW)"
	if in.ChannelsLast {
		n.Layout, n.images = "NHWC", "channels last (NHWC)"
	}
	if in.Bytes {
		n.images += ", pixels of 0 to 255 as they are: extract leaves scale, mean and std to the model"
	}
}

// noHead is the error for a model whose features were not found, without the candidates, which are printed.
func noHead(model string, e *onnx.NoHeadError) error {
	why := *e
	why.Candidates = nil
	return withHint(fmt.Errorf("%s: %w", model, &why), "name the tensor that holds the features: --feature-tensor NAME")
}

func values(vs []onnx.Value) []value {
	out := []value{}
	for _, v := range vs {
		out = append(out, value{v.Name, v.Type.String(), dims(v.Shape, v.Symbols)})
	}
	return out
}

// batchSymbol is the symbol of the input's first dimension, the batch, which is also the first of the features. It may be empty.
func batchSymbol(m *onnx.Model) []string {
	if len(m.Inputs) == 1 && len(m.Inputs[0].Symbols) > 0 {
		return m.Inputs[0].Symbols[:1]
	}
	return nil
}

// dims is a shape with symbols for the dimensions that have one and nil for those not known.
func dims(shape []int64, symbols []string) []any {
	out := []any{}
	for i, d := range shape {
		switch {
		case d >= 0:
			out = append(out, d)
		case i < len(symbols) && symbols[i] != "":
			out = append(out, symbols[i])
		default:
			out = append(out, nil)
		}
	}
	return out
}

// writeText writes the aligned form for people.
func (n inspection) writeText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	producer := n.Producer
	if producer == "" {
		producer = "not named"
	}
	fmt.Fprintf(t, "model\t%s\n", n.Model)
	fmt.Fprintf(t, "made by\t%s, opset %d\n", producer, n.Opset)
	for _, v := range n.Inputs {
		fmt.Fprintf(t, "input\t%s  %s %s\n", v.Name, v.DType, shapeText(v.Shape))
	}
	if n.images != "" {
		fmt.Fprintf(t, "images\t%s\n", n.images)
	}
	for _, v := range n.Outputs {
		fmt.Fprintf(t, "output\t%s  %s %s\n", v.Name, v.DType, shapeText(v.Shape))
	}
	if n.Penultimate == nil {
		n.writeCandidates(t)
	} else {
		n.writeHead(t)
	}
	return t.Flush()
}

func (n inspection) writeHead(t io.Writer) {
	fmt.Fprintf(t, "logits\t%s, %d classes\n", n.Logits, n.Classes)
	fmt.Fprintf(t, "features\t%s  %s\n", n.Penultimate.Tensor, shapeText(n.Penultimate.Shape))
	pool := ""
	if n.Penultimate.Pool != "" {
		pool = ", the " + n.Penultimate.Pool + " over height and width"
	}
	fmt.Fprintf(t, "\t%d for each image%s\n", n.FeatureDim, pool)
	head := "not linear in the features"
	if n.Linear {
		head = "linear: logits = W·features + b"
	}
	fmt.Fprintf(t, "head\t%s\n", head)
	for i, why := range n.Why {
		fmt.Fprintf(t, "%s\t%s\n", label("why", i), why)
	}
}

func (n inspection) writeCandidates(t io.Writer) {
	for i, c := range n.Candidates {
		pool := ""
		if c.Pool != "" {
			pool = "  " + c.Pool + " over height and width"
		}
		fmt.Fprintf(t, "%s\t%s  %s%s\n", label("candidates", i), c.Tensor, shapeText(c.Shape), pool)
	}
}

// label is the text for the first line of several, and nothing for the others.
func label(text string, i int) string {
	if i > 0 {
		return ""
	}
	return text
}

// shapeText writes a shape as [N 3 32 32], ? for what is not known.
func shapeText(shape []any) string {
	words := make([]string, len(shape))
	for i, d := range shape {
		words[i] = "?"
		if d != nil {
			words[i] = fmt.Sprint(d)
		}
	}
	return "[" + strings.Join(words, " ") + "]"
}
