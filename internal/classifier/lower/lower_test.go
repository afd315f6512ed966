package lower

import (
	"errors"
	"strings"
	"testing"

	"github.com/oodflow/oodflow/internal/onnx"
)

// model is a graph of the given nodes from x to y.
func model(t *testing.T, constants []*onnx.Tensor, nodes ...onnx.Node) *onnx.Model {
	t.Helper()
	g := onnx.Graph{IRVersion: 8, Opsets: map[string]int64{"": 13}, Nodes: nodes, Initializers: constants,
		Inputs:  []onnx.Value{{Name: "x", Type: onnx.Float, Shape: []int64{1, 3, 4, 4}}},
		Outputs: []onnx.Value{{Name: "y", Type: onnx.Float}}}
	m, err := onnx.Parse(g.Encode(), "")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func node(op, inputs, output string, attributes ...onnx.Attribute) onnx.Node {
	return onnx.Node{Name: "the " + op, Op: op, Inputs: strings.Fields(inputs), Outputs: []string{output}, Attributes: attributes}
}

func lowerXY(m *onnx.Model) (*Result, error) { return Lower(m, "x", []int{1, 3, 4, 4}, []string{"y"}) }

// TestRefused: what has no exact form is refused with the operator, the node and the reason.
func TestRefused(t *testing.T) {
	ints := func(name string, v ...int64) *onnx.Tensor { return onnx.NewInt64s(name, []int64{int64(len(v))}, v) }
	weights := onnx.NewFloat32s("w", []int64{2, 3, 5, 5}, make([]float32, 150))
	foreign := node("Relu", "x", "y")
	foreign.Domain = "com.example"
	for _, c := range []struct {
		op, reason string
		constants  []*onnx.Tensor
		nodes      []onnx.Node
	}{
		{"Erf", "", nil, []onnx.Node{node("Erf", "x", "y")}},
		{"com.example.Relu", "", nil, []onnx.Node{foreign}},
		{"Conv", "does not fit", []*onnx.Tensor{weights}, []onnx.Node{node("Conv", "x w", "y")}},
		{"Conv", "in 2 groups", []*onnx.Tensor{weights}, []onnx.Node{node("Conv", "x w", "y", onnx.IntAttribute("group", 2))}},
		{"Conv", "is computed", nil, []onnx.Node{node("Conv", "x x", "y")}},
		{"Conv", "input 1 is missing", nil, []onnx.Node{node("Conv", "x", "y")}},
		{"Conv", "strides", []*onnx.Tensor{weights}, []onnx.Node{node("Conv", "x w", "y", onnx.IntsAttribute("strides", 0, 1))}},
		{"MaxPool", "dilations", nil, []onnx.Node{node("MaxPool", "x", "y", onnx.IntsAttribute("kernel_shape", 2, 2), onnx.IntsAttribute("dilations", 2, 2))}},
		{"MaxPool", "does not fit", nil, []onnx.Node{node("MaxPool", "x", "y", onnx.IntsAttribute("kernel_shape", 5, 5))}},
		{"Pad", "mode reflect", []*onnx.Tensor{ints("p", 0, 0, 1, 1, 0, 0, 1, 1)}, []onnx.Node{node("Pad", "x p", "y", onnx.TextAttribute("mode", "reflect"))}},
		{"Reshape", "does not hold", []*onnx.Tensor{ints("s", 7, 7)}, []onnx.Node{node("Reshape", "x s", "y")}},
		{"ConstantOfShape", "its shape", []*onnx.Tensor{ints("s", 1<<20, 1<<20)}, []onnx.Node{node("ConstantOfShape", "s", "c"), node("Add", "x c", "y")}},
		{"Add", "do not fit each other", []*onnx.Tensor{onnx.NewFloat32s("c", []int64{5}, make([]float32, 5))}, []onnx.Node{node("Add", "x c", "y")}},
		{"Add", `"nowhere" is not made by the graph`, nil, []onnx.Node{node("Add", "x nowhere", "y")}},
		{"Softmax", "", nil, []onnx.Node{node("Relu", "x", "r"), node("Softmax", "r", "y")}},
	} {
		_, err := lowerXY(model(t, c.constants, c.nodes...))
		var unsupported *UnsupportedError
		if !errors.As(err, &unsupported) || unsupported.Op != c.op || !strings.Contains(unsupported.Reason, c.reason) || c.reason == "" != (unsupported.Reason == "") {
			t.Errorf("%s, %q: error %v", c.op, c.reason, err)
		} else if !strings.Contains(err.Error(), "operator "+c.op+" (node the ") {
			t.Errorf("error %q names no operator and node", err)
		}
	}
}

// TestWanted: only what the wanted tensors need is rewritten, and it must depend on the image.
func TestWanted(t *testing.T) {
	r, err := lowerXY(model(t, nil, node("Relu", "x", "y"), node("Softmax", "y", "z")))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Outputs) != 1 || len(r.Graph.Nodes) != 2 { // the rectifier and the copy that ends the graph
		t.Errorf("%d nodes, outputs %v", len(r.Graph.Nodes), r.Outputs)
	}
	m := model(t, []*onnx.Tensor{onnx.NewFloat32s("c", []int64{1}, []float32{1})}, node("Identity", "c", "y"))
	if _, err := lowerXY(m); err == nil || !strings.Contains(err.Error(), "does not depend on the image") {
		t.Errorf("a constant output: error %v", err)
	}
	m = model(t, nil, node("Add", "x b", "a"), node("Relu", "a", "b"), node("Relu", "b", "y"))
	if _, err := lowerXY(m); err == nil || !strings.Contains(err.Error(), "cycle") {
		t.Errorf("a cycle: error %v", err)
	}
}

// TestNormFolds: a batch normalisation after a convolution costs nothing.
func TestNormFolds(t *testing.T) {
	per := func(name string) *onnx.Tensor { return onnx.NewFloat32s(name, []int64{2}, []float32{1, 2}) }
	m := model(t, []*onnx.Tensor{onnx.NewFloat32s("w", []int64{2, 3, 3, 3}, make([]float32, 54)), per("s"), per("b"), per("m"), per("v")},
		node("Conv", "x w", "c"), node("BatchNormalization", "c s b m v", "n"), node("Relu", "n", "y"))
	r, err := lowerXY(m)
	if err != nil {
		t.Fatal(err)
	}
	var ops []string
	for _, n := range r.Graph.Nodes {
		ops = append(ops, n.Op)
	}
	if got := strings.Join(ops, " "); got != "Conv Add Relu Mul" {
		t.Errorf("operators %s", got)
	}
}
