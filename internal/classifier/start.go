package classifier

import (
	"errors"
	"fmt"
	"strings"
)

// Names of the engines, as in Options.Engine and Info.Engine.
const (
	EngineAuto    = "auto"        // ONNX Runtime when its library is found and loads, gorgonia otherwise
	EngineRuntime = "onnxruntime" // ONNX Runtime through its shared library
	EnginePure    = "gorgonia"    // onnx-go with gorgonia, compiled in
)

// libraryError marks a failure of the shared library, not of the model: another library, or the pure Go
// engine, may still do.
type libraryError struct {
	err      error
	explicit bool // the library was asked for by name
}

func (e *libraryError) Error() string { return e.err.Error() }
func (e *libraryError) Unwrap() error { return e.err }

// errNoCgo says why a binary cannot use ONNX Runtime at all.
var errNoCgo = errors.New("this binary was built without cgo, which calling ONNX Runtime needs: build it with CGO_ENABLED=1 and a C compiler")

// started is an engine that runs, its name, and what went wrong on the way to it.
type started struct {
	engine
	name     string
	warnings []string
}

// checkEngine refuses an engine's name that does not exist.
func checkEngine(name string) error {
	switch name {
	case "", EngineAuto, EngineRuntime, EnginePure:
		return nil
	}
	return fmt.Errorf("no engine is called %q: choose one of %s, %s, %s", name, EngineAuto, EngineRuntime, EnginePure)
}

// start starts the engine that opt asks for.
func start(opt Options, g graph, in input) (started, error) {
	if opt.Engine == EnginePure {
		return startPure(g, in, nil)
	}
	e, err := startAnyRuntime(opt.Library, g)
	if err == nil {
		return started{engine: e, name: EngineRuntime}, nil
	}
	if opt.Engine == EngineRuntime || !mayFallBack(opt.Library, err) {
		return started{}, err
	}
	if errors.Is(err, ErrNoLibrary) || errors.Is(err, errNoCgo) {
		return startPure(g, in, nil)
	}
	return startPure(g, in, []string{"ONNX Runtime is not used: " + err.Error()})
}

// mayFallBack tells whether the pure Go engine may take over after ONNX Runtime failed to start: not when
// the library was asked for by name, and not when the library is fine and the model is at fault.
func mayFallBack(library string, err error) bool {
	if errors.Is(err, ErrNoLibrary) {
		return true
	}
	var failed *libraryError
	if !errors.As(err, &failed) {
		return false
	}
	if errors.Is(err, errNoCgo) { // a setting of the machine must not stop a pure Go binary
		return library == ""
	}
	return !failed.explicit
}

// startAnyRuntime starts ONNX Runtime with the first library that loads.
func startAnyRuntime(library string, g graph) (engine, error) {
	if !haveRuntime {
		return nil, &libraryError{err: errNoCgo}
	}
	libs, err := findLibraries(library)
	if err != nil {
		return nil, err
	}
	var failed []string
	for _, lib := range libs {
		e, err := startRuntime(lib, g)
		var bad *libraryError
		if !errors.As(err, &bad) {
			return e, err
		}
		if lib.explicit {
			return nil, err
		}
		failed = append(failed, err.Error())
	}
	return nil, &libraryError{err: errors.New(strings.Join(failed, "; "))}
}
