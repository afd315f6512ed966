package onnx

import (
	"path/filepath"
	"testing"
)

// FuzzParse holds whatever bytes against the whole of the package: no panic,
// no endless loop, and what is accepted can be written and read again.
func FuzzParse(f *testing.F) {
	seeds, err := filepath.Glob("testdata/*.onnx.gz")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range seeds {
		if data := fixture(f, path); len(data) < 8<<10 {
			f.Add(data)
		}
	}
	f.Add(classifier(f, []Node{
		node("DequantizeLinear", "w s z", "w1"), node("Transpose", "w1", "w2"), node("MatMul", "f w2", "p"),
		node("BatchNormalization", "p g g g g", "n"), node("Softmax", "n", "y"),
	}, "y", ofType("w", Uint8, 5, 6), positive(random("s")), ofType("z", Uint8), positive(random("g", 5))).Bytes())
	f.Add(classifier(f, []Node{
		node("Conv", "map k", "c"), node("Slice", "c i i i", "d"), node("Concat", "d d", "e", IntAttribute("axis", 1)), node("Shape", "e", "s"),
		node("Reshape", "e s", "r"), node("Unsqueeze", "r i", "u"), node("Expand", "u s", "v"), node("Gather", "v i", "g"), node("Gemm", "g w", "y"),
	}, "y", random("k", 5, 6, 1, 1), NewInt64s("i", []int64{1}, []int64{1}), random("w", 6, 5)).Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Parse(data, "testdata/none")
		if err != nil {
			return
		}
		m.Operators()
		if h, err := m.FindHead(); err == nil && h.Linear && (len(h.W) != h.Dim*h.Classes || len(h.B) != h.Classes) {
			t.Errorf("W of %d and b of %d elements for %d×%d", len(h.W), len(h.B), h.Classes, h.Dim)
		}
		for i := range m.Nodes {
			for _, out := range m.Nodes[i].Outputs {
				if out == "" {
					continue
				}
				if i < 20 {
					_, _ = m.HeadAt(out)
				}
				_ = m.Shape(out)
			}
		}
		if _, err := Parse(m.Graph().Encode(), "testdata/none"); err != nil {
			t.Errorf("written again: %v", err)
		}
		if len(m.Nodes) > 0 && len(m.Nodes[0].Outputs) > 0 && m.Nodes[0].Outputs[0] != "" {
			wide, names, err := m.WithIdentityOutputs(m.Nodes[0].Outputs[0])
			if err != nil {
				t.Fatal(err)
			}
			if again, err := Parse(wide, "testdata/none"); err != nil || again.ProducerOf(names[0]) == nil {
				t.Errorf("with outputs: %v", err)
			}
		}
	})
}
