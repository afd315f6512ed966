package onnx

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// ErrNotONNX marks a file that is something else than an ONNX model.
var ErrNotONNX = errors.New("not an ONNX model")

// ErrTruncated marks a model file that ends too early.
var ErrTruncated = errors.New("the file is truncated")

// errIncomplete marks a message that lacks what every model has.
var errIncomplete = errors.New("not a whole model")

// explain turns a parse error into what is probably wrong with the file.
func explain(data []byte, m *Model, err error) error {
	if what := sniff(data); what != "" {
		return fmt.Errorf("%w: it is %s", ErrNotONNX, what)
	}
	plausible := m.IRVersion > 0 && m.IRVersion < 1000
	switch {
	case !plausible || errors.Is(err, errWireType):
		return fmt.Errorf("%w: %v", ErrNotONNX, err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w after %d bytes: copy or export it again", ErrTruncated, len(data))
	case errors.Is(err, errIncomplete):
		return fmt.Errorf("%w, or was never whole: %v", ErrTruncated, err)
	}
	return err
}

// sniff names the formats that are most often mistaken for ONNX.
func sniff(data []byte) string {
	at := func(offset int, magic string) bool {
		return len(data) >= offset && bytes.HasPrefix(data[offset:], []byte(magic))
	}
	switch {
	case len(data) == 0:
		return "empty"
	case at(0, "version https://git-lfs"):
		return "a Git LFS pointer: fetch the file itself with git lfs pull"
	case at(0, "PK\x03\x04"):
		return "a zip archive (PyTorch's .pt and .pth are): export the model with torch.onnx.export"
	case at(0, "\x89HDF"):
		return "an HDF5 file (Keras .h5): convert it with tf2onnx"
	case at(4, "TFL3"):
		return "a TensorFlow Lite model: convert it with tf2onnx --tflite"
	case at(4, "ORTM"):
		return "a model in ORT format: give the .onnx file it was made from"
	case at(0, "\x80\x02"), at(0, "\x80\x04"):
		return "a Python pickle (an old PyTorch checkpoint is): export the model with torch.onnx.export"
	case at(0, "<"):
		return "text, HTML or XML: a download page, perhaps"
	case len(data) > 8 && data[8] == '{' && at(9, "\""):
		return "a safetensors file: it has weights but no graph"
	}
	return ""
}
