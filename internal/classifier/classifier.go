package classifier

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/onnx"
)

// Options say how to open a classifier. The zero value chooses everything by itself.
type Options struct {
	Engine        string // EngineAuto (also ""), EngineRuntime or EnginePure
	Library       string // ONNX Runtime's shared library, or its folder; "" searches (see FindLibrary)
	FeatureTensor string // graph tensor to read the features from; "" finds it by itself
	Threads       int    // cores to compute with; 0 takes all that this process may use (GOMAXPROCS)
	Batch         int    // images per run of the engine; 0 chooses from the image size. A fixed batch stays
}

// Info says what was opened and how it is run.
type Info struct {
	Engine        string   // EngineRuntime or EnginePure
	EngineVersion string   // version of that engine
	Library       string   // shared library in use; "" for the pure Go engine
	Warnings      []string // what went wrong on the way and did not stop it, for people

	File   string // the model file's name, without folders
	SHA256 string // of the model file, and of its external data where it has any (see onnx)

	FeatureTensor string // graph tensor the features are read from
	Pool          string // "mean" where the tensor is a spatial map whose mean is taken, or ""
	Dim           int    // feature dimension
	LogitsTensor  string // graph tensor the logits are read from; "" where the model has none
	Classes       int    // logits per image; 0 where the model has none

	InputName     string
	Channels      int  // always 3: red, green, blue
	Height, Width int  // of the images it takes; 0 takes any
	ChannelsLast  bool // it takes N×H×W×3; Run is given N×3×H×W all the same
	Bytes         bool // it takes pixels of 0 to 255 as uint8; Run is given them as float32
	FixedBatch    int  // images per run that the model itself fixes; 0 when it takes any number
	Batch         int  // images per run of the engine
	Together      int  // images per call of Run that keep all cores busy: some batches
	Threads       int  // cores it computes with

	Head *features.Head // the linear head, proven on a probe; nil where the head is not linear
	Why  []string       // how the features were found, for people
}

// Classifier runs one model. It is used by one goroutine at a time; several classifiers may run at once.
type Classifier struct {
	info  Info
	input input
	head  *onnx.Head
	lanes []engine // an engine and its twins; nil when closed

	features, logits []float32 // results of the last Run
}

// Open reads the model at path, finds its penultimate features and its head, starts an engine, and proves on
// a probe batch that the features do not depend on the rest of the batch and, where the head is linear, that
// W·f + b gives the logits. It refuses a model that fails, and one the engine cannot run, with the reason.
// The classifier must be closed after use.
func Open(path string, opt Options) (*Classifier, error) {
	if err := checkEngine(opt.Engine); err != nil {
		return nil, err
	}
	c, err := open(path, opt)
	if err != nil {
		return nil, fmt.Errorf("open classifier %s: %w", path, err)
	}
	return c, nil
}

func open(path string, opt Options) (*Classifier, error) {
	m, err := onnx.Load(path)
	if err != nil {
		return nil, err
	}
	in, err := inputOf(m)
	if err != nil {
		return nil, err
	}
	head, err := findHead(m, opt.FeatureTensor)
	if err != nil {
		return nil, err
	}
	sum, err := checksum(path, m)
	if err != nil {
		return nil, err
	}
	threads := opt.Threads
	if threads < 1 {
		threads = runtime.GOMAXPROCS(0)
	}
	outputs := []string{head.Features}
	if head.Logits != "" {
		outputs = append(outputs, head.Logits)
	}
	model, err := m.WithOutputs(outputs...)
	if err != nil {
		return nil, err
	}
	folder, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	s, err := start(opt, graph{source: m, model: model, folder: folder, input: in.name, bytes: in.bytes, outputs: outputs, threads: threads}, in)
	if err != nil {
		return nil, err
	}
	c := &Classifier{input: in, head: head, lanes: []engine{s.engine}}
	c.info = describe(path, sum, in, head, s)
	c.info.Threads = threads
	c.info.Batch = chooseBatch(opt.Batch, in)
	c.info.Together = c.info.Batch
	if e, ok := s.engine.(twinned); ok {
		c.info.Together *= together
		for lanes, _ := lanesOf(threads); len(c.lanes) < lanes; {
			c.lanes = append(c.lanes, e.twin())
		}
	}
	if err := c.prove(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// findHead takes the tensor that was asked for, or finds the penultimate one.
func findHead(m *onnx.Model, tensor string) (*onnx.Head, error) {
	if tensor != "" {
		return m.HeadAt(tensor)
	}
	return m.FindHead()
}

// Info says what was opened and how it is run.
func (c *Classifier) Info() Info { return c.info }

// Close frees the engine. Closing again does nothing.
func (c *Classifier) Close() error {
	var failed error
	for _, e := range slices.Backward(c.lanes) { // twins before the one whose model they share
		failed = errors.Join(failed, e.close())
	}
	c.lanes = nil
	if failed != nil {
		return fmt.Errorf("close the %s engine: %w", c.info.Engine, failed)
	}
	return nil
}
