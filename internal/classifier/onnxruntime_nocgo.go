//go:build !cgo

package classifier

// haveRuntime tells that this binary cannot call ONNX Runtime.
const haveRuntime = false

// startRuntime fails: without cgo there is no way to call ONNX Runtime.
func startRuntime(lib Library, _ graph) (engine, error) {
	return nil, &libraryError{errNoCgo, lib.explicit}
}

// Load fails, likewise.
func (lib Library) Load() (Library, error) { return Library{}, errNoCgo }
