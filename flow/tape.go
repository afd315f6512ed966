package flow

// tape holds the activations of one batch: what a forward pass writes and a backward pass reads. Its size is fixed
// when it is made, so a step allocates nothing.
type tape struct {
	white   []float32 // n×d, whitened input
	centred []float32 // n×d, the whitening's scratch
	logdet  []float64 // n
	blocks  []blockTape
	cross   []float32 // n×C, the base's products z·μ
	grad    []float32 // n×d, gradient on its way back
}

// newTape makes room for batches of at most n rows.
func (f *Flow) newTape(n int) *tape {
	t := &tape{
		logdet: make([]float64, n),
		blocks: make([]blockTape, len(f.blocks)),
		cross:  make([]float32, n*f.cfg.Classes),
	}
	if f.whiten != nil {
		t.white, t.centred = make([]float32, n*f.cfg.Dim), make([]float32, n*f.cfg.Dim)
	}
	for k := range f.blocks {
		t.blocks[k] = f.blocks[k].newTape(n)
	}
	return t
}

// forTraining adds the room that only a backward pass needs.
func (t *tape) forTraining(f *Flow) *tape {
	n := len(t.logdet)
	gh := make([]float32, n*f.cfg.Hidden)
	for k := range t.blocks {
		t.blocks[k].gh = gh
	}
	t.grad = make([]float32, n*f.cfg.Dim)
	return t
}
