package onnx

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Head is a classifier's last linear layer and what it reads.
type Head struct {
	// Logits is the tensor that holds the scores of the classes before any
	// softmax, sigmoid or the like: [N classes], perhaps with axes of size 1
	// after it. It is empty in a head made by HeadAt on a model that has no
	// such tensor.
	Logits string
	// Features is the penultimate tensor, and Shape what is known of its
	// shape, -1 for the batch and what else is open; nil if not even the rank
	// is known. An image's vector is the elements of its slice in order, after
	// the pooling that Pool names.
	Features string
	Shape    []int64
	// Pool is "mean" when Features is a map, to be averaged over the axes in
	// PoolAxes, and "" when it holds one vector per image already.
	Pool     string
	PoolAxes []int
	// Type is the element type of Features: Float, unless the graph computes in
	// another precision there. It is 0 where the graph does not tell.
	Type DType
	// Dim is the length of the feature vector and Classes that of the logits,
	// 0 where the graph does not tell.
	Dim, Classes int
	// Linear says that logits = W·f + b holds exactly for the (pooled)
	// features f, up to rounding. W is Classes×Dim, row-major; both are nil
	// otherwise.
	Linear bool
	W, B   []float32
	// Why tells in sentences how the head was found.
	Why []string
}

// located is a head found in the graph, before its weights are read.
type located struct {
	Head
	layer *layer
	tail  *tail
	order int // of its output among the outputs
}

// FindHead finds the classifier's head: from each output back over softmax,
// pooling and reshapes to a linear layer (Gemm, MatMul, or a convolution one
// pixel wide), and from there to the tensor that the layer reads. Of several
// heads, it takes the one that the names and the depth of the graph make the
// main one. A graph without a head is a *NoHeadError; damaged weights are
// another error.
func (m *Model) FindHead() (*Head, error) {
	found, err := m.locate()
	if err != nil {
		return nil, err
	}
	return m.finish(found)
}

// locate finds the head without reading any weights.
func (m *Model) locate() (*located, error) {
	const maxOutputs = 64 // tried
	var found []*located
	missing := &NoHeadError{}
	for i, out := range m.Outputs[:min(maxOutputs, len(m.Outputs))] {
		h, err := m.locateFrom(out.Name)
		if err != nil {
			missing.Reasons = append(missing.Reasons, fmt.Sprintf("output %s: %v", out.Name, err))
			continue
		}
		h.order = i
		found = append(found, h)
	}
	if len(found) == 0 {
		missing.Candidates = m.candidates()
		missing.Functions = m.functions
		return nil, missing
	}
	slices.SortStableFunc(found, m.compareHeads)
	best := found[0]
	if training := m.TrainingNodes(); len(training) > 0 {
		best.Why = append(best.Why, fmt.Sprintf("warning: the model was exported in training mode (%d nodes, such as %s): export it again after model.eval()", len(training), training[0]))
	}
	for _, other := range found[1:] {
		if other.layer.index != best.layer.index {
			best.Why = append(best.Why, fmt.Sprintf("output %s comes from another linear layer, %v, and is not taken", other.tail.route.output, other.layer))
		}
	}
	return best, nil
}

// locateFrom finds the head behind one output.
func (m *Model) locateFrom(output string) (*located, error) {
	r, err := m.trace(output)
	if err != nil {
		return nil, err
	}
	l := r.layer
	if m.reconstructs(l) {
		return nil, fmt.Errorf("%v gives as many values as the input has: a reconstruction, not classes", l)
	}
	t, err := m.follow(r)
	if err != nil {
		return nil, err
	}
	h := &located{layer: l, tail: t}
	h.Logits, h.Features = t.logits, m.beforeDropout(l.in)
	h.Dim, h.Classes, h.Linear = int(l.dim), int(l.classes), t.linear
	h.Shape, h.Type = m.featureShape(l, h.Features), m.inputType(l)
	h.Why = append(h.Why, fmt.Sprintf("output %s comes from the linear layer %v", output, l))
	h.Why = append(h.Why, t.why...)
	if t.pooled {
		h.Pool = "mean"
		for a := 1; a < l.rank; a++ {
			if a != l.channel {
				h.PoolAxes = append(h.PoolAxes, a)
			}
		}
		h.Why = append(h.Why, fmt.Sprintf("the layer works on a map: the features are the mean of %s over its axes %v", h.Features, h.PoolAxes))
	} else {
		h.Why = append(h.Why, fmt.Sprintf("the features are what the layer reads, %s %s", h.Features, FormatShape(h.Shape, nil)))
	}
	return h, nil
}

// beforeDropout goes back over nodes that do nothing when a model is run.
func (m *Model) beforeDropout(tensor string) string {
	for range maxChain {
		n := m.ProducerOf(tensor)
		if n == nil || n.Domain != "" || n.Op != "Dropout" && n.Op != "Identity" || m.trains(n) {
			break
		}
		if _, made := m.producer[n.Input(0)]; !made {
			break
		}
		tensor = n.Input(0)
	}
	return tensor
}

// featureShape is the shape of the features, with what the layer adds to it.
func (m *Model) featureShape(l *layer, features string) []int64 {
	shape := m.Shape(features)
	if shape == nil && l.rank > 0 {
		shape = unknownDims(l.rank)
	}
	if len(shape) == l.rank && l.channel < len(shape) {
		shape[l.channel] = l.dim
	}
	if shape == nil {
		shape = []int64{-1, l.dim}
	}
	return shape
}

// reconstructs reports whether a layer gives as many values as an image has:
// the mark of an autoencoder without convolutions.
func (m *Model) reconstructs(l *layer) bool {
	for _, in := range m.Inputs {
		if len(in.Shape) > 1 && product(in.Shape[1:]) == l.classes && l.classes > 1 {
			return true
		}
	}
	return false
}

// compareHeads puts the main classifier first: one that is not named as an
// auxiliary output or as features, one that is named as scores, the deepest
// in the graph, the first.
func (m *Model) compareHeads(a, b *located) int {
	return cmp.Or(
		-cmp.Compare(nameScore(a.tail.route.output), nameScore(b.tail.route.output)),
		-cmp.Compare(m.facts.depth[a.layer.out], m.facts.depth[b.layer.out]),
		cmp.Compare(a.order, b.order),
	)
}

// nameScore judges an output by its name.
func nameScore(output string) int {
	name := strings.ToLower(output)
	for _, word := range []string{"aux", "feat", "embed", "hidden", "pooler"} {
		if strings.Contains(name, word) {
			return -1
		}
	}
	for _, word := range []string{"logit", "prob", "class", "softmax", "score", "label", "pred"} {
		if strings.Contains(name, word) {
			return 1
		}
	}
	return 0
}

// finish reads W and b, where the head is linear.
func (m *Model) finish(found *located) (*Head, error) {
	h := found.Head
	if !h.Linear {
		return &h, nil
	}
	w, b, err := m.weights(found.layer)
	for i := 0; err == nil && i < len(found.tail.folds); i++ {
		err = found.tail.folds[i].apply(m, w, b)
	}
	switch {
	case errors.Is(err, errComputed):
		h.Linear = false
		h.Why = append(h.Why, fmt.Sprintf("the head's weights are not read: %v", err))
		return &h, nil
	case err != nil:
		return nil, fmt.Errorf("read the head %v: %w", found.layer, err)
	}
	h.W, h.B = w, make([]float32, len(b))
	for i, v := range b {
		h.B[i] = float32(v)
	}
	return &h, nil
}
