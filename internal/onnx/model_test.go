package onnx

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestModelFields reads the parts of a model that users see.
func TestModelFields(t *testing.T) {
	g := &Graph{
		IRVersion: 8, Opsets: map[string]int64{"": 13, "com.microsoft": 1},
		Inputs: []Value{
			{Name: "x", Type: Float, Shape: []int64{-1, 3, -1, 8}, Symbols: []string{"N", "", "", ""}},
			{Name: "w", Type: Float, Shape: []int64{5, 6}}, // an initializer that is an input too, as before IR version 4
		},
		Outputs:      []Value{{Name: "y", Type: Float, Shape: []int64{-1, 5}, Symbols: []string{"N", ""}}, {Name: "z"}},
		Initializers: []*Tensor{random("w", 5, 6), random("kernel", 6, 3, 3, 3)},
		Nodes: []Node{
			node("Conv", "x kernel", "c", IntsAttribute("pads", 1, 1, 1, 1), TextAttribute("auto_pad", "NOTSET")),
			{Op: "GlobalAveragePool", Domain: "ai.onnx", Inputs: []string{"c"}, Outputs: []string{"g"}},
			node("Flatten", "g", "f", IntAttribute("axis", 1)),
			node("Gemm", "f w", "y", transB, FloatAttribute("alpha", 0.5)),
			{Op: "Gelu", Domain: "com.microsoft", Inputs: []string{"y", ""}, Outputs: []string{"z"}},
		},
	}
	m, err := Parse(g.Encode(), "")
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Inputs) != 1 || m.Inputs[0].String() != "x [N 3 ? 8]" || m.Inputs[0].Type.String() != "float32" {
		t.Errorf("inputs %v", m.Inputs)
	}
	if len(m.Outputs) != 2 || m.Outputs[0].String() != "y [N 5]" || m.Outputs[1].String() != "z [?]" {
		t.Errorf("outputs %v", m.Outputs)
	}
	if m.IRVersion != 8 || m.Opsets[""] != 13 || m.Opsets["com.microsoft"] != 1 || m.Producer != "oodflow" {
		t.Errorf("got IR version %d, opsets %v, producer %q", m.IRVersion, m.Opsets, m.Producer)
	}
	if got := m.Operators(); !slices.Equal(got, []string{"Conv", "Flatten", "Gemm", "GlobalAveragePool", "com.microsoft.Gelu"}) {
		t.Errorf("operators %v", got)
	}
	n := m.ProducerOf("y")
	if n == nil || n.Int("transB", 0) != 1 || n.Float("alpha", 1) != 0.5 || n.Float("beta", 7) != 7 || n.Input(2) != "" {
		t.Errorf("node %+v", n)
	}
	if conv := m.ProducerOf("c"); !slices.Equal(conv.Ints("pads"), []int64{1, 1, 1, 1}) || conv.Text("auto_pad") != "NOTSET" {
		t.Errorf("node %+v", conv)
	}
	if m.ProducerOf("x") != nil || m.Constant("w") == nil || m.Constant("y") != nil {
		t.Error("producers and constants are mixed up")
	}
	if got := m.Shape("c"); !slices.Equal(got, []int64{-1, 6, -1, 8}) {
		t.Errorf("shape of c %v", got)
	}
	if again := m.Graph().Encode(); !bytes.Equal(again, (&Graph{m.IRVersion, m.Opsets, m.Nodes, m.Initializers, m.Inputs, m.Outputs}).Encode()) {
		t.Error("two writings of one graph differ")
	}
}

// TestRewrite changes a node and reads the result back.
func TestRewrite(t *testing.T) {
	m := classifier(t, []Node{node("Gemm", "f w", "y", transB)}, "y", random("w", 5, 6))
	g := m.Graph()
	g.Nodes = append(g.Nodes, node("Softmax", "y", "p", IntAttribute("axis", -1)))
	g.Outputs = []Value{{Name: "p"}}
	again, err := Parse(g.Encode(), "")
	if err != nil {
		t.Fatal(err)
	}
	h, err := again.FindHead()
	if err != nil || h.Logits != "y" || !h.Linear {
		t.Errorf("got %+v, %v", h, err)
	}
	if len(m.Nodes) != 5 || m.Outputs[0].Name != "y" {
		t.Error("the original changed")
	}
}

// TestWithOutputs adds outputs and leaves every other byte alone.
func TestWithOutputs(t *testing.T) {
	m := classifier(t, []Node{node("Gemm", "f w", "y", transB)}, "y", random("w", 5, 6))
	data, err := m.WithOutputs("f", "y", "map", "f")
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(data, "")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, v := range again.Outputs {
		names = append(names, v.Name)
	}
	if !slices.Equal(names, []string{"y", "f", "map"}) {
		t.Errorf("outputs %v", names)
	}
	if !bytes.Contains(data, m.graph.b) || !bytes.HasSuffix(data, m.raw[m.graph.end:]) || !bytes.HasPrefix(data, m.raw[:m.graph.start]) {
		t.Error("more than the outputs changed")
	}
	if same, err := m.WithOutputs("y"); err != nil || !bytes.Equal(same, m.raw) {
		t.Errorf("an output that was there changed the model: %v", err)
	}
	for _, name := range []string{"x", "w", "", "nothing"} {
		var unknown *UnknownTensorError
		if _, err := m.WithOutputs(name); !errors.As(err, &unknown) {
			t.Errorf("%q: got %v", name, err)
		}
	}
}

