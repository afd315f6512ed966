package onnx

import (
	"fmt"
	"slices"
	"strings"
)

// NoHeadError says that no classifier's head was found, and which tensors
// could serve as features instead.
type NoHeadError struct {
	Reasons    []string    // why not, by output
	Candidates []Candidate // most likely first
	Functions  []string    // model-local functions that hide parts of the graph
}

// Candidate is a tensor that a user could name as the features.
type Candidate struct {
	Tensor   string
	Shape    []int64 // as Model.Shape
	Op       string  // of the node that makes it
	Distance int     // nodes between it and the nearest output
	Pool     string  // "mean" if it is a map that would be pooled
}

func (e *NoHeadError) Error() string {
	msg := "no classifier head found"
	if len(e.Reasons) > 0 {
		msg += ": " + strings.Join(e.Reasons, "; ")
	}
	if len(e.Functions) > 0 {
		msg += fmt.Sprintf("; the graph calls %d model-local functions: inline them with onnx.inliner.inline_local_functions", len(e.Functions))
	}
	if len(e.Candidates) > 0 {
		var names []string
		for _, c := range e.Candidates[:min(5, len(e.Candidates))] {
			names = append(names, fmt.Sprintf("%s %s", c.Tensor, FormatShape(c.Shape, nil)))
		}
		msg += "; choose the tensor to use as features with --feature-tensor, for example " + strings.Join(names, ", ")
	}
	return msg
}

// maxCandidates is how many tensors a NoHeadError lists.
const maxCandidates = 16

// candidates lists tensors with one vector, or one map, per image, vectors
// first, then from the outputs back.
func (m *Model) candidates() []Candidate {
	distance := m.distances()
	var all []Candidate
	for i := range m.Nodes {
		n := &m.Nodes[i]
		if len(n.Outputs) == 0 || !worthListing(n) {
			continue
		}
		out := n.Outputs[0]
		d, used := distance[out]
		shape := m.Shape(out)
		if !used || m.facts.fixed[out] || len(shape) < 2 {
			continue
		}
		c := Candidate{Tensor: out, Shape: shape, Op: n.Op, Distance: d}
		if !vectorLike(shape) {
			c.Pool = "mean"
		}
		all = append(all, c)
	}
	slices.SortStableFunc(all, func(a, b Candidate) int {
		if a.Pool != b.Pool {
			return strings.Compare(a.Pool, b.Pool)
		}
		return a.Distance - b.Distance
	})
	return all[:min(maxCandidates, len(all))]
}

// worthListing leaves out nodes that only move or prepare data.
func worthListing(n *Node) bool {
	switch n.Op {
	case "Shape", "Constant", "ConstantOfShape", "Cast", "Range", "Expand", "Size", "Equal", "Not", "Where", "Sqrt", "Pow", "Erf", "Exp":
		return false
	}
	return true
}

// distances counts, for each tensor that an output depends on, the nodes
// between them.
func (m *Model) distances() map[string]int {
	distance := map[string]int{}
	var queue []string
	for _, out := range m.Outputs {
		if _, seen := distance[out.Name]; !seen {
			distance[out.Name] = 0
			queue = append(queue, out.Name)
		}
	}
	for ; len(queue) > 0; queue = queue[1:] {
		n := m.ProducerOf(queue[0])
		if n == nil {
			continue
		}
		for _, in := range n.Inputs {
			if _, seen := distance[in]; !seen && in != "" {
				distance[in] = distance[queue[0]] + 1
				queue = append(queue, in)
			}
		}
	}
	return distance
}
