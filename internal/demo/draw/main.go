// Draw writes the demonstration's images:
//
//	go run ./internal/demo/draw --out DIR [--seed N] [--train N] [--test N] [--near N] [--far N]
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/oodflow/oodflow/internal/demo"
)

func main() {
	out := flag.String("out", "", "`folder` to draw into; it must be empty or not exist")
	var opt demo.Options
	flag.Uint64Var(&opt.Seed, "seed", 1, "every seed draws other images; the classifier saw those of id-train, seed 1")
	flag.IntVar(&opt.Train, "train", 5000, "images in id-train")
	flag.IntVar(&opt.Test, "test", 1000, "images in id-test")
	flag.IntVar(&opt.Near, "near", 700, "images in near-ood")
	flag.IntVar(&opt.Far, "far", 800, "images in far-ood")
	flag.Parse()
	if *out == "" || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "draw: name the folder to draw into: --out DIR")
		flag.Usage()
		os.Exit(2)
	}
	if err := demo.Write(*out, opt); err != nil {
		fmt.Fprintln(os.Stderr, "draw:", err)
		os.Exit(1)
	}
}
