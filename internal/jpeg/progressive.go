package jpeg

// refine reads what a scan of a progressive picture says about a block.
func (d *decoder) refine(c *scanComp, coefs *[64]int16, p span) error {
	d.bits.fill()
	switch {
	case p.first == 0 && p.high == 0:
		if err := d.difference(c); err != nil {
			return err
		}
		coefs[0] = int16(c.pred << p.low)
	case p.first == 0:
		if d.bits.take(1) == 1 {
			coefs[0] |= 1 << p.low
		}
	case p.high == 0:
		return d.firstAC(c.ac, coefs, p)
	default:
		return d.refineAC(c.ac, coefs, p)
	}
	return nil
}

// run reads the length of a run of blocks without further coefficients, this one
// included.
func (d *decoder) run(size int) { d.left = 1<<size + d.bits.take(size) }

// firstAC reads the first bits of a block's coefficients.
func (d *decoder) firstAC(h *huffman, coefs *[64]int16, p span) error {
	if d.left > 0 {
		d.left--
		return nil
	}
	b := &d.bits
	for k := p.first; k <= p.last; k++ {
		b.fill()
		rs, err := b.symbol(h)
		if err != nil {
			return err
		}
		run, size := int(rs>>4), int(rs&15)
		if size == 0 {
			if run < 15 {
				d.run(run)
				d.left--
				break
			}
			k += 15
			continue
		}
		if k += run; k > p.last {
			break
		}
		coefs[natural[k]] = int16(b.value(size) << p.low)
	}
	return nil
}

// refineAC reads one more bit of each coefficient that is not zero, and the first
// of those that become so: plus or minus one at that bit.
func (d *decoder) refineAC(h *huffman, coefs *[64]int16, p span) error {
	b := &d.bits
	k := p.first
	for ; k <= p.last && d.left == 0; k++ {
		b.fill()
		rs, err := b.symbol(h)
		if err != nil {
			return err
		}
		run, value := int(rs>>4), int16(0)
		switch rs & 15 {
		case 0:
			if run < 15 {
				d.run(run)
			}
		case 1:
			value = -1 << p.low
			if b.take(1) == 1 {
				value = 1 << p.low
			}
		default:
			return errCode
		}
		if d.left > 0 {
			break
		}
		if k = d.refineUntil(coefs, k, run, p); value != 0 && k <= p.last {
			coefs[natural[k]] = value
		}
	}
	if d.left > 0 {
		d.refineUntil(coefs, k, 64, p)
		d.left--
	}
	return nil
}

// refineUntil reads one more bit of each coefficient from k on that is not zero. It
// returns the place of the zero after zeros others, or the one past the last.
func (d *decoder) refineUntil(coefs *[64]int16, k, zeros int, p span) int {
	bit := int16(1) << p.low
	for ; k <= p.last; k++ {
		c := &coefs[natural[k]]
		if *c == 0 {
			if zeros == 0 {
				return k
			}
			zeros--
			continue
		}
		d.bits.fill()
		if d.bits.take(1) == 0 || *c&bit != 0 {
			continue
		}
		if *c > 0 {
			*c += bit
		} else {
			*c -= bit
		}
	}
	return k
}
