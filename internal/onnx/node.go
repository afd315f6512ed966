package onnx

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Node is one operation of the graph. An optional input that is left out is
// the empty string.
type Node struct {
	Name, Op, Domain string
	Inputs, Outputs  []string
	Attributes       []Attribute
}

// Attribute is a constant parameter of a node; the field that its kind uses
// is set.
type Attribute struct {
	Name    string
	Float   float32
	Int     int64
	String  string
	Tensor  *Tensor
	Floats  []float32
	Ints    []int64
	Strings []string

	kind int64  // AttributeProto.AttributeType, 0 where the file leaves it out
	msg  []byte // the AttributeProto, nil for a new one
}

// Attribute returns the attribute of a name, nil if the node has none.
func (n *Node) Attribute(name string) *Attribute {
	for i := range n.Attributes {
		if n.Attributes[i].Name == name {
			return &n.Attributes[i]
		}
	}
	return nil
}

// Int returns an integer attribute, or its default.
func (n *Node) Int(name string, otherwise int64) int64 {
	if a := n.Attribute(name); a != nil {
		return a.Int
	}
	return otherwise
}

// Float returns a float attribute, or its default.
func (n *Node) Float(name string, otherwise float32) float32 {
	if a := n.Attribute(name); a != nil {
		return a.Float
	}
	return otherwise
}

// Ints returns an attribute that is a list of integers, nil if not there.
func (n *Node) Ints(name string) []int64 {
	if a := n.Attribute(name); a != nil {
		return a.Ints
	}
	return nil
}

// Text returns a string attribute, or "".
func (n *Node) Text(name string) string {
	if a := n.Attribute(name); a != nil {
		return a.String
	}
	return ""
}

// Input returns the i-th input's name, "" when it is left out.
func (n *Node) Input(i int) string {
	if i < len(n.Inputs) {
		return n.Inputs[i]
	}
	return ""
}

// String is the node as "Op name", for messages.
func (n *Node) String() string {
	switch {
	case n.Name != "":
		return n.Op + " " + n.Name
	case len(n.Outputs) > 0:
		return n.Op + " that makes " + n.Outputs[0]
	}
	return n.Op
}

// parseNode reads a NodeProto.
func (p *parser) parseNode(msg []byte) (Node, error) {
	var n Node
	err := fields(msg, func(f field) error {
		switch f.num {
		case 1:
			return p.appendText(f, &n.Inputs)
		case 2:
			return p.appendText(f, &n.Outputs)
		case 3:
			return f.text(&n.Name)
		case 4:
			return f.text(&n.Op)
		case 5:
			if err := p.item(f); err != nil {
				return err
			}
			a, err := parseAttribute(f.b, p.dir)
			n.Attributes = append(n.Attributes, a)
			return err
		case 7:
			return f.text(&n.Domain)
		}
		return nil
	})
	if n.Domain == "ai.onnx" {
		n.Domain = "" // the two spellings of the standard domain
	}
	return n, err
}

// parseAttribute reads an AttributeProto. Graphs inside attributes (If,
// Loop) are carried in its bytes but not read.
func parseAttribute(msg []byte, dir string) (Attribute, error) {
	a := Attribute{msg: msg}
	err := fields(msg, func(f field) error {
		switch f.num {
		case 1:
			return f.text(&a.Name)
		case 2:
			a.Float = math.Float32frombits(uint32(f.u))
			return f.want(protowire.Fixed32Type)
		case 3:
			return f.integer(&a.Int)
		case 4:
			return f.text(&a.String)
		case 5:
			if err := f.want(protowire.BytesType); err != nil {
				return err
			}
			t, err := parseTensor(f.b, dir)
			a.Tensor = t
			return err
		case 7:
			return f.floats(&a.Floats)
		case 8:
			return f.integers(&a.Ints)
		case 9:
			if err := f.want(protowire.BytesType); err != nil {
				return err
			}
			a.Strings = append(a.Strings, string(f.b))
		case 20:
			return f.integer(&a.kind)
		}
		return nil
	})
	return a, err
}

// constant is the tensor that a Constant node holds, nil if it is no
// Constant node or of a kind that is not read (sparse, strings).
func (n *Node) constant() *Tensor {
	if n.Op != "Constant" || n.Domain != "" || len(n.Outputs) != 1 || len(n.Attributes) == 0 {
		return nil
	}
	a, name := &n.Attributes[0], n.Outputs[0]
	switch a.Name {
	case "value":
		if a.Tensor == nil {
			return nil
		}
		t := *a.Tensor
		t.Name = name
		return &t
	case "value_float":
		return NewFloat32s(name, nil, []float32{a.Float})
	case "value_floats":
		return NewFloat32s(name, []int64{int64(len(a.Floats))}, a.Floats)
	case "value_int":
		return NewInt64s(name, nil, []int64{a.Int})
	case "value_ints":
		return NewInt64s(name, []int64{int64(len(a.Ints))}, a.Ints)
	}
	return nil
}
