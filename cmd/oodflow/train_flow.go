package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/detect"
)

// methodFlow is the name of the flow among the methods of train.
const methodFlow = "flow"

// flowOptions are the flags of train that shape the flow and its training.
type flowOptions struct {
	arch   choice
	layers int
	hidden int
	epochs int
	batch  int
	lr     float64
}

// flowFlags are the names of these flags.
var flowFlags = []string{"arch", "layers", "hidden", "epochs", "batch", "lr"}

// AddFlags defines the flags.
func (o *flowOptions) AddFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	o.arch = choice{value: "realnvp", valid: []string{"realnvp"}, absent: map[string]string{
		"glow": "not in this version: want realnvp",
	}}
	addChoice(cmd, &o.arch, "arch", "flow: its architecture, `realnvp`")
	f.IntVar(&o.layers, "layers", 0, "flow: `N` coupling layers (0: the default)")
	f.IntVar(&o.hidden, "hidden", 0, "flow: `N` units in each hidden layer (0: the default)")
	f.IntVar(&o.epochs, "epochs", 0, "flow: at most `N` epochs (0: the default)")
	f.IntVar(&o.batch, "batch", 0, "flow: `N` images for each step (0: the default)")
	f.Float64Var(&o.lr, "lr", 0, "flow: Adam's learning `RATE` (0: the default)")
	noFiles(cmd, "layers", "hidden", "epochs", "batch", "lr")
}

// validate checks the flags' ranges, and that none is given for another method.
func (o *flowOptions) validate(cmd *cobra.Command, method string) error {
	for _, name := range flowFlags {
		if method != methodFlow && cmd.Flags().Changed(name) {
			return usagef("--%s is of no use with --method %s", name, method)
		}
	}
	for _, n := range []struct {
		flag  string
		value int
	}{{"layers", o.layers}, {"hidden", o.hidden}, {"epochs", o.epochs}, {"batch", o.batch}} {
		if n.value < 0 {
			return usagef("--%s %d: want 0 or more", n.flag, n.value)
		}
	}
	if !(o.lr >= 0 && o.lr <= 1) {
		return usagef("--lr %v: want a rate above 0, at most 1", o.lr)
	}
	return nil
}

// fitFlow trains the flow and shows its epochs.
func (o *trainOptions) fitFlow(ctx context.Context, set *features.Set, c *console) (*detect.File, error) {
	return nil, withHint(errors.New("train the flow: not in this version"), "--method mahalanobis++ is")
}
