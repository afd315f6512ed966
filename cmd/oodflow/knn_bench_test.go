package main

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/blas"
	"github.com/oodflow/oodflow/internal/detect"
)

// BenchmarkKNN scores 10,000 images against a bank of 50,000 with 512 features, with the machine's BLAS.
// testdata/bench/knn.py times scikit-learn on the same task. With -short both are a tenth.
func BenchmarkKNN(b *testing.B) {
	if _, err := blas.Use(); err != nil {
		b.Fatal(err)
	}
	size := 10_000
	if testing.Short() {
		size /= 10
	}
	bank, queries := clusters(1, 5*size), clusters(2, size)
	d, err := detect.FitKNN(bank, detect.DefaultK)
	if err != nil {
		b.Fatal(err)
	}
	var dst []float64
	for b.Loop() {
		if dst, err = d.Score(dst, queries); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*2*float64(bank.N)*float64(queries.N)*float64(bank.D)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}

// clusters draws n vectors of 512 features about ten means, which are the same for every seed.
func clusters(seed uint64, n int) *features.Set {
	const d = 512
	r := rand.New(rand.NewPCG(0, 0))
	means := make([]float64, 10*d)
	for i := range means {
		means[i] = 0.5 + 2*math.Abs(r.NormFloat64())
	}
	r = rand.New(rand.NewPCG(seed, 0))
	s := &features.Set{N: n, D: d, Features: make([]float32, n*d)}
	for i := range s.Features {
		s.Features[i] = float32(means[i/d%10*d+i%d] + r.NormFloat64()*float64(i%d+1)/d)
	}
	return s
}
