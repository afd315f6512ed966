package onnx

import (
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxItems bounds the nodes, names, attributes and tensors of a model, each
// of which costs more memory than the few bytes it can be written in. The
// graphs of torchvision have some fifty thousand.
const maxItems = 1 << 20

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
