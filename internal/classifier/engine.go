package classifier

import "github.com/oodflow/oodflow/internal/onnx"

// engine evaluates a graph at the tensors it was started for. An engine is used by one goroutine at a time.
type engine interface {
	// run lets fill write the input, a tensor of the given shape in the graph's own layout whose values are whole
	// numbers of 0 to 255 where the graph takes bytes, computes, and returns the wanted tensors in the order they were asked for. They are valid until the next run.
	run(shape [4]int, fill func(dst []float32)) ([]array, error)
	// version is the engine's version, for people.
	version() string
	// close frees what the engine holds outside of Go's memory. It is called once.
	close() error
}

// twinned is an engine that can run several batches at a time.
type twinned interface {
	engine
	// twin returns an engine of the same model that may run while this one does. It is closed before this one.
	twin() engine
}

// array is a dense float32 tensor, row-major.
type array struct {
	shape []int
	data  []float32
}

// graph is what an engine is started with: a model whose wanted tensors, in model, are declared as graph outputs.
type graph struct {
	source  *onnx.Model
	model   []byte   // ONNX, external data not included
	folder  string   // where the external data lies
	input   string   // name of the one input
	bytes   bool     // the input is uint8, not float32
	outputs []string // the wanted tensors
	threads int      // goroutines or native threads to compute with, at least 1
}

// elements is the number of values of a shape.
func elements(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
