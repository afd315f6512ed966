package onnx

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
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

// maxItems bounds the nodes, names, attributes and tensors of a model, each
// of which costs more memory than the few bytes it can be written in. The
// largest image classifiers have some ten thousand.
const maxItems = 4 << 20

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

// Producer returns the node that makes a tensor, nil for inputs and
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

// parser carries what reading one model needs.
type parser struct {
	m     *Model
	dir   string
	items int
}

// item counts one repeated message or string and checks its wire type.
func (p *parser) item(f field) error {
	if p.items++; p.items > maxItems {
		return fmt.Errorf("more than %d nodes, tensors and names", maxItems)
	}
	return f.want(protowire.BytesType)
}

func (p *parser) appendText(f field, dst *[]string) error {
	if err := p.item(f); err != nil {
		return err
	}
	*dst = append(*dst, string(f.b))
	return nil
}

// errNested hides that a nested message ended early: the file itself is not
// truncated then, but damaged.
var errNested = errors.New("damaged message")

// model reads a ModelProto.
func (p *parser) model(msg []byte) error {
	var name, version string
	err := fields(msg, func(f field) error {
		switch f.num {
		case 1:
			return f.integer(&p.m.IRVersion)
		case 2:
			return f.text(&name)
		case 3:
			return f.text(&version)
		case 7:
			if err := f.want(protowire.BytesType); err != nil {
				return err
			}
			p.m.graph = f
			return nested(fields(f.b, p.graphField))
		case 8:
			return nested(p.opset(f))
		case 25:
			return nested(p.function(f))
		}
		return nil
	})
	p.m.Producer = name
	if version != "" {
		p.m.Producer += " " + version
	}
	switch {
	case err != nil:
		return err
	case p.m.graph.end == 0:
		return fmt.Errorf("%w: it has no graph", errIncomplete)
	case len(p.m.Opsets) == 0:
		return fmt.Errorf("%w: it names no operator set", errIncomplete)
	}
	return nil
}

func nested(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: %v", errNested, err)
	}
	return err
}

// opset reads an OperatorSetIdProto.
func (p *parser) opset(f field) error {
	if err := p.item(f); err != nil {
		return err
	}
	var domain string
	var version int64
	err := fields(f.b, func(f field) error {
		switch f.num {
		case 1:
			return f.text(&domain)
		case 2:
			return f.integer(&version)
		}
		return nil
	})
	if domain == "ai.onnx" {
		domain = ""
	}
	p.m.Opsets[domain] = version
	return err
}

// function reads the name of a FunctionProto; its body is not read.
func (p *parser) function(f field) error {
	if err := p.item(f); err != nil {
		return err
	}
	return fields(f.b, func(f field) error {
		if f.num == 1 {
			return p.appendText(f, &p.m.functions)
		}
		return nil
	})
}

// graphField reads one field of the GraphProto.
func (p *parser) graphField(f field) error {
	switch f.num {
	case 1, 5, 11, 12, 13:
		if err := p.item(f); err != nil {
			return err
		}
	}
	switch f.num {
	case 1:
		n, err := p.parseNode(f.b)
		if err == nil && n.Op == "" {
			err = errors.New("a node has no operator type")
		}
		p.m.Nodes = append(p.m.Nodes, n)
		return err
	case 5:
		t, err := parseTensor(f.b, p.dir)
		p.m.Initializers = append(p.m.Initializers, t)
		return err
	case 11, 12, 13:
		v, err := parseValue(f.b)
		p.m.declared[v.Name] = v
		switch f.num {
		case 11:
			p.m.Inputs = append(p.m.Inputs, v)
		case 12:
			p.m.Outputs = append(p.m.Outputs, v)
		}
		return err
	}
	return nil
}

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
