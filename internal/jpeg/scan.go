package jpeg

import "errors"

// maxScans bounds the work that a small file can ask for: each scan of a
// progressive picture goes over all of it. Writers use about ten.
const maxScans = 256

// scanComp is a component in a scan, with its tables.
type scanComp struct {
	*component
	dc, ac *huffman
}

// span is the coefficients that a scan sends: those from first to last, down to
// bit low; high is the bit that came before, or 0.
type span struct{ first, last, high, low int }

// scan reads a scan header and the data after it.
func (d *decoder) scan(s []byte) error {
	if !d.frame {
		return errors.New("a scan before the frame header")
	}
	if d.scans++; d.scans > maxScans {
		return errors.New("too many scans")
	}
	comps, err := d.scanComps(s)
	if err != nil {
		return err
	}
	end := s[1+2*len(comps):]
	p := span{int(end[0]), int(end[1]), int(end[2] >> 4), int(end[2] & 15)}
	if !d.progressive {
		p = span{0, 63, 0, 0}
	}
	if err := d.prepare(comps, p); err != nil {
		return err
	}
	return d.blocks(comps, p)
}

// scanComps reads which components a scan header names, with which tables.
func (d *decoder) scanComps(s []byte) ([]scanComp, error) {
	if len(s) < 1 || len(s) < 4+2*int(s[0]) || s[0] < 1 || int(s[0]) > len(d.comps) {
		return nil, errScan
	}
	comps := d.within[:0]
	for i := range int(s[0]) {
		c := d.find(s[1+2*i])
		tables := s[2+2*i]
		if c == nil || tables>>4 > 3 || tables&15 > 3 {
			return nil, errScan
		}
		for _, other := range comps {
			if other.component == c {
				return nil, errScan
			}
		}
		comps = append(comps, scanComp{c, d.dc[tables>>4], d.ac[tables&15]})
	}
	return comps, nil
}

func (d *decoder) find(id byte) *component {
	for i := range d.comps {
		if d.comps[i].id == id {
			return &d.comps[i]
		}
	}
	return nil
}

// prepare checks that the scan has what it needs, and makes room.
func (d *decoder) prepare(comps []scanComp, p span) error {
	if p.first > p.last || p.last > 63 || p.low > 13 || d.progressive && p.first > 0 && len(comps) > 1 ||
		d.progressive && p.first == 0 && p.last > 0 {
		return errScan
	}
	blocks := 0
	for _, c := range comps {
		blocks += c.hor * c.ver
		if p.first == 0 && p.high == 0 && c.dc == nil || p.last > 0 && c.ac == nil {
			return errors.New("a scan without its Huffman table")
		}
		if !c.seen {
			if d.quant[c.table] == nil {
				return errors.New("a component without its quantisation table")
			}
			c.quant = *d.quant[c.table]
			c.seen = true
			c.pix = zeros(c.pix, c.side*c.side*c.stride*c.rows)
			if d.progressive {
				c.coefs = zeros(c.coefs, 64*c.stride*c.rows)
			}
		}
	}
	if len(comps) > 1 && blocks > 10 { // T.81 B.2.3
		return errScan
	}
	return nil
}

// zeros is n zeros in the memory of s where that is enough.
func zeros[T byte | int16](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	clear(s[:n])
	return s[:n]
}

// blocks reads the data of a scan, MCU by MCU: that of a single component has one
// block in each, that of several as many of each as its sampling factors say.
func (d *decoder) blocks(comps []scanComp, p span) error {
	d.bits = bits{data: d.data, pos: d.pos}
	d.reset(comps)
	across, down := d.mcusX, d.mcusY
	if len(comps) == 1 {
		across, down = comps[0].wide, comps[0].high
	}
	for i := range across * down {
		if d.restart > 0 && i > 0 && i%d.restart == 0 {
			if err := d.resume(comps); err != nil {
				return err
			}
		}
		x, y := i%across, i/across
		for k := range comps {
			c := &comps[k]
			h, v := c.hor, c.ver
			if len(comps) == 1 {
				h, v = 1, 1
			}
			for b := range h * v {
				if err := d.block(c, x*h+b%h, y*v+b/h, p); err != nil {
					return d.explain(err)
				}
			}
		}
		if d.bits.over() {
			return d.explain(errShort)
		}
	}
	d.pos = d.bits.pos
	return nil
}

// explain tells a file that ends from one that is damaged.
func (d *decoder) explain(err error) error {
	if d.bits.pos >= len(d.data)-1 && d.bits.over() {
		return errTruncated
	}
	return err
}

// reset starts anew, as at the beginning of a scan.
func (d *decoder) reset(comps []scanComp) {
	for _, c := range comps {
		c.pred = 0
	}
	d.left = 0
}

// resume goes on after a restart marker.
func (d *decoder) resume(comps []scanComp) error {
	d.pos = d.bits.pos
	switch m := d.marker(); {
	case m == 0:
		return errTruncated
	case m < rst0 || m > rst7:
		return errShort
	}
	d.bits = bits{data: d.data, pos: d.pos}
	d.reset(comps)
	return nil
}

// block reads one block, at column x and row y of its component.
func (d *decoder) block(c *scanComp, x, y int, p span) error {
	at := y*c.stride + x
	if d.progressive {
		return d.refine(c, (*[64]int16)(c.coefs[64*at:]), p)
	}
	d.coefs = [64]int16{}
	last, err := d.sequential(c, &d.coefs)
	if err != nil {
		return err
	}
	c.inverse(&d.coefs, x, y, last)
	return nil
}

// sequential reads all coefficients of a block and returns the place of the last
// that is not zero, in coding order.
func (d *decoder) sequential(c *scanComp, coefs *[64]int16) (last int, err error) {
	b := &d.bits
	if err := d.difference(c); err != nil {
		return 0, err
	}
	coefs[0] = int16(c.pred)
	acc, n := b.acc, b.n // in registers; most of the time goes here
	for k := 1; k < 64; k++ {
		if n < 32 {
			b.acc, b.n = acc, n
			b.fill()
			acc, n = b.acc, b.n
		}
		next := acc >> ((n - lookBits) & 63) & (1<<lookBits - 1)
		if e := c.ac.whole[next]; e != 0 {
			n -= int(e & 15)
			if k += int(e >> 4 & 15); k > 63 {
				break
			}
			coefs[natural[k]&63] = e >> 8
			last = k
			continue
		}
		rs := byte(c.ac.fast[next])
		if length := c.ac.fast[next] >> 8; length != 0 {
			n -= int(length)
		} else {
			b.acc, b.n = acc, n
			if rs, err = b.symbol(c.ac); err != nil {
				return 0, err
			}
			n = b.n
		}
		run, size := int(rs>>4), int(rs&15)
		if size == 0 {
			if run < 15 {
				break
			}
			k += 15
			continue
		}
		n -= size
		if k += run; k > 63 {
			break
		}
		coefs[natural[k]&63] = int16(extend(int(acc>>(n&63)&(1<<size-1)), size))
		last = k
	}
	b.acc, b.n = acc, n
	return last, nil
}

// difference reads how far the DC value is from that of the block before.
func (d *decoder) difference(c *scanComp) error {
	d.bits.fill()
	size, err := d.bits.symbol(c.dc)
	if err != nil {
		return err
	}
	if size > 15 {
		return errCode
	}
	c.pred += d.bits.value(int(size))
	return nil
}
