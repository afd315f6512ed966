package onnx

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// WithOutputs returns the model's bytes with more outputs on its graph: the
// named tensors, in order, after the ones it has. Nothing else is touched,
// byte for byte. A tensor that is an output already is left as it is; one
// that no node makes is an error.
func (m *Model) WithOutputs(tensors ...string) ([]byte, error) {
	var add []byte
	for i, name := range tensors {
		if err := m.checkMade(name); err != nil {
			return nil, err
		}
		if m.isOutput(name) || slices.Contains(tensors[:i], name) {
			continue
		}
		// Declared as the file declares it, if it does; engines work out the rest.
		v := m.declared[name]
		v.Name = name
		add = appendBytes(add, 12, encodeValue(v))
	}
	return m.patchGraph(add), nil
}

// WithIdentityOutputs is WithOutputs for engines that hand over a tensor
// only where its chain of nodes ends: each named tensor is read by an added
// Identity node, whose output, named in names, is added to the graph. It
// does so for tensors that are outputs already, too.
func (m *Model) WithIdentityOutputs(tensors ...string) (data []byte, names []string, err error) {
	return m.withNodes(func(name string) (Node, Value) {
		return Node{Op: "Identity"}, m.declared[name]
	}, tensors)
}

// WithFloatOutputs is WithIdentityOutputs with a Cast to float32 instead, for
// models that compute in half or double precision.
func (m *Model) WithFloatOutputs(tensors ...string) (data []byte, names []string, err error) {
	return m.withNodes(func(name string) (Node, Value) {
		v := m.declared[name]
		v.Type = Float
		return Node{Op: "Cast", Attributes: []Attribute{IntAttribute("to", int64(Float))}}, v
	}, tensors)
}

// withNodes adds, for each tensor, a node that reads it and an output of the
// graph that the node makes.
func (m *Model) withNodes(end func(tensor string) (Node, Value), tensors []string) (data []byte, names []string, err error) {
	var nodes, outputs []byte
	for _, tensor := range tensors {
		if err := m.checkMade(tensor); err != nil {
			return nil, nil, err
		}
		name := m.freshName(tensor, names)
		names = append(names, name)
		n, v := end(tensor)
		n.Name, n.Inputs, n.Outputs, v.Name = name, []string{tensor}, []string{name}, name
		nodes = appendBytes(nodes, 1, encodeNode(&n))
		outputs = appendBytes(outputs, 12, encodeValue(v))
	}
	return m.patchGraph(append(nodes, outputs...)), names, nil
}

func (m *Model) checkMade(tensor string) error {
	if _, ok := m.producer[tensor]; !ok || tensor == "" {
		return m.unknownTensor(tensor)
	}
	return nil
}

func (m *Model) isOutput(tensor string) bool {
	return slices.ContainsFunc(m.Outputs, func(v Value) bool { return v.Name == tensor })
}

// freshName is the tensor's name with a suffix that makes it new.
func (m *Model) freshName(tensor string, taken []string) string {
	for i := 0; ; i++ {
		name := fmt.Sprintf("%s/oodflow_%d", tensor, i)
		_, made := m.producer[name]
		_, declared := m.declared[name]
		if !made && !declared && m.constants[name] == nil && !slices.Contains(taken, name) {
			return name
		}
	}
}

// patchGraph appends encoded fields to the graph message within the model's
// bytes; only the graph's length changes before them.
func (m *Model) patchGraph(add []byte) []byte {
	out := make([]byte, 0, len(m.raw)+len(add)+protowire.SizeVarint(uint64(len(m.raw))))
	out = append(out, m.raw[:m.graph.start]...)
	out = protowire.AppendTag(out, 7, protowire.BytesType)
	out = protowire.AppendVarint(out, uint64(len(m.graph.b)+len(add)))
	out = append(out, m.graph.b...)
	out = append(out, add...)
	return append(out, m.raw[m.graph.end:]...)
}
