package classifier

import (
	"fmt"
	"sync"

	onnxgo "github.com/owulveryck/onnx-go"
	"github.com/owulveryck/onnx-go/backend/x/gorgonnx"
	"gorgonia.org/tensor"

	"github.com/oodflow/oodflow/internal/classifier/lower"
)

// lane is one copy of the rewritten graph.
type lane struct {
	model   *onnxgo.Model
	backend *gorgonnx.Graph
	input   *tensor.Dense
	outputs []lower.Output
}

// building guards onnx-go's counter of names, which all graphs share.
var building sync.Mutex

// newLane makes onnx-go read the rewritten graph. The constants' memory is shared by all lanes.
func newLane(encoded []byte, lowered *lower.Result, shape [4]int) (l *lane, err error) {
	building.Lock()
	defer building.Unlock()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("onnx-go panics while reading the graph: %v", r)
		}
	}()
	l = &lane{backend: gorgonnx.NewGraph(), outputs: lowered.Outputs}
	l.model = onnxgo.NewModel(l.backend)
	if err := l.model.UnmarshalBinary(encoded); err != nil {
		return nil, fmt.Errorf("onnx-go: %w", err)
	}
	for _, c := range lowered.Constants {
		if err := l.setConstant(c); err != nil {
			return nil, err
		}
	}
	l.input = tensor.New(tensor.WithShape(shape[:]...), tensor.Of(tensor.Float32))
	if err := l.model.SetInput(0, l.input); err != nil {
		return nil, fmt.Errorf("onnx-go: %w", err)
	}
	g, err := l.backend.GetExprGraph()
	if err != nil {
		return nil, fmt.Errorf("onnx-go: %w", err)
	}
	m, err := newMachine(g)
	if err != nil {
		return nil, err
	}
	l.backend.SetVM(m)
	return l, nil
}

// setConstant gives a tensor that no node makes its value.
func (l *lane) setConstant(c lower.Constant) error {
	var backing any = c.Floats
	if c.Floats == nil {
		backing = c.Ints
	}
	node, ok := l.model.GetNodeByName(c.Name)
	carrier, can := node.(onnxgo.DataCarrier)
	if !ok || !can {
		return fmt.Errorf("onnx-go does not know the constant %s", c.Name)
	}
	if err := carrier.SetTensor(tensor.New(tensor.WithShape(c.Shape...), tensor.WithBacking(backing))); err != nil {
		return fmt.Errorf("onnx-go: set the constant %s: %w", c.Name, err)
	}
	return nil
}

// run evaluates the graph and copies its results to the i-th place of out.
func (l *lane) run(images []float32, out []array, i int) error {
	copy(l.input.Data().([]float32), images)
	if err := l.backend.Run(); err != nil {
		return err
	}
	results, err := l.model.GetOutputTensors()
	if err != nil {
		return fmt.Errorf("onnx-go: %w", err)
	}
	for k, t := range results {
		data, ok := t.Data().([]float32)
		if !ok || len(data) != elements(l.outputs[k].Shape) {
			return fmt.Errorf("onnx-go returns %v for a tensor of shape %v", t.Shape(), l.outputs[k].Shape)
		}
		copy(out[k].data[i*len(data):], data)
	}
	return nil
}
