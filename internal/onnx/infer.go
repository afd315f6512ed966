package onnx

import "math"

// facts is what one pass over the graph, in the order of its data, makes out
// about its tensors. It is no general shape inference: it follows the
// operators that image classifiers are made of far enough to know the rank
// and the channels of what lies near the head, and gives up silently.
type facts struct {
	order []int              // nodes in the order of their data
	shape map[string][]int64 // -1 where unknown; no entry: rank unknown
	ints  map[string][]int64 // values of small integer tensors, such as shapes
	fixed map[string]bool    // depends on constants only
	depth map[string]int     // longest way from an input, in nodes
}

// unknownInt stands for an element of facts.ints that is not known.
const unknownInt = math.MinInt64

// maxInts and maxRank bound the integer tensors and shapes that are followed.
const (
	maxInts = 16
	maxRank = 16
)

// infer visits the nodes in the order of their data. Nodes on a cycle, which
// no valid model has, are left out.
func (m *Model) infer() *facts {
	f := &facts{
		shape: map[string][]int64{}, ints: map[string][]int64{},
		fixed: map[string]bool{}, depth: map[string]int{},
	}
	for _, v := range m.Inputs {
		if v.Shape != nil && len(v.Shape) <= maxRank {
			f.shape[v.Name] = v.Shape
		}
	}
	for name, t := range m.constants {
		f.fixed[name] = true
		if len(t.Dims) <= maxRank {
			f.shape[name] = append([]int64{}, t.Dims...)
		}
		if n, err := t.Len(); err == nil && n <= maxInts && (t.Type == Int64 || t.Type == Int32) {
			if v, err := t.Int64s(); err == nil {
				f.ints[name] = v
			}
		}
	}
	f.order = m.sorted()
	for _, i := range f.order {
		m.inferNode(f, &m.Nodes[i])
	}
	return f
}

// sorted orders the nodes so that each comes after those it reads.
func (m *Model) sorted() []int {
	waits := make([]int, len(m.Nodes))
	var ready []int
	for i := range m.Nodes {
		seen := map[string]bool{}
		for _, in := range m.Nodes[i].Inputs {
			if _, made := m.producer[in]; made && !seen[in] {
				seen[in] = true
				waits[i]++
			}
		}
		if waits[i] == 0 {
			ready = append(ready, i)
		}
	}
	for at := 0; at < len(ready); at++ {
		for _, out := range m.Nodes[ready[at]].Outputs {
			for _, next := range m.consumers[out] {
				if waits[next]--; waits[next] == 0 {
					ready = append(ready, next)
				}
			}
		}
	}
	return ready
}

// inferNode fills in the facts about a node's outputs.
func (m *Model) inferNode(f *facts, n *Node) {
	depth, fixed := 0, true
	for _, in := range n.Inputs {
		depth = max(depth, f.depth[in])
		fixed = fixed && (in == "" || f.fixed[in])
	}
	shape := f.outputShape(n)
	ints := f.outputInts(n, shape)
	for i, out := range n.Outputs {
		if out == "" {
			continue
		}
		f.depth[out] = depth + 1
		if m.constants[out] != nil {
			continue
		}
		if fixed && n.Op != "RandomNormal" && n.Op != "RandomUniform" {
			f.fixed[out] = true
		}
		if i == 0 && ints != nil && len(ints) <= maxInts {
			f.ints[out] = ints
		}
		var s []int64
		if i == 0 {
			s = shape
		}
		if s = merge(s, m.declared[out].Shape); s != nil && len(s) <= maxRank {
			f.shape[out] = s
		}
	}
}

// merge fills what is unknown in an inferred shape from the declared one.
func merge(inferred, declared []int64) []int64 {
	switch {
	case inferred == nil:
		return declared
	case len(inferred) != len(declared):
		return inferred
	}
	out := append([]int64{}, inferred...)
	for i, d := range declared {
		if out[i] < 0 {
			out[i] = d
		}
	}
	return out
}
