package classifier

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"

	"gorgonia.org/gorgonia"

	"github.com/oodflow/oodflow/internal/blas"
	"github.com/oodflow/oodflow/internal/classifier/lower"
)

// pureEngine evaluates a graph with onnx-go and gorgonia. Where the model takes any number of images, each
// is computed by itself, so that a batch cannot change a result, by one of several copies of the graph at a
// time: gorgonia computes most operations on one core only.
type pureEngine struct {
	graph  graph
	fixed  int // images per evaluation that the model fixes, or 0
	shape  [4]int
	lanes  []*lane // for images of shape, compiled when they are first seen
	images []float32
	out    []array
}

var _ engine = (*pureEngine)(nil)

// mostLanes bounds the copies of the graph: each holds its own activations, and matrix products use the other
// cores anyway.
const mostLanes = 16

// useBLAS gives gorgonia the BLAS that everything else computes with, which takes calls from all lanes at a time.
var useBLAS = sync.OnceFunc(func() { gorgonia.Use(blas.Split()) })

// startPure starts the pure Go engine; warnings say why it had to take over, if it had.
func startPure(g graph, in input, warnings []string) (started, error) {
	useBLAS()
	e := &pureEngine{graph: g, fixed: in.batch}
	h, w := in.probeSize()
	if err := e.compile(in.shape(max(1, in.batch), h, w)); err != nil {
		return started{}, err
	}
	return started{engine: e, name: EnginePure, warnings: warnings}, nil
}

// Modules whose versions are shown.
const (
	gorgoniaModule = "gorgonia.org/gorgonia"
	onnxgoModule   = "github.com/owulveryck/onnx-go"
)

// version names the two libraries' versions as linked.
func (e *pureEngine) version() string {
	version := map[string]string{}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			version[m.Path] = m.Version
		}
	}
	if version[gorgoniaModule] == "" { // a test binary does not tell
		return "of unknown version"
	}
	return fmt.Sprintf("%s, onnx-go %s", version[gorgoniaModule], version[onnxgoModule])
}

// compile makes the lanes for evaluations of the given shape.
func (e *pureEngine) compile(shape [4]int) error {
	if e.lanes != nil && shape == e.shape {
		return nil
	}
	e.lanes = nil
	lowered, err := lower.Lower(e.graph.source, e.graph.input, shape[:], e.graph.outputs)
	if err != nil {
		return pureError(err)
	}
	for i, o := range lowered.Outputs {
		if e.fixed == 0 && (len(o.Shape) < 1 || o.Shape[0] != 1) {
			return fmt.Errorf("the tensor %s has shape %v for one image", e.graph.outputs[i], o.Shape)
		}
	}
	lanes := min(e.graph.threads, mostLanes)
	if e.fixed != 0 {
		lanes = 1
	}
	encoded := lowered.Graph.Encode()
	for range lanes {
		l, err := newLane(encoded, lowered, shape)
		if err != nil {
			return pureError(err)
		}
		e.lanes = append(e.lanes, l)
	}
	e.shape = shape
	return nil
}

// pureError words what the engine cannot do, and how to do without it.
func pureError(err error) error {
	return fmt.Errorf("the pure Go engine (onnx-go with gorgonia) cannot run this model: %w; ONNX Runtime can: %s", err, HowToGetLibrary())
}

func (e *pureEngine) run(shape [4]int, fill func([]float32)) ([]array, error) {
	n, per := shape[0], elements(shape[1:])
	one := shape
	if e.fixed == 0 {
		one[0] = 1
	}
	if err := e.compile(one); err != nil {
		return nil, err
	}
	if cap(e.images) < n*per {
		e.images = make([]float32, n*per)
	}
	e.images = e.images[:n*per]
	fill(e.images)
	e.prepare(n)

	var next atomic.Int64
	errs := make([]error, len(e.lanes))
	var wait sync.WaitGroup
	for i, l := range e.lanes {
		wait.Go(func() {
			for errs[i] == nil {
				j := int(next.Add(1)) - 1 // evaluation, of one[0] images
				if j*one[0] >= n {
					return
				}
				errs[i] = l.run(e.images[j*one[0]*per:(j+1)*one[0]*per], e.out, j)
			}
		})
	}
	wait.Wait()
	return e.out, errors.Join(errs...)
}

// prepare makes room for the results of n images.
func (e *pureEngine) prepare(n int) {
	outputs := e.lanes[0].outputs
	e.out = append(e.out[:0], make([]array, len(outputs))...)
	for i, o := range outputs {
		shape := slices.Clone(o.Shape)
		if e.fixed == 0 {
			shape[0] = n
		}
		e.out[i] = array{shape, make([]float32, elements(shape))}
	}
}

func (e *pureEngine) close() error {
	e.lanes, e.images, e.out = nil, nil, nil
	return nil
}
