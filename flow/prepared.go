package flow

import "math"

// prepared is what all rows of a pass need and the parameters alone decide.
type prepared struct {
	scale   [][]float32 // K+1 of d: exp(logScale) of each block; behind the last block there is nothing to scale
	shift   [][]float32 // K+1 of d, likewise
	ladj    float64     // the log-determinant that all rows share: the whitening's and the ActNorms'
	negMean []float32   // d, of the whitening
	offset  []float64   // C, of a mixture base: log π_c − ‖μ_c‖²/2
}

func (f *Flow) newPrepared() *prepared {
	d := f.cfg.Dim
	p := &prepared{offset: make([]float64, f.cfg.Classes), negMean: make([]float32, d)}
	for range f.blocks {
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
	f.base.prepare(p.offset)
}
