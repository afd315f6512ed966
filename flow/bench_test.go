package flow

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// benchmarkFlow is what the issue of speed is judged at: four couplings, as many hidden units as dimensions, batches of
// 256.
func benchmarkFlow(b *testing.B, d int) (f *Flow, x []float32) {
	rng := rand.New(rand.NewPCG(1, uint64(d)))
	return randomFlow(b, Config{Dim: d, Layers: 4, Hidden: d, Clamp: 2, Whiten: WhitenNone}, rng), normals(256*d, rng)
}

func eachWidth(b *testing.B, bench func(b *testing.B, d int)) {
	for _, d := range []int{64, 128, 512, 1024, 2048} {
		b.Run(fmt.Sprintf("d%d", d), func(b *testing.B) { bench(b, d) })
	}
}

func BenchmarkTrainStep(b *testing.B) {
	eachWidth(b, func(b *testing.B, d int) {
		f, x := benchmarkFlow(b, d)
		tr := newTrainer(f, Matrix(x, d), Options{Batch: 256})
		tr.noise = make([]float32, d)
		tr.step(1e-5, 100)
		b.ReportAllocs()
		for b.Loop() {
			tr.step(1e-5, 100)
		}
	})
}

func BenchmarkLogProb(b *testing.B) {
	eachWidth(b, func(b *testing.B, d int) {
		f, x := benchmarkFlow(b, d)
		dst := make([]float64, 256)
		f.LogProb(dst, x)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := f.LogProb(dst, x); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkEngines compares the time of a step between the engines.
func BenchmarkEngines(b *testing.B) {
	for _, cfg := range []Config{
		{Arch: ArchRealNVP, Dim: 64, Layers: 4}, {Arch: ArchRealNVP, Dim: 512, Layers: 4}, {Arch: ArchRealNVP, Dim: 2048, Layers: 4},
		{Arch: ArchGlow, Dim: 64, Layers: 10}, {Arch: ArchGlow, Dim: 512, Layers: 10},
	} {
		cfg.Hidden, cfg.Clamp, cfg.Whiten, cfg.Classes = cfg.Dim, 2, WhitenTotal, 10
		for _, e := range []Engine{EngineFused, EngineGorgonia} {
			b.Run(fmt.Sprintf("%s/d%d/%s", cfg.Arch, cfg.Dim, e), func(b *testing.B) {
				rng := rand.New(rand.NewPCG(1, 1))
				tr := newTrainer(randomFlow(b, cfg, rng), Matrix(normals(256*cfg.Dim, rng), cfg.Dim), Options{Batch: 256, Engine: e})
				tr.step(1e-5, 100)
				b.ReportAllocs()
				for b.Loop() {
					tr.step(1e-5, 100)
				}
			})
		}
	}
}

// BenchmarkEpoch is a whole training of one epoch with 2,000 validation rows: moments, ridge, steps and checks. The cost
// of a row must not depend on how many there are: x/first is its ratio to that with the first n. `make bench-scale` runs
// those that take long, too, with the BLAS found and with gonum's.
func BenchmarkEpoch(b *testing.B) {
	first := math.Inf(1) // the least of all runs, as some are cold
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("d128/n%d", n), func(b *testing.B) {
			row := benchmarkEpoch(b, n, 128)
			if n == 10_000 {
				first = min(first, row)
			}
			b.ReportMetric(row/first, "x/first")
		})
	}
	b.Run("d512/n50000", func(b *testing.B) { benchmarkEpoch(b, 50_000, 512) })
}

// benchmarkEpoch returns and reports the nanoseconds for a row.
func benchmarkEpoch(b *testing.B, n, d int) float64 {
	if testing.Short() && n > 10_000 {
		b.Skip("takes long")
	}
	rng := rand.New(rand.NewPCG(1, uint64(d)))
	data, valid := Data{Rows: Matrix(normals(n*d, rng), d)}, Data{Rows: Matrix(normals(checkRows*d, rng), d)}
	for b.Loop() {
		if _, _, err := Train(b.Context(), data, valid, Options{Epochs: 1, Stop: StopNever}, nil); err != nil {
			b.Fatal(err)
		}
	}
	row := float64(b.Elapsed().Nanoseconds()) / float64(b.N) / float64(n)
	b.ReportMetric(row, "ns/row")
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/epoch")
	return row
}
