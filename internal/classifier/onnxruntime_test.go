//go:build cgo

package classifier

import (
	"errors"
	"strings"
	"testing"

	ort "github.com/yalue/onnxruntime_go"
)

func libraryLoaded() bool { return ort.IsInitialized() }

// TestLoadError: a library without the interface that the binding asks for is told from one that is broken.
func TestLoadError(t *testing.T) {
	lib := Library{Path: "/x/libonnxruntime.so", Where: "the path given", Version: "1.9.0"}
	old := loadError(lib, errors.New("Platform-specific initialization failed: Error setting ORT API base: 2")).Error()
	for _, want := range []string{"ONNX Runtime 1.9.0", lib.Path, "level 24", "1.24 or newer"} {
		if !strings.Contains(old, want) {
			t.Errorf("error %q, want %q", old, want)
		}
	}
	broken := loadError(lib, errors.New("wrong ELF class")).Error()
	if !strings.Contains(broken, "wrong ELF class") || strings.Contains(broken, "newer") {
		t.Errorf("error %q", broken)
	}
}

// TestBindings: the tensors of few input shapes are kept.
func TestBindings(t *testing.T) {
	needEngine(t, EngineRuntime)
	c := mustOpen(t, "testdata/plain.onnx", Options{Engine: EngineRuntime})
	for n := 1; n <= testImages; n++ {
		mustRun(t, c, testPixels()[:n*rgb*testSide*testSide], n, testSide, testSide)
	}
	if n := len(c.lanes[0].(*runtimeEngine).bindings); n > keepBindings {
		t.Errorf("the tensors of %d shapes are kept", n)
	}
}
