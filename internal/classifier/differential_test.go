//go:build cgo

package classifier

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/oodflow/oodflow/internal/onnx"
)

// TestOperators compares the pure Go engine with ONNX Runtime, operator by operator, over several runs.
func TestOperators(t *testing.T) {
	needEngine(t, EngineRuntime)
	lib, err := FindLibrary("")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range operations() {
		t.Run(fmt.Sprint(o.name, " ", o.shape[0]), func(t *testing.T) {
			data := o.encode()
			model, err := onnx.Parse(data, "")
			if err != nil {
				t.Fatal(err)
			}
			g := graph{source: model, model: data, input: "image", outputs: []string{"y"}, threads: 2}
			reference, err := startRuntime(lib, g)
			if err != nil {
				t.Fatal(err)
			}
			defer reference.close()
			// ONNX Runtime holds given outputs against shapes that it infers wrongly for some poolings.
			forget := reference.(*runtimeEngine).dropBindings
			shape := [4]int{int(o.shape[0]), int(o.shape[1]), int(o.shape[2]), int(o.shape[3])}
			pure := &pureEngine{graph: g, fixed: shape[0]}
			for run := range 3 {
				r := rand.New(rand.NewPCG(uint64(run), 0))
				images := make([]float32, elements(shape[:]))
				for i := range images {
					images[i] = float32(r.NormFloat64())
				}
				fill := func(dst []float32) { copy(dst, images) }
				forget()
				want, err := reference.run(shape, fill)
				if err != nil {
					t.Fatal(err)
				}
				got, err := pure.run(shape, fill)
				if err != nil {
					t.Fatal(err)
				}
				if fmt.Sprint(got[0].shape) != fmt.Sprint(want[0].shape) {
					t.Fatalf("shape %v, want %v", got[0].shape, want[0].shape)
				}
				checkClose(t, fmt.Sprint("run ", run), got[0].data, want[0].data, 1e-5)
			}
		})
	}
}
