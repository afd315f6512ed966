//go:build cgo

package classifier

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// haveRuntime tells that this binary can call ONNX Runtime.
const haveRuntime = true

// environment is the one ONNX Runtime environment of the process. It is made for the first session and
// stays: sessions of several classifiers share it, and the library is never unloaded.
var environment struct {
	sync.Mutex
	library Library
}

// loadLibrary loads ONNX Runtime's library, or checks that the loaded one is the one asked for.
func loadLibrary(lib Library) (Library, error) {
	environment.Lock()
	defer environment.Unlock()
	if ort.IsInitialized() {
		if loaded := environment.library; lib.explicit && lib.Path != loaded.Path {
			return Library{}, fmt.Errorf("load ONNX Runtime from %s: this process already uses %s", lib.Path, loaded.Path)
		}
		return environment.library, nil
	}
	if err := checkVersion(lib); err != nil {
		return Library{}, err
	}
	ort.SetSharedLibraryPath(lib.Path)
	if err := ort.InitializeEnvironment(ort.WithLogLevelError()); err != nil {
		return Library{}, loadError(lib, err)
	}
	if err := ort.DisableTelemetry(); err != nil {
		return Library{}, fmt.Errorf("switch off ONNX Runtime's telemetry: %w", err)
	}
	lib.Version = ort.GetVersion()
	environment.library = lib
	return lib, nil
}

// Load loads the library into this process and returns it with the version it reports about itself. One
// library is loaded per process: the first one.
func (lib Library) Load() (Library, error) { return loadLibrary(lib) }

// loadError words a failed load. The binding reports a library without the C interface it wants as status 2.
func loadError(lib Library, err error) error {
	if strings.Contains(err.Error(), "Error setting ORT API base: 2") {
		version := lib.Version
		if version == "" {
			version = "of unknown version"
		}
		return fmt.Errorf("ONNX Runtime %s at %s (%s) lacks C interface level %d, which this program needs: use ONNX Runtime %s or newer",
			version, lib.Path, lib.Where, apiLevel, minLibrary)
	}
	return fmt.Errorf("load ONNX Runtime from %s (%s): %w", lib.Path, lib.Where, err)
}

// runtimeEngine evaluates a graph with ONNX Runtime.
type runtimeEngine struct {
	library  Library
	graph    graph
	session  *ort.DynamicAdvancedSession
	bindings map[[4]int]*binding // tensors of the input shapes seen, reused from run to run
	borrowed bool                // the session is another engine's
}

var _ twinned = (*runtimeEngine)(nil)

// keepBindings bounds the input shapes whose tensors are kept: the full batch and the last, shorter one are
// what a normal run sees; models with free image sizes may see many.
const keepBindings = 3

// startRuntime loads the library and the graph.
func startRuntime(want Library, g graph) (engine, error) {
	lib, err := loadLibrary(want)
	if err != nil {
		return nil, &libraryError{err, want.explicit}
	}
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, fmt.Errorf("make ONNX Runtime session options: %w", err)
	}
	defer options.Destroy()
	_, threads := lanesOf(g.threads)
	err = errors.Join(
		options.SetIntraOpNumThreads(threads),
		options.SetInterOpNumThreads(1),
		// The graph is handed over from memory: this is where its external data lies.
		options.AddSessionConfigEntry("session.model_external_initializers_file_folder_path", g.folder),
		// Waiting threads must sleep: the images of the next batch are decoded on the same cores.
		options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0"),
		options.SetLogSeverityLevel(ort.LoggingLevelError),
	)
	if err != nil {
		return nil, fmt.Errorf("set ONNX Runtime session options: %w", err)
	}
	session, err := ort.NewDynamicAdvancedSessionWithONNXData(g.model, []string{g.input}, g.outputs, options)
	if err != nil {
		return nil, fmt.Errorf("ONNX Runtime %s cannot load the model: %w", lib.Version, err)
	}
	g.source, g.model = nil, nil // the session holds its own copy
	return &runtimeEngine{library: lib, graph: g, session: session, bindings: map[[4]int]*binding{}}, nil
}

func (e *runtimeEngine) version() string { return e.library.Version }

func (e *runtimeEngine) libraryPath() string { return e.library.Path }

func (e *runtimeEngine) run(shape [4]int, fill func([]float32)) ([]array, error) {
	if b := e.bindings[shape]; b != nil {
		b.take(fill)
		if err := e.session.RunWithBinding(b.io); err != nil {
			return nil, fmt.Errorf("run the model with ONNX Runtime: %w", err)
		}
		return b.arrays, nil
	}
	if len(e.bindings) >= keepBindings {
		e.dropBindings()
	}
	b, err := e.firstRun(shape, fill)
	if err != nil {
		return nil, err
	}
	e.bindings[shape] = b
	return b.arrays, nil
}

// firstRun runs an input shape for the first time, when only ONNX Runtime knows the shapes of the outputs,
// and makes the tensors that later runs of that shape write into.
func (e *runtimeEngine) firstRun(shape [4]int, fill func([]float32)) (b *binding, err error) {
	b = new(binding)
	defer func() {
		if err != nil {
			b.destroy()
		}
	}()
	if err = b.makeInput(shape[:], e.graph.bytes); err != nil {
		return b, err
	}
	b.take(fill)
	values := make([]ort.Value, len(e.graph.outputs))
	defer func() {
		for _, v := range values {
			if v != nil {
				v.Destroy()
			}
		}
	}()
	if err = e.session.Run([]ort.Value{b.input}, values); err != nil {
		return b, fmt.Errorf("run the model with ONNX Runtime: %w", err)
	}
	if b.io, err = e.session.CreateIoBinding(); err != nil {
		return b, fmt.Errorf("bind tensors with ONNX Runtime: %w", err)
	}
	if err = b.io.BindInput(e.graph.input, b.input); err != nil {
		return b, fmt.Errorf("bind the input %s with ONNX Runtime: %w", e.graph.input, err)
	}
	for i, name := range e.graph.outputs {
		if err = b.bindOutput(name, values[i]); err != nil {
			return b, err
		}
	}
	return b, nil
}

func (e *runtimeEngine) dropBindings() {
	for _, b := range e.bindings {
		b.destroy()
	}
	clear(e.bindings)
}

// twin shares the session, whose runs may overlap, and has tensors of its own.
func (e *runtimeEngine) twin() engine {
	return &runtimeEngine{library: e.library, graph: e.graph, session: e.session, bindings: map[[4]int]*binding{}, borrowed: true}
}

func (e *runtimeEngine) close() error {
	e.dropBindings()
	if e.borrowed {
		return nil
	}
	return e.session.Destroy()
}
