package onnx

import "slices"

// gemmShape is the M×N of a Gemm.
func (f *facts) gemmShape(n *Node) []int64 {
	out := []int64{-1, -1}
	if a := f.shape[n.Input(0)]; len(a) == 2 {
		out[0] = a[n.Int("transA", 0)&1]
	}
	if b := f.shape[n.Input(1)]; len(b) == 2 {
		out[1] = b[1-n.Int("transB", 0)&1]
	}
	return out
}

// matmulShape is numpy's rule for stacks of matrices, without vectors.
func matmulShape(a, b []int64) []int64 {
	if len(a) < 2 || len(b) < 2 {
		return nil
	}
	stack := broadcastDims(a[:len(a)-2], b[:len(b)-2])
	return append(stack, a[len(a)-2], b[len(b)-1])
}

// broadcast is numpy's rule over all inputs of an elementwise node.
func (f *facts) broadcast(n *Node) []int64 {
	out := []int64{}
	for _, in := range n.Inputs {
		s, ok := f.shape[in]
		if !ok {
			return nil
		}
		out = broadcastDims(out, s)
	}
	return out
}

func broadcastDims(a, b []int64) []int64 {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := slices.Clone(a)
	skip := len(a) - len(b)
	for i, d := range b {
		switch have := out[skip+i]; {
		case have == 1:
			out[skip+i] = d
		case have < 0 && d > 1:
			out[skip+i] = d
		}
	}
	return out
}

func (f *facts) concatShape(n *Node) []int64 {
	var out []int64
	axis := n.Int("axis", 0)
	for i, in := range n.Inputs {
		s, ok := f.shape[in]
		if !ok || i > 0 && len(s) != len(out) {
			return nil
		}
		a, ok := axisOf(axis, len(s))
		if !ok {
			return nil
		}
		if i == 0 {
			out = slices.Clone(s)
			continue
		}
		for j := range out {
			switch {
			case j == a && (out[j] < 0 || s[j] < 0):
				out[j] = -1
			case j == a:
				out[j] += s[j]
			case out[j] < 0:
				out[j] = s[j]
			}
		}
	}
	return out
}

func (f *facts) expandShape(x []int64, n *Node) []int64 {
	if want, ok := f.ints[n.Input(1)]; ok {
		return broadcastDims(x, known(want))
	}
	if s := f.shape[n.Input(1)]; len(s) == 1 && s[0] >= 0 && s[0] <= maxRank {
		return unknownDims(max(int(s[0]), len(x)))
	}
	return nil
}
