package onnx

import (
	"slices"
	"testing"
)

// TestShape follows shapes through the operators around a head.
func TestShape(t *testing.T) {
	i64 := func(name string, v ...int64) *Tensor { return NewInt64s(name, []int64{int64(len(v))}, v) }
	tests := []struct {
		nodes     []Node // the last one's output is judged
		constants []*Tensor
		want      []int64
	}{
		{[]Node{node("Conv", "map k", "y", IntsAttribute("pads", 1, 0, 2, 0))}, []*Tensor{random("k", 9, 6, 3, 1)}, []int64{-1, 9, 5, 4}},
		{[]Node{node("Conv", "map k", "y", IntsAttribute("dilations", 3, 1), IntsAttribute("strides", 1, 3))}, []*Tensor{random("k", 9, 6, 2, 2)}, []int64{-1, 9, 1, 1}},
		{[]Node{node("Conv", "map k", "y", TextAttribute("auto_pad", "SAME_UPPER"), IntsAttribute("strides", 3, 3))}, []*Tensor{random("k", 9, 6, 5, 5)}, []int64{-1, 9, 2, 2}},
		{[]Node{node("MaxPool", "map", "y", IntsAttribute("kernel_shape", 3, 3), IntsAttribute("strides", 2, 2))}, nil, []int64{-1, 6, 1, 1}},
		{[]Node{node("MaxPool", "map", "y", IntsAttribute("kernel_shape", 3, 3), IntsAttribute("strides", 2, 2), IntAttribute("ceil_mode", 1))}, nil, []int64{-1, 6, 2, 2}},
		{[]Node{node("Pad", "map p", "y")}, []*Tensor{i64("p", 0, 1, 0, 2, 0, 0, 0, 3)}, []int64{-1, 7, 4, 9}},
		{[]Node{node("ArgMax", "map", "y", IntAttribute("axis", 1), IntAttribute("keepdims", 0))}, nil, []int64{-1, 4, 4}},
		{[]Node{node("ArgMax", "map", "y", IntAttribute("axis", -3))}, nil, []int64{-1, 1, 4, 4}},
		{[]Node{node("Gemm", "f w", "y")}, []*Tensor{random("w", 6, 5)}, []int64{-1, 5}},
		{[]Node{node("MatMul", "t w", "y")}, []*Tensor{random("w", 16, 5)}, nil}, // t is not there
		{[]Node{node("Flatten", "map", "y", IntAttribute("axis", 2))}, nil, []int64{-1, 16}},
		{[]Node{node("Flatten", "map", "y", IntAttribute("axis", -3))}, nil, []int64{-1, 96}},
		{[]Node{node("Reshape", "map s", "y")}, []*Tensor{i64("s", 0, 0, -1)}, []int64{-1, 6, 16}},
		{[]Node{node("Reshape", "map s", "y")}, []*Tensor{i64("s", -1, 96)}, []int64{-1, 96}},
		{[]Node{node("Shape", "map", "s"), node("Reshape", "f s", "y")}, nil, []int64{-1, 6, 4, 4}},
		{[]Node{node("Shape", "map", "s"), node("Gather", "s i", "n"), node("Concat", "n rest", "c", IntAttribute("axis", 0)), node("Reshape", "map c", "y")},
			[]*Tensor{i64("i", 0), i64("rest", 6, -1)}, []int64{-1, 6, 16}},
		{[]Node{node("Shape", "map", "s"), node("Slice", "s from to", "n"), node("Reshape", "f n", "y")}, []*Tensor{i64("from", -3), i64("to", 9)}, []int64{6, 4, 4}},
		{[]Node{node("MyOwn", "map", "m"), node("Shape", "m", "y")}, nil, []int64{-1}},
		{[]Node{node("Squeeze", "gap a", "y")}, []*Tensor{i64("a", -1, 2)}, []int64{-1, 6}},
		{[]Node{node("Unsqueeze", "f a", "y")}, []*Tensor{i64("a", 0, -1)}, []int64{1, -1, 6, 1}},
		{[]Node{node("Transpose", "map", "y", IntsAttribute("perm", 0, 2, 3, 1))}, nil, []int64{-1, 4, 4, 6}},
		{[]Node{node("Transpose", "f", "y")}, nil, []int64{6, -1}},
		{[]Node{node("Gather", "map i", "y", IntAttribute("axis", 1))}, []*Tensor{NewInt64s("i", nil, []int64{0})}, []int64{-1, 4, 4}},
		{[]Node{node("Slice", "map from to axes", "y")}, []*Tensor{i64("from", 1), i64("to", 1<<62), i64("axes", 1)}, []int64{-1, 5, 4, 4}},
		{[]Node{node("Slice", "map from to axes", "y")}, []*Tensor{i64("from", -1), i64("to", 1<<62), i64("axes", 0)}, []int64{1, 6, 4, 4}},
		{[]Node{node("Concat", "map map", "y", IntAttribute("axis", 1))}, nil, []int64{-1, 12, 4, 4}},
		{[]Node{node("Add", "gap map", "y")}, nil, []int64{-1, 6, 4, 4}},
		{[]Node{node("ReduceMean", "map", "y", IntsAttribute("axes", -1), IntAttribute("keepdims", 0))}, nil, []int64{-1, 6, 4}},
		{[]Node{node("ReduceMean", "map", "y")}, nil, []int64{1, 1, 1, 1}},
		{[]Node{node("Expand", "one s", "y")}, []*Tensor{random("one", 1, 1, 6), i64("s", 3, 1, 1)}, []int64{3, 1, 6}},
		{[]Node{node("MyOwn", "map", "y")}, nil, nil},
	}
	for _, test := range tests {
		m := classifier(t, test.nodes, "y", test.constants...)
		if got := m.Shape("y"); !slices.Equal(got, test.want) || (got == nil) != (test.want == nil) {
			t.Errorf("%s: got %v, want %v", test.nodes[len(test.nodes)-1].Op, got, test.want)
		}
	}
}
