package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkPass measures each kernel on 128 rows of 256 columns, as one of two cores has at d = 512: nanoseconds for
// one element of the widest operand.
func BenchmarkPass(b *testing.B) {
	defer forms()["scalar"]()
	const n, w = 128, 256
	for name, build := range passes {
		for form, use := range forms() {
			b.Run(fmt.Sprintf("%s/%s", name, form), func(b *testing.B) {
				r := &rig{rng: rand.New(rand.NewPCG(1, 1)), value: normal}
				rows, cols := n, w
				if name == "Adam" || name == "Scale" || name == "SumSquares" {
					rows, cols = 1, n*w
				}
				if name == "Softmax" {
					rows = 1
				}
				p := build(r, rows, cols)
				use()
				for i := 0; b.Loop(); i++ {
					if i%16 == 15 { // what is multiplied in place again and again leaves the normal numbers
						for _, g := range r.all {
							g.restore()
						}
					}
					p.run()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows*cols), "ns/element")
			})
		}
	}
}
