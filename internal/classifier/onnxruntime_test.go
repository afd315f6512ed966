//go:build cgo

package classifier

import ort "github.com/yalue/onnxruntime_go"

func libraryLoaded() bool { return ort.IsInitialized() }
