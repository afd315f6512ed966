package onnx

import (
	"errors"
	"fmt"
	"math"
)

// errComputed marks a constant that the graph computes with operators that
// are not evaluated here.
var errComputed = errors.New("computed in the graph")

// array is an evaluated constant, row-major.
type array struct {
	dims []int64
	data []float32
}

// maxChain bounds the nodes between a weight and the layer that reads it.
const maxChain = 16

// evaluate returns a constant's value, through the operators that exporters
// leave between a weight and its layer.
func (m *Model) evaluate(tensor string) (array, error) { return m.evaluateWithin(tensor, maxChain) }

func (m *Model) evaluateWithin(tensor string, limit int) (array, error) {
	if t := m.constants[tensor]; t != nil {
		data, err := t.Float32s()
		return array{t.Dims, data}, err
	}
	n := m.ProducerOf(tensor)
	if n == nil || n.Domain != "" || limit == 0 {
		return array{}, fmt.Errorf("%q is %w", tensor, errComputed)
	}
	switch n.Op {
	case "Identity", "Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Cast", "QuantizeLinear", "DequantizeLinear":
	default:
		return array{}, fmt.Errorf("%q is %w by %v", tensor, errComputed, n)
	}
	x, err := m.evaluateWithin(n.Input(0), limit-1)
	if err != nil {
		return array{}, err
	}
	switch n.Op {
	case "Transpose":
		return x.transpose(n.Ints("perm"))
	case "QuantizeLinear", "DequantizeLinear":
		return m.quantize(n, x, limit)
	case "Cast":
		return x, m.checkCast(n)
	case "Identity":
		return x, nil
	}
	dims := m.facts.shape[tensor]
	if product(dims) != int64(len(x.data)) {
		return array{}, fmt.Errorf("%q is %w", tensor, errComputed)
	}
	return array{dims, x.data}, nil
}

// checkCast lets through the casts that keep float32's value.
func (m *Model) checkCast(n *Node) error {
	if to := DType(n.Int("to", 0)); to == Float || to == Double {
		return nil
	}
	return fmt.Errorf("%q is %w by %v", n.Outputs[0], errComputed, n)
}

// transpose permutes axes; a nil perm reverses them.
func (x array) transpose(perm []int64) (array, error) {
	dims := transposeShape(x.dims, perm)
	if dims == nil || product(dims) != int64(len(x.data)) {
		return array{}, errors.New("damaged graph: Transpose's perm does not fit its input")
	}
	rank := len(dims)
	stride := make([]int64, rank) // of x, by axis of the result
	for i := range stride {
		from := int64(rank - 1 - i)
		if perm != nil {
			from = perm[i]
		}
		stride[i] = product(x.dims[from+1:])
	}
	out := make([]float32, len(x.data))
	index := make([]int64, rank)
	at := int64(0)
	for i := range out {
		out[i] = x.data[at]
		for a := rank - 1; a >= 0; a-- {
			at += stride[a]
			if index[a]++; index[a] < dims[a] {
				break
			}
			at -= stride[a] * dims[a]
			index[a] = 0
		}
	}
	return array{dims, out}, nil
}

// quantize applies QuantizeLinear or DequantizeLinear with constant scale and
// zero point, per tensor or along one axis.
func (m *Model) quantize(n *Node, x array, limit int) (array, error) {
	limit = min(limit-1, 1) // scales stand beside their node: no long chains, and no tree of them
	scale, err := m.evaluateWithin(n.Input(1), limit)
	if err != nil {
		return array{}, err
	}
	zero := array{data: make([]float32, len(scale.data))}
	low, high := 0.0, 255.0 // uint8 is what QuantizeLinear makes without a zero point
	if z := n.Input(2); z != "" {
		if zero, err = m.evaluateWithin(z, limit); err != nil {
			return array{}, err
		}
		if t := m.constants[z]; t != nil && t.Type == Int8 {
			low, high = -128, 127
		} else if n.Op == "QuantizeLinear" && (t == nil || t.Type != Uint8) {
			return array{}, fmt.Errorf("%q is %w by %v", n.Outputs[0], errComputed, n)
		}
	}
	inner, ok := int64(len(x.data)), true
	if len(scale.data) != 1 {
		axis, inside := axisOf(n.Int("axis", 1), len(x.dims))
		ok = inside && x.dims[axis] == int64(len(scale.data)) && n.Int("block_size", 0) == 0
		if ok {
			inner = product(x.dims[axis+1:])
		}
	}
	if !ok || len(zero.data) != len(scale.data) {
		return array{}, fmt.Errorf("%q is %w by %v", n.Outputs[0], errComputed, n)
	}
	out := make([]float32, len(x.data))
	for i, v := range x.data {
		c := int64(i) / inner % int64(len(scale.data))
		s, z := float64(scale.data[c]), float64(zero.data[c])
		if n.Op == "DequantizeLinear" {
			out[i] = float32((float64(v) - z) * s)
		} else {
			out[i] = float32(min(max(math.RoundToEven(float64(v)/s)+z, low), high))
		}
	}
	return array{x.dims, out}, nil
}
