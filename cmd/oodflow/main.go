// Command oodflow tells whether images were drawn from the world that an image classifier was trained on.
//
// It runs a frozen ONNX classifier, fits a density to its normalised penultimate features and calls images of
// low density out-of-distribution. `oodflow help` lists the commands; README.md explains the method.
package main

import (
	"io"
	"os"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run carries out one command line and returns its exit status. It is main without the process.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := interruptible(stderr)
	defer stop()
	root := newRootCommand()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	return conclude(ctx, stderr, cmd, err)
}
