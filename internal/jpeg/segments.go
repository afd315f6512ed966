package jpeg

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Markers, ITU-T T.81 table B.1.
const (
	sof0  = 0xc0 // baseline
	sof1  = 0xc1 // extended
	sof2  = 0xc2 // progressive
	dht   = 0xc4
	jpg   = 0xc8
	dac   = 0xcc
	sof15 = 0xcf
	rst0  = 0xd0
	rst7  = 0xd7
	soi   = 0xd8
	eoi   = 0xd9
	sos   = 0xda
	dqt   = 0xdb
	dnl   = 0xdc
	dri   = 0xdd
	app0  = 0xe0
	app14 = 0xee
	tem   = 0x01
)

// segments reads the file marker by marker; with header it stops at the frame
// header.
func (d *decoder) segments(header bool) error {
	if len(d.data) < 2 || d.data[0] != 0xff || d.data[1] != soi {
		return errors.New("no JPEG")
	}
	d.pos = 2
	for {
		marker := d.marker()
		switch {
		case marker == eoi || marker == 0 && d.complete():
			if d.scans == 0 {
				return errors.New("no picture in it")
			}
			return nil
		case marker == 0:
			return errTruncated
		case marker >= rst0 && marker <= rst7 || marker == tem || marker == soi:
			continue // without a segment
		}
		segment, err := d.segment()
		if err != nil {
			return err
		}
		if err := d.read(marker, segment); err != nil {
			return err
		}
		if header && d.frame {
			return nil
		}
	}
}

// ownTables reads on behind the frame header, to the first scan, and reports
// whether that is of all components and the file has all tables that it needs.
func (d *decoder) ownTables() bool {
	for {
		marker := d.marker()
		if marker == 0 || marker == eoi {
			return false
		}
		if marker >= rst0 && marker <= rst7 || marker == tem || marker == soi {
			continue
		}
		segment, err := d.segment()
		if err != nil {
			return false
		}
		if marker == sos {
			comps, err := d.scanComps(segment)
			for _, c := range comps {
				if c.dc == nil || c.ac == nil || d.quant[c.table] == nil {
					return false
				}
			}
			return err == nil && len(comps) == len(d.comps)
		}
		if d.read(marker, segment) != nil {
			return false
		}
	}
}

// marker finds the next marker, passing over what lies before it. It is 0 at the
// end of the data.
func (d *decoder) marker() byte {
	for d.pos+1 < len(d.data) {
		if m := d.data[d.pos+1]; d.data[d.pos] == 0xff && m != 0 && m != 0xff {
			d.pos += 2
			return m
		}
		d.pos++
	}
	return 0
}

// segment takes the parameters that follow a marker.
func (d *decoder) segment() ([]byte, error) {
	rest := d.data[d.pos:]
	if len(rest) < 2 {
		return nil, errTruncated
	}
	n := int(binary.BigEndian.Uint16(rest))
	if n < 2 {
		return nil, errors.New("a segment of impossible length")
	}
	if n > len(rest) {
		return nil, errTruncated
	}
	d.pos += n
	return rest[2:n], nil
}

// complete reports whether all that a file must have has been seen: then only its
// end marker is missing. Of a progressive picture nobody can say.
func (d *decoder) complete() bool {
	for _, c := range d.comps {
		if !c.seen {
			return false
		}
	}
	return d.frame && !d.progressive
}

// read reads one segment.
func (d *decoder) read(marker byte, s []byte) error {
	switch {
	case marker == dqt:
		return d.quantisation(s)
	case marker == dht:
		return d.huffmanTables(s)
	case marker == dac:
		return errors.New("arithmetic coding is not supported")
	case marker == dri && len(s) >= 2:
		d.restart = int(binary.BigEndian.Uint16(s))
	case marker == app0 && len(s) >= 5 && string(s[:5]) == "JFIF\x00":
		d.jfif = true
	case marker == app14 && len(s) >= 12 && string(s[:5]) == "Adobe":
		d.adobe = int(s[11])
	case marker == sos:
		return d.scan(s)
	case marker >= sof0 && marker <= sof2:
		d.progressive = marker == sof2
		return d.frameHeader(s)
	case marker > sof2 && marker <= sof15 && marker != jpg:
		return fmt.Errorf("the coding of marker FF%02X, lossless, hierarchical or arithmetic, is not supported", marker)
	case marker == dnl:
		return errors.New("a height that is stated after the picture is not supported")
	}
	return nil
}

// quantisation reads tables of quantisation steps.
func (d *decoder) quantisation(s []byte) error {
	for len(s) > 0 {
		size, id := 64*(1+int(s[0]>>4)), s[0]&15
		if id > 3 || size > 128 || len(s) < 1+size {
			return errors.New("a damaged quantisation table")
		}
		t := &d.steps[id]
		for i := range t {
			if size == 64 {
				t[natural[i]] = uint16(s[1+i])
			} else {
				t[natural[i]] = binary.BigEndian.Uint16(s[1+2*i:])
			}
		}
		d.quant[id] = t
		s = s[1+size:]
	}
	return nil
}

// frameHeader reads the size of the picture and its components.
func (d *decoder) frameHeader(s []byte) error {
	if d.frame {
		return errors.New("a second frame header")
	}
	if len(s) < 6 || len(s) < 6+3*int(s[5]) {
		return errors.New("a damaged frame header")
	}
	if s[0] != 8 {
		return fmt.Errorf("samples of %d bits are not supported", s[0])
	}
	d.h, d.w = int(binary.BigEndian.Uint16(s[1:])), int(binary.BigEndian.Uint16(s[3:]))
	if d.w == 0 || d.h == 0 {
		return fmt.Errorf("a picture of %d×%d", d.w, d.h)
	}
	n := int(s[5])
	if n != 1 && n != 3 && n != 4 {
		return fmt.Errorf("a picture of %d components is not supported", n)
	}
	d.frame = true
	d.comps = d.room[:n]
	for i := range d.comps {
		c, f := &d.comps[i], s[6+3*i:]
		*c = component{pix: c.pix, coefs: c.coefs}
		c.id, c.hor, c.ver, c.table = f[0], int(f[1]>>4), int(f[1]&15), f[2]
		if c.hor < 1 || c.hor > 4 || c.ver < 1 || c.ver > 4 || c.table > 3 {
			return errors.New("a damaged frame header")
		}
		if n == 1 { // its own sampling means nothing
			c.hor, c.ver = 1, 1
		}
	}
	return d.layOut()
}

// layOut computes the sizes of the planes.
func (d *decoder) layOut() error {
	first := d.comps[0]
	d.mcusX, d.mcusY = ceil(d.w, 8*first.hor), ceil(d.h, 8*first.ver)
	for i := range d.comps {
		c := &d.comps[i]
		if first.hor%c.hor != 0 || first.ver%c.ver != 0 {
			return errors.New("components sampled more finely than the first, or by no whole part of it, are not supported")
		}
		c.wide, c.high = ceil(d.w*c.hor, 8*first.hor), ceil(d.h*c.ver, 8*first.ver)
		c.stride, c.rows = d.mcusX*c.hor, d.mcusY*c.ver
		c.side = d.side
		if d.side < 8 && first.hor%(2*c.hor) == 0 && first.ver%(2*c.ver) == 0 {
			c.side = 8 // half the resolution is all there is of it
		}
	}
	return nil
}

// natural is where the coefficients lie in a block, in the order they are coded in
// (T.81 figure A.6).
var natural = [64]uint8{
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
}
