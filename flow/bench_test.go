package flow

import (
	"fmt"
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
