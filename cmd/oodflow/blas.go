package main

import "github.com/oodflow/oodflow/internal/blas"

// useBLAS opens the machine's BLAS for a command that computes.
func useBLAS(c *console) error {
	choice, err := blas.Use()
	if err != nil {
		return err
	}
	for _, w := range choice.Warnings {
		c.warn("%s", w)
	}
	return nil
}
