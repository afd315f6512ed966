package onnx

import (
	"fmt"
	"slices"
	"strings"
)

// UnknownTensorError says that a tensor is not in the graph.
type UnknownTensorError struct {
	Tensor string
	Near   []string // names of tensors that look like it, nearest first
}

func (e *UnknownTensorError) Error() string {
	msg := fmt.Sprintf("no node of the model makes a tensor named %q", e.Tensor)
	if len(e.Near) > 0 {
		msg += "; near it: " + strings.Join(e.Near, ", ")
	}
	return msg
}

const (
	maxNear     = 8      // names that an UnknownTensorError lists
	maxCompared = 50_000 // names that are compared for it
)

// unknownTensor collects names that contain, are contained in, or are a few
// letters away from the given one.
func (m *Model) unknownTensor(tensor string) error {
	type near struct {
		name     string
		distance int
	}
	var all []near
	want, compared := strings.ToLower(tensor), 0
	for i := range m.Nodes {
		for _, name := range m.Nodes[i].Outputs {
			if name == "" || m.facts.fixed[name] {
				continue
			}
			if compared++; compared > maxCompared {
				break
			}
			if d, ok := nameDistance(want, strings.ToLower(name)); ok {
				all = append(all, near{name, d})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b near) int { return a.distance - b.distance })
	e := &UnknownTensorError{Tensor: tensor}
	for _, n := range all[:min(maxNear, len(all))] {
		e.Near = append(e.Near, n.name)
	}
	return e
}

// nameDistance is how many letters two names differ by; ok says whether
// that is near enough to be meant. A name inside the other counts as near.
func nameDistance(a, b string) (d int, ok bool) {
	const longest = 128 // of names that are compared letter by letter
	if len(a) >= 3 && strings.Contains(b, a) || len(b) >= 3 && strings.Contains(a, b) {
		return max(len(a), len(b)) - min(len(a), len(b)), true
	}
	if len(a) > longest || len(b) > longest {
		return 0, false
	}
	d = levenshtein(a, b)
	return d, d <= max(2, len(a)/3)
}

// levenshtein is the edit distance between two strings, in bytes.
func levenshtein(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
