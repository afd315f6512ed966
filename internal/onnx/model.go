package onnx

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Model is an ONNX model: its graph, and the bytes it was read from. It is
// not changed after reading and is safe for concurrent use.
type Model struct {
	IRVersion       int64
	Producer        string           // name and version of the exporter
	Opsets          map[string]int64 // version by domain; "" is the standard one
	Inputs, Outputs []Value          // inputs without the initializers among them
	Nodes           []Node           // in the file's order
	Initializers    []*Tensor

	raw       []byte
	graph     field // the (last) graph field in raw
	functions []string
	declared  map[string]Value // value_info, inputs and outputs by name
	constants map[string]*Tensor
	producer  map[string]int   // node that makes a tensor
	consumers map[string][]int // nodes that read a tensor, each once
	facts     *facts
}

// Load reads a model and checks that the files of its external data, if it
// has any, are there. The file is read whole; weights are not copied again.
func Load(path string) (*Model, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read model: %w", err)
	}
	m, err := Parse(data, filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("read model %s: %w", path, err)
	}
	return m, nil
}

// Parse reads a model from memory; dir is where its external data lies. The
// model keeps data, which must not change afterwards.
func Parse(data []byte, dir string) (*Model, error) {
	m := &Model{raw: data, Opsets: map[string]int64{}, declared: map[string]Value{}}
	p := &parser{m: m, dir: dir}
	if err := p.model(data); err != nil {
		return nil, explain(data, m, err)
	}
	if err := m.index(); err != nil {
		return nil, err
	}
	if err := m.checkExternal(); err != nil {
		return nil, err
	}
	m.facts = m.infer()
	return m, nil
}

// Bytes returns the model as it was read. The caller must not change them.
func (m *Model) Bytes() []byte { return m.raw }

// Constant returns the initializer or Constant node's value of a name, nil
// if the tensor is neither.
func (m *Model) Constant(name string) *Tensor { return m.constants[name] }

// Operators lists the operator types of the graph, sorted, each once, those
// of other domains as domain.Op.
func (m *Model) Operators() []string {
	set := map[string]bool{}
	for i := range m.Nodes {
		n := &m.Nodes[i]
		if n.Domain != "" {
			set[n.Domain+"."+n.Op] = true
		} else {
			set[n.Op] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// ProducerOf returns the node that makes a tensor, nil for inputs and
// constants.
func (m *Model) ProducerOf(tensor string) *Node {
	if i, ok := m.producer[tensor]; ok {
		return &m.Nodes[i]
	}
	return nil
}

// Shape returns what is known of a tensor's shape, -1 for a dimension that
// is not, and nil when not even the rank is known: as declared in the file,
// or followed from the weights through the common operators.
func (m *Model) Shape(tensor string) []int64 { return slices.Clone(m.facts.shape[tensor]) }

// index connects nodes and tensors by name.
func (m *Model) index() error {
	m.constants = make(map[string]*Tensor, len(m.Initializers))
	m.producer = make(map[string]int, len(m.Nodes))
	m.consumers = make(map[string][]int, len(m.Nodes))
	for _, t := range m.Initializers {
		m.constants[t.Name] = t
	}
	m.Inputs = slices.DeleteFunc(m.Inputs, func(v Value) bool { return m.constants[v.Name] != nil })
	for i := range m.Nodes {
		n := &m.Nodes[i]
		for _, out := range n.Outputs {
			if out == "" {
				continue
			}
			if _, twice := m.producer[out]; twice || m.constants[out] != nil {
				return fmt.Errorf("damaged graph: tensor %q is made twice", out)
			}
			m.producer[out] = i
		}
		for _, in := range n.Inputs {
			if c := m.consumers[in]; in != "" && (len(c) == 0 || c[len(c)-1] != i) {
				m.consumers[in] = append(c, i)
			}
		}
	}
	for i := range m.Nodes {
		if t := m.Nodes[i].constant(); t != nil {
			m.constants[t.Name] = t
		}
	}
	return nil
}

// checkExternal fails on the first tensor whose external data is not there.
func (m *Model) checkExternal() error {
	sizes := map[string]int64{}
	for _, t := range m.constants {
		if t.external == nil {
			continue
		}
		if err := t.external.check(sizes); err != nil {
			return fmt.Errorf("tensor %q: %w", t.Name, err)
		}
	}
	return nil
}
