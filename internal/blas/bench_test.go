package blas

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
	"gonum.org/v1/gonum/lapack"
)

// BenchmarkGemm: the products of a coupling's last layer at batch 256, forward (256×d×d) and of its weights' gradient
// (d×256×d, A transposed), with gonum and with every library here, on one goroutine and split.
func BenchmarkGemm(b *testing.B) {
	type entry struct {
		name string
		blas Implementation
	}
	entries := []entry{{"gonum", Implementation{}}}
	for _, l := range libraries(b) {
		entries = append(entries, entry{l.choice.Name + "-serial", Implementation{lib: l, parts: 1}},
			entry{l.choice.Name, l.implementation()})
	}
	for _, d := range []int{64, 128, 512, 1024, 2048} {
		x, w, y := make([]float32, 256*d), make([]float32, d*d), make([]float32, 256*d)
		for i := range x {
			x[i], y[i] = float32(i%7)-3, float32(i%5)-2
		}
		for i := range w {
			w[i] = float32(i%3) - 1
		}
		for _, e := range entries {
			rate := func(b *testing.B) {
				b.ReportMetric(work(256, d, d)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			}
			b.Run(fmt.Sprintf("forward/d=%d/%s", d, e.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					e.blas.Sgemm(blas.NoTrans, blas.NoTrans, 256, d, d, 1, x, d, w, d, 0, y, d)
				}
				rate(b)
			})
			b.Run(fmt.Sprintf("weights/d=%d/%s", d, e.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					e.blas.Sgemm(blas.Trans, blas.NoTrans, d, d, 256, 1, x, d, y, d, 0, w, d)
				}
				rate(b)
			})
		}
	}
}

// BenchmarkEigen: all eigenvectors of a symmetric matrix, as vim wants them, with gonum and with every library that has LAPACK.
func BenchmarkEigen(b *testing.B) {
	solvers := map[string]eigensolver{"gonum": {}}
	for _, l := range libraries(b) {
		if l.double.syevd != 0 {
			solvers[l.choice.Name] = eigensolver{lib: l}
		}
	}
	for _, n := range []int{128, 512, 1280} {
		a := dominant[float64](n, 4)
		v, values, work := make([]float64, len(a)), make([]float64, n), make([]float64, 3*n)
		for _, name := range slices.Sorted(maps.Keys(solvers)) {
			b.Run(fmt.Sprintf("n=%d/%s", n, name), func(b *testing.B) {
				for b.Loop() {
					copy(v, a)
					if !solvers[name].Dsyev(lapack.EVCompute, blas.Upper, n, v, n, values, work, len(work)) {
						b.Fatal("no convergence")
					}
				}
			})
		}
	}
}

// BenchmarkCall is what a call costs beside the arithmetic.
func BenchmarkCall(b *testing.B) {
	x, y := make([]float32, 1), make([]float32, 1)
	for _, l := range libraries(b) {
		b.Run(l.choice.Name, func(b *testing.B) {
			s := Implementation{lib: l, parts: 1}
			b.ReportAllocs()
			for b.Loop() {
				s.Sgemm(blas.NoTrans, blas.NoTrans, 1, 1, 1, 1, x, 1, x, 1, 0, y, 1)
			}
		})
	}
	b.Run("gonum", func(b *testing.B) {
		for b.Loop() {
			gonum.Implementation{}.Sgemm(blas.NoTrans, blas.NoTrans, 1, 1, 1, 1, x, 1, x, 1, 0, y, 1)
		}
	})
}

type nothing struct{}

func (nothing) Part(int) {}

// BenchmarkParallel is what handing out a task costs, in quick succession.
func BenchmarkParallel(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Parallel(Threads(), nothing{})
	}
}

// BenchmarkOpen is what picking the library costs the second time, when its file is in memory.
func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		if _, err := pick(environment()); err != nil {
			b.Fatal(err)
		}
	}
}
