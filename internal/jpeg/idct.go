package jpeg

import "github.com/oodflow/oodflow/internal/pixel"

// transform makes the samples of a whole component from its coefficients.
func (c *component) transform() {
	for i := range c.stride * c.rows {
		c.inverse((*[64]int16)(c.coefs[64*i:]), i%c.stride, i/c.stride, 63)
	}
}

// inverse makes the samples of one block. last is the place, in coding order, of the
// last coefficient that is not zero, or any later one.
func (c *component) inverse(coefs *[64]int16, x, y, last int) {
	stride := c.side * c.stride
	dst := c.pix[c.side*(y*stride+x):]
	switch {
	case last == 0:
		pixel.Flat(dst, stride, c.side, coefs[0], c.quant[0])
	case c.side == 4:
		pixel.InverseHalf(dst, stride, coefs, &c.quant)
	default:
		pixel.Inverse(dst, stride, coefs, &c.quant)
	}
}
