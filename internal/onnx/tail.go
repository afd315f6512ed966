package onnx

import "fmt"

// tail follows a layer's output forward along its route for as long as it
// stays the layer's scores: one vector per image, or a map of such vectors
// that is pooled on the way.
type tail struct {
	m     *Model
	route *route

	logits string // the tensor reached
	rank   int    // its rank, 0 where unknown
	class  int    // its axis of classes
	open   []int  // its axes over places of the map that are not pooled yet

	linear bool   // still W·x + b of the layer's input, up to pooling
	pooled bool   // the map was pooled on the way
	split  bool   // a reshape shows that the layer's rows are not images
	folds  []fold // what was added or multiplied since the layer
	why    []string
}

// follow runs along the route and fails where no vector per image comes out.
func (m *Model) follow(r *route) (*tail, error) {
	t := &tail{m: m, route: r, logits: r.layer.out, rank: r.layer.rank, class: r.layer.channel, linear: r.layer.exact}
	x := m.facts.shape[r.layer.in]
	for a := 1; a < t.rank; a++ {
		if a != t.class && (len(x) != t.rank || x[a] != 1) {
			t.open = append(t.open, a)
		}
	}
	for range maxRoute {
		n := r.next(m, t.logits)
		if n == nil {
			break
		}
		if !t.step(n) {
			t.note("%v comes after the logits and is left out", n)
			break
		}
	}
	if t.split {
		return nil, fmt.Errorf("%v works on rows that are parts of images: they are put together after it", r.layer)
	}
	if len(t.open) > 0 {
		return nil, fmt.Errorf("%v works on every place of a map, which is not pooled to one vector per image", r.layer)
	}
	if s := m.facts.shape[r.output]; !vectorLike(s) {
		return nil, fmt.Errorf("it has shape %s, not one vector per image", FormatShape(s, nil))
	}
	return t, nil
}

// vectorLike reports whether a shape is, or may be, one vector per image.
func vectorLike(shape []int64) bool {
	wide := 0
	for i, d := range shape {
		if i > 0 && d != 1 {
			wide++
		}
	}
	return wide <= 1
}

func (t *tail) note(format string, args ...any) { t.why = append(t.why, fmt.Sprintf(format, args...)) }

// isVector reports whether one vector per image has been reached.
func (t *tail) isVector() bool { return len(t.open) == 0 }

// step moves over one node; false leaves the logits where they are.
func (t *tail) step(n *Node) bool {
	moved := false
	switch n.Op {
	case "Identity":
		moved = true
	case "Dropout":
		moved = !t.m.trains(n) || t.bend(n)
	case "Pad":
		moved = t.m.facts.padsNothing(n)
	case "Cast":
		to := DType(n.Int("to", 0))
		moved = to.IsFloat()
	case "Add", "Sub", "Mul", "Div":
		moved = t.elementwise(n)
	case "BatchNormalization":
		moved = t.batchNorm(n)
	case "Flatten", "Reshape", "Squeeze", "Unsqueeze":
		moved = t.reshape(n)
	case "Transpose":
		moved = t.transpose(n)
	case "GlobalAveragePool", "GlobalMaxPool":
		moved = t.globalPool(n)
	case "AveragePool":
		moved = t.averagePool(n)
	case "ReduceMean", "ReduceMax", "ReduceSum":
		moved = t.reduce(n)
	case "DequantizeLinear":
		moved = !t.route.layer.exact || t.bend(n)
	default:
		moved = t.bend(n)
	}
	if moved = moved && n.Outputs[0] != ""; moved {
		t.logits = n.Outputs[0]
	}
	return moved
}

// bend passes a nonlinearity, which only a map of scores may meet before the
// logits: SqueezeNet's ReLU between convolution and pooling.
func (t *tail) bend(n *Node) bool {
	if t.isVector() || !sameShape[n.Op] {
		return false
	}
	t.linear = false
	t.note("%v stands between the layer and the pooling: the logits are not linear in the features", n)
	return true
}
