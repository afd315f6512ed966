// Package onnx owns the graph of an ONNX model: it reads the file, finds the
// classifier's head in it, and adds outputs to it. It runs nothing.
//
// The head of a classifier is its last linear layer: logits = W·f + b, where
// f, the penultimate features, is one vector per image. [Model.FindHead]
// finds it in graphs as exporters write them, [Model.HeadAt] takes the
// reader's word for the tensor, and [Model.WithOutputs] makes the tensor an
// output of the graph, so that an engine hands it over beside the logits.
//
// The reader follows onnx.proto of ONNX 1.12 and newer (IR version 3 and up)
// at wire level. Weights stay where they are in the file's bytes until they
// are asked for. Every length is held against the bytes present before
// anything is allocated, so a hostile file costs an error and no more.
package onnx
