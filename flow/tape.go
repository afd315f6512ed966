package flow

// tape holds the activations of the rows that pass through the flow together: what a forward pass writes and a
// backward pass reads. Its size is fixed when it is made, so a pass allocates nothing.
type tape struct {
	logdet []float64   // n
	blocks []blockTape // one for each block
	z      []float32   // n×d, latent
	cross  []float32   // n×C, the base's products z·μ, then its responsibilities
	grad   []float32   // n×d, gradient on its way back; nil where only scores are wanted

	centred []float32 // n×d, scratch of the whitening
	gemm    product
}

// blockTape is what a block remembers of its rows.
type blockTape struct {
	in  []float32 // n×d, after ActNorm
	y   []float32 // n×d, what the coupling reads: in itself, or in W in a Glow
	hid []float32 // n×h, after ReLU
	ut  []float32 // n×2m: [u, t], then [s, exp(s)]; on the way back the gradients of u and t
	gh  []float32 // n×h, gradient of hid; nil where only scores are wanted
	gy  []float32 // n×d, gradient of y in a Glow; nil otherwise

	gemm product
}

// newTape makes room for scoring n rows. No block's activations are needed behind it, so all blocks work in the same
// memory.
func (f *Flow) newTape(n int) *tape {
	c := f.cfg
	t := &tape{
		logdet: make([]float64, n),
		blocks: make([]blockTape, len(f.blocks)),
		z:      make([]float32, n*c.Dim),
		cross:  make([]float32, n*c.Classes),
		gemm:   gemm,
	}
	if c.wide() {
		t.gemm = gemmTogether
	}
	all := blockTape{gemm: t.gemm, in: t.z, y: t.z, hid: make([]float32, n*c.Hidden), ut: make([]float32, n*(c.Dim+1))}
	if c.Arch == ArchGlow {
		all.y = make([]float32, n*c.Dim)
	}
	for k := range t.blocks {
		t.blocks[k] = all
	}
	if f.whiten != nil {
		t.centred = make([]float32, n*c.Dim)
	}
	return t
}

// newTrainingTape makes room for a batch of n rows and keeps all activations for the way back.
func (f *Flow) newTrainingTape(n int) *tape {
	c := f.cfg
	t := &tape{
		logdet: make([]float64, n),
		z:      make([]float32, n*c.Dim),
		cross:  make([]float32, n*c.Classes),
		grad:   make([]float32, n*c.Dim),
		gemm:   gemm,
	}
	t.centred = t.grad // not needed before the way back
	for _, b := range f.blocks {
		of := blockTape{
			gemm: gemm,

			in:  make([]float32, n*b.d),
			hid: make([]float32, n*b.h),
			ut:  make([]float32, n*2*b.m),
			gh:  make([]float32, n*b.h),
		}
		of.y = of.in
		if b.linear != nil {
			of.y, of.gy = make([]float32, n*b.d), make([]float32, n*b.d)
		}
		t.blocks = append(t.blocks, of)
	}
	return t
}

// rows views rows lo to hi of a training tape.
func (t *tape) rows(f *Flow, lo, hi int) *tape {
	cut := func(x []float32, width int) []float32 { return x[lo*width : hi*width] }
	v := &tape{
		logdet: t.logdet[lo:hi],
		z:      cut(t.z, f.cfg.Dim),
		cross:  cut(t.cross, f.cfg.Classes),
		grad:   cut(t.grad, f.cfg.Dim),
		gemm:   t.gemm,
	}
	v.centred = v.grad
	for k, b := range f.blocks {
		from := t.blocks[k]
		of := blockTape{
			gemm: from.gemm,
			in:   cut(from.in, b.d), y: cut(from.y, b.d),
			hid: cut(from.hid, b.h), ut: cut(from.ut, 2*b.m), gh: cut(from.gh, b.h),
		}
		if b.linear != nil {
			of.gy = cut(from.gy, b.d)
		}
		v.blocks = append(v.blocks, of)
	}
	return v
}
