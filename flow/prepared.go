package flow

import (
	"math"

	"github.com/oodflow/oodflow/internal/blas"
)

// prepared is what all rows of a pass need and the parameters alone decide.
type prepared struct {
	f       *Flow
	scale   [][]float32 // K+1 of d: exp(logScale) of each block; behind the last block there is nothing to scale
	shift   [][]float32 // K+1 of d, likewise
	w       [][]float32 // K of d×d, the linear maps of a Glow; of nil in a RealNVP
	ladj    float64     // the log-determinant that all rows share: the whitening's, the ActNorms' and the linear maps'
	negMean []float32   // d, of the whitening
	offset  []float64   // C, of a mixture base: log π_c − ‖μ_c‖²/2
}

func (f *Flow) newPrepared() *prepared {
	d := f.cfg.Dim
	p := &prepared{f: f, w: make([][]float32, len(f.blocks)), offset: make([]float64, f.cfg.Classes), negMean: make([]float32, d)}
	for k, b := range f.blocks {
		if b.linear != nil {
			p.w[k] = make([]float32, d*d)
		}
		p.scale = append(p.scale, make([]float32, d))
	}
	for _, b := range f.blocks {
		p.shift = append(p.shift, b.shift)
	}
	one := make([]float32, d)
	for j := range one {
		one[j] = 1
	}
	p.scale, p.shift = append(p.scale, one), append(p.shift, make([]float32, d))
	return p
}

// one returns d ones.
func (p *prepared) one() []float32 { return p.scale[len(p.scale)-1] }

// prepare fills p from f's parameters.
func (f *Flow) prepare(p *prepared) {
	p.ladj = f.start()
	if f.whiten != nil {
		for j, mu := range f.whiten.mean {
			p.negMean[j] = -mu
		}
	}
	for k := range f.blocks {
		for j, l := range f.blocks[k].logScale {
			p.ladj += float64(l)
			p.scale[k][j] = float32(math.Exp(float64(l)))
		}
	}
	if f.cfg.Arch == ArchGlow {
		for k := range f.blocks {
			p.ladj += f.blocks[k].linear.ladj()
		}
		blas.Parallel(len(f.blocks), p)
	}
	f.base.prepare(p.offset)
}

// Part composes linear map k.
func (p *prepared) Part(k int) {
	s := p.f.factors()
	p.f.blocks[k].linear.compose(p.w[k], s)
	p.f.factorings.Put(s)
}
