package onnx

import (
	"maps"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

func appendInt(b []byte, num protowire.Number, v int64) []byte {
	b = protowire.AppendTag(b, num, protowire.VarintType)
	return protowire.AppendVarint(b, uint64(v))
}

func appendBytes(b []byte, num protowire.Number, v []byte) []byte {
	b = protowire.AppendTag(b, num, protowire.BytesType)
	return protowire.AppendBytes(b, v)
}

func appendText(b []byte, num protowire.Number, v string) []byte {
	if v == "" {
		return b
	}
	return appendBytes(b, num, []byte(v))
}

// encodeNode writes a NodeProto.
func encodeNode(n *Node) []byte {
	var b []byte
	for _, in := range n.Inputs {
		b = appendBytes(b, 1, []byte(in))
	}
	for _, out := range n.Outputs {
		b = appendBytes(b, 2, []byte(out))
	}
	b = appendText(b, 3, n.Name)
	b = appendText(b, 4, n.Op)
	for i := range n.Attributes {
		b = appendBytes(b, 5, encodeAttribute(&n.Attributes[i]))
	}
	return appendText(b, 7, n.Domain)
}

// encodeAttribute writes an AttributeProto: its own bytes when it was read,
// the field of its kind when it is new.
func encodeAttribute(a *Attribute) []byte {
	if a.msg != nil {
		return a.msg
	}
	b := appendText(nil, 1, a.Name)
	switch a.kind {
	case kindFloat:
		b = protowire.AppendTag(b, 2, protowire.Fixed32Type)
		b = protowire.AppendFixed32(b, math.Float32bits(a.Float))
	case kindInt:
		b = appendInt(b, 3, a.Int)
	case kindString:
		b = appendBytes(b, 4, []byte(a.String))
	case kindTensor:
		b = appendBytes(b, 5, a.Tensor.msg)
	case kindInts:
		for _, v := range a.Ints {
			b = appendInt(b, 8, v)
		}
	}
	return appendInt(b, 20, a.kind)
}

// AttributeProto.AttributeType.
const (
	kindFloat  = 1
	kindInt    = 2
	kindString = 3
	kindTensor = 4
	kindInts   = 7
)

// FloatAttribute makes a float attribute for a new node.
func FloatAttribute(name string, v float32) Attribute {
	return Attribute{Name: name, Float: v, kind: kindFloat}
}

// IntAttribute makes an integer attribute for a new node.
func IntAttribute(name string, v int64) Attribute {
	return Attribute{Name: name, Int: v, kind: kindInt}
}

// TextAttribute makes a string attribute for a new node.
func TextAttribute(name, v string) Attribute {
	return Attribute{Name: name, String: v, kind: kindString}
}

// IntsAttribute makes an attribute that is a list of integers for a new node.
func IntsAttribute(name string, v ...int64) Attribute {
	return Attribute{Name: name, Ints: v, kind: kindInts}
}

// TensorAttribute makes a tensor attribute for a new node.
func TensorAttribute(name string, v *Tensor) Attribute {
	return Attribute{Name: name, Tensor: v, kind: kindTensor}
}

// encodeValue writes a ValueInfoProto; what is unknown is left out.
func encodeValue(v Value) []byte {
	b := appendText(nil, 1, v.Name)
	if v.Type == 0 {
		return b
	}
	tensor := appendInt(nil, 1, int64(v.Type))
	if v.Shape != nil {
		var shape []byte
		for i, d := range v.Shape {
			var dim []byte
			switch {
			case d >= 0:
				dim = appendInt(nil, 1, d)
			case i < len(v.Symbols):
				dim = appendText(nil, 2, v.Symbols[i])
			}
			shape = appendBytes(shape, 1, dim)
		}
		tensor = appendBytes(tensor, 2, shape)
	}
	return appendBytes(b, 2, appendBytes(nil, 1, tensor))
}

// Graph is a model to be written: a rewritten one, or one made from nothing.
type Graph struct {
	IRVersion       int64
	Opsets          map[string]int64
	Nodes           []Node
	Initializers    []*Tensor
	Inputs, Outputs []Value
}

// Graph returns the model's graph for rewriting: change the slices of the
// result at will, then Encode it. Nodes and tensors are shared with the
// model, so replace them rather than writing into them.
func (m *Model) Graph() *Graph {
	return &Graph{
		IRVersion:    m.IRVersion,
		Opsets:       maps.Clone(m.Opsets),
		Nodes:        slices.Clone(m.Nodes),
		Initializers: slices.Clone(m.Initializers),
		Inputs:       slices.Clone(m.Inputs),
		Outputs:      slices.Clone(m.Outputs),
	}
}

// Encode writes a ModelProto. Equal graphs give equal bytes. External data
// stays external.
func (g *Graph) Encode() []byte {
	var graph []byte
	for i := range g.Nodes {
		graph = appendBytes(graph, 1, encodeNode(&g.Nodes[i]))
	}
	graph = appendText(graph, 2, "graph")
	for _, t := range g.Initializers {
		graph = appendBytes(graph, 5, t.msg)
	}
	for _, v := range g.Inputs {
		graph = appendBytes(graph, 11, encodeValue(v))
	}
	for _, v := range g.Outputs {
		graph = appendBytes(graph, 12, encodeValue(v))
	}
	b := appendInt(nil, 1, g.IRVersion)
	b = appendText(b, 2, "oodflow")
	b = appendBytes(b, 7, graph)
	for _, domain := range slices.Sorted(maps.Keys(g.Opsets)) {
		b = appendBytes(b, 8, appendInt(appendText(nil, 1, domain), 2, g.Opsets[domain]))
	}
	return b
}