// TestWithEndedOutputs adds outputs that a node of their own makes.
func TestWithEndedOutputs(t *testing.T) {
	m := classifier(t, []Node{node("Gemm", "f w", "y", transB)}, "y", random("w", 5, 6))
	for op, with := range map[string]func(...string) ([]byte, []string, error){"Identity": m.WithIdentityOutputs, "Cast": m.WithFloatOutputs} {
		data, names, err := with("f", "y", "f")
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(data, "")
		if err != nil {
			t.Fatal(err)
		}
		if len(names) != 3 || names[0] == names[2] || len(again.Outputs) != 4 {
			t.Fatalf("names %v, outputs %v", names, again.Outputs)
		}
		for i, from := range []string{"f", "y", "f"} {
			n := again.ProducerOf(names[i])
			if n == nil || n.Op != op || n.Input(0) != from || again.Outputs[1+i].Name != names[i] {
				t.Errorf("%s: %+v", names[i], n)
			}
		}
	}
	if _, _, err := m.WithIdentityOutputs("nothing"); err == nil {
		t.Error("an unknown tensor accepted")
	}
}

// TestTruncated cuts a model at every length: an error each time, and one
// that says so once it is recognisable as a model.
func TestTruncated(t *testing.T) {
	g := classifier(t, []Node{node("Gemm", "f w", "y", transB)}, "y", random("w", 5, 6)).Graph()
	g.Opsets = map[string]int64{"": 13} // the last field, so that every cut takes something needed
	data := g.Encode()
	for n := range data {
		_, err := Parse(data[:n], "")
		if err == nil {
			t.Fatalf("the first %d of %d bytes accepted", n, len(data))
		}
		if n > 20 && !errors.Is(err, ErrTruncated) {
			t.Fatalf("the first %d of %d bytes: %v", n, len(data), err)
		}
	}
}

func TestNotONNX(t *testing.T) {
	for words, data := range map[string]string{
		"empty":            "",
		"Git LFS":          "version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
		"zip":              "PK\x03\x04rest",
		"HDF5":             "\x89HDF\r\n\x1a\n",
		"TensorFlow Lite":  "\x1c\x00\x00\x00TFL3",
		"pickle":           "\x80\x02}q\x00",
		"HTML":             "<!DOCTYPE html><html>",
		"safetensors":      "\x10\x00\x00\x00\x00\x00\x00\x00{\"a\":{}}",
		"ORT format":       "\x1c\x00\x00\x00ORTM",
		"not an ONNX":      "hello, world\n",
		"not an ONNX ":     "\x89PNG\r\n\x1a\n0000",
		"not an ONNX mode": "\x08\x07\x3a\x02\x08\x01", // nodes as a number
	} {
		path := filepath.Join(t.TempDir(), "model.onnx")
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load(path)
		if !errors.Is(err, ErrNotONNX) || !strings.Contains(err.Error(), strings.TrimSpace(words)) || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: got %v, want words %q", data, err, words)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none.onnx")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

// TestDamagedGraph refuses graphs that no tool writes.
func TestDamagedGraph(t *testing.T) {
	twice := &Graph{IRVersion: 8, Opsets: map[string]int64{"": 13}, Nodes: []Node{node("Relu", "x", "y"), node("Neg", "x", "y")}}
	if _, err := Parse(twice.Encode(), ""); err == nil || !strings.Contains(err.Error(), "made twice") {
		t.Errorf("tensor made twice: %v", err)
	}
	cycle := &Graph{IRVersion: 8, Opsets: map[string]int64{"": 13}, Nodes: []Node{node("Relu", "b", "a"), node("Relu", "a", "b")}, Outputs: []Value{{Name: "a"}}}
	m, err := Parse(cycle.Encode(), "")
	if err != nil {
		t.Fatal(err)
	}
	var missing *NoHeadError
	if _, err := m.FindHead(); !errors.As(err, &missing) {
		t.Errorf("cycle: %v", err)
	}
	if _, err := m.HeadAt("a"); err != nil {
		t.Errorf("cycle: %v", err)
	}
}

// TestTrainingMode points at nodes that do not act as in inference.
func TestTrainingMode(t *testing.T) {
	yes := newTensor("yes", Bool, nil, []byte{1})
	no := newTensor("no", Bool, nil, []byte{0})
	half := random("ratio")
	for mode, want := range map[string]string{"yes": "d", "no": "f"} {
		m := classifier(t, []Node{node("Dropout", "f ratio "+mode, "d"), node("Gemm", "d w", "y", transB)}, "y", random("w", 5, 6), yes, no, half)
		h, err := m.FindHead()
		if err != nil {
			t.Fatal(err)
		}
		warned := strings.Contains(strings.Join(h.Why, "\n"), "training mode")
		if h.Features != want || warned != (mode == "yes") || (len(m.TrainingNodes()) == 1) != (mode == "yes") {
			t.Errorf("training_mode %s: features %s, warned %v, nodes %v", mode, h.Features, warned, m.TrainingNodes())
		}
	}
}

// TestTooManyNodes stops at a graph whose few bytes a node would cost much
// memory each.
func TestTooManyNodes(t *testing.T) {
	tiny := encodeNode(&Node{Op: "A", Outputs: []string{""}})
	graph := bytes.Repeat(appendBytes(nil, 1, tiny), maxItems)
	data := appendBytes(appendInt(nil, 1, 8), 7, graph)
	if _, err := Parse(data, ""); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("got %v", err)
	}
}
