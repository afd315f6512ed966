package onnx

// TrainingNodes lists the nodes that work as in training when the model is
// run: Dropout that drops at random, BatchNormalization that uses the
// batch's own statistics. A model that has any gives an image other features
// on every run, or in every batch: it was exported without model.eval().
func (m *Model) TrainingNodes() []string {
	var names []string
	for i := range m.Nodes {
		if m.trains(&m.Nodes[i]) {
			names = append(names, m.Nodes[i].String())
		}
	}
	return names
}

// trains reports whether a node is in training mode.
func (m *Model) trains(n *Node) bool {
	switch {
	case n.Domain != "":
		return false
	case n.Op == "BatchNormalization":
		return n.Int("training_mode", 0) != 0
	case n.Op != "Dropout":
		return false
	}
	mode := m.constants[n.Input(2)]
	if mode == nil {
		return false
	}
	v, err := mode.Int64s()
	return err == nil && len(v) == 1 && v[0] != 0
}
