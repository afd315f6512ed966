// Package jpeg decodes JPEG pictures into the samples that libjpeg makes of
// them, bit for bit, so that a network sees here what it saw in training: nearly
// all training pipelines decode through libjpeg, and other decoders' cosine
// transforms round otherwise, which some networks notice.
//
// It reads baseline, extended and progressive JPEG with 8-bit samples and Huffman
// coding (ITU-T T.81), of one, three or four components. Samples come in planes
// as they are stored: widening the colour planes and converting to RGB is left to
// the caller.
package jpeg

import (
	"errors"
	"fmt"
	"io"
)

// Space is what the components of a picture are.
type Space int

// The colour spaces, told apart as libjpeg does.
const (
	Gray  Space = iota
	YCbCr       // JFIF's
	RGB
	CMYK // as stored: Adobe's writers store 255 less the ink
	YCCK // Y'CbCr of what is left by the inks, and black
)

// Plane is the samples of one component, row-major.
type Plane struct {
	Pix    []byte
	Stride int // from row to row
	W, H   int // in samples
	// Hor and Ver are how many pixels a sample stands for across and down.
	Hor, Ver int
}

// Picture is a decoded picture.
type Picture struct {
	W, H   int
	Space  Space
	Planes []Plane // one per component
}

// Decoder decodes one picture after the other in the same memory. Its zero value
// is ready. It is for one goroutine.
type Decoder struct {
	d       decoder
	picture Picture
}

// Config returns the width and height that a file's header states. Nothing else is
// decoded.
func (r *Decoder) Config(data []byte) (w, h int, err error) {
	r.d.begin(data)
	err = r.d.segments(true)
	return r.d.w, r.d.h, err
}

// Common tells whether the picture whose header was read last is of the kind
// that nearly all are: sequential, gray or of three components of which the
// second and third are stored at the full resolution, or at half of it across,
// or both ways; in one scan, with all tables that it needs. Where some are
// missing, libjpeg takes those of the picture before.
func (r *Decoder) Common() bool {
	c := r.d.comps
	if r.d.progressive || len(c) != 1 && len(c) != 3 {
		return false
	}
	for _, other := range c[1:] {
		if other.hor != 1 || other.ver != 1 {
			return false
		}
	}
	usual := len(c) == 1 || c[0].ver == 1 && c[0].hor <= 2 || c[0].ver == 2 && c[0].hor == 2
	return usual && r.d.ownTables()
}

// Decode reads a whole picture, which is valid until the next one is read. Its
// memory is bounded by the size that the header states, which [Decoder.Config]
// tells before: about 3 bytes per pixel and, for a progressive picture, 6 more.
//
// io.ErrUnexpectedEOF means that the file is truncated. A file that lacks only
// its end marker is read.
func (r *Decoder) Decode(data []byte) (*Picture, error) { return r.decode(data, 8) }

// DecodeHalf reads a picture at half its width and height, rounded up, as libjpeg
// does at a scale of 1/2: each sample is the mean of four, but colours that are
// stored at half the resolution are taken as they are.
func (r *Decoder) DecodeHalf(data []byte) (*Picture, error) { return r.decode(data, 4) }

// decode makes side×side samples of each block of the finest component.
func (r *Decoder) decode(data []byte, side int) (*Picture, error) {
	r.d.begin(data)
	r.d.side = side
	if err := r.d.segments(false); err != nil {
		return nil, err
	}
	return &r.picture, r.d.finish(&r.picture)
}

// Shrink gives memory back where there is more than most bytes of it for one
// component. The last picture is not valid any more.
func (r *Decoder) Shrink(most int) {
	if r.d.memory == nil {
		return
	}
	for i := range r.d.room {
		if c := &r.d.room[i]; cap(c.pix) > most || 2*cap(c.coefs) > most {
			*c = component{}
		}
	}
}

// decoder is the state of decoding one picture.
type decoder struct {
	data []byte
	pos  int // of the next byte of data to read

	w, h        int
	side        int // of the samples made of a block of the finest component: 8, or 4 at half the size
	progressive bool
	frame       bool // the frame header has been read
	comps       []component
	mcusX       int // minimum coded units, those of several components, in a row
	mcusY       int
	quant       [4]*[64]uint16 // nil before they are defined, and so below
	dc, ac      [4]*huffman
	restart     int // MCUs between restart markers, 0 is none
	jfif        bool
	adobe       int // the colour transform of Adobe's segment, -1 without one
	scans       int

	bits bits
	left int // of a run of blocks without further coefficients, in a progressive scan

	*memory
}

// memory is what a decoder keeps from picture to picture.
type memory struct {
	room   [4]component
	steps  [4][64]uint16
	tables [8]huffman  // four of DC, four of AC
	within [4]scanComp // components of the scan being read
	coefs  [64]int16   // of the block being read
}

// begin makes ready for another picture.
func (d *decoder) begin(data []byte) {
	m := d.memory
	if m == nil {
		m = new(memory)
	}
	*d = decoder{data: data, side: 8, adobe: -1, memory: m}
}

// component is one component of the frame.
type component struct {
	id, table    byte       // identifier and quantisation table
	hor, ver     int        // sampling factors
	side         int        // of the samples made of a block, 4 or 8
	wide, high   int        // in blocks, as a scan of this component alone has them
	stride, rows int        // in blocks, filled up to whole MCUs
	quant        [64]uint16 // as it was when its first scan began
	pix          []byte     // stride*side wide
	coefs        []int16    // of all blocks, in natural order; for progressive pictures
	pred         int        // the last DC value
	seen         bool       // by a scan
}

// finish hands over the planes.
func (d *decoder) finish(p *Picture) error {
	*p = Picture{W: ceil(d.w*d.side, 8), H: ceil(d.h*d.side, 8), Space: d.space(), Planes: p.Planes[:0]}
	most := &d.comps[0]
	for i := range d.comps {
		c := &d.comps[i]
		if !c.seen {
			return fmt.Errorf("component %d has no data", i+1)
		}
		if d.progressive {
			c.transform()
		}
		p.Planes = append(p.Planes, Plane{
			Pix: c.pix, Stride: c.side * c.stride, Hor: most.hor * d.side / (c.hor * c.side), Ver: most.ver * d.side / (c.ver * c.side),
			W: ceil(d.w*c.hor*c.side, 8*most.hor), H: ceil(d.h*c.ver*c.side, 8*most.ver),
		})
	}
	return nil
}

// space tells what the components are, by libjpeg's rules.
func (d *decoder) space() Space {
	switch {
	case len(d.comps) == 1:
		return Gray
	case len(d.comps) == 4 && d.adobe > 0:
		return YCCK
	case len(d.comps) == 4:
		return CMYK
	case d.jfif:
		return YCbCr
	case d.adobe >= 0 && d.adobe != 0:
		return YCbCr
	case d.adobe == 0, d.comps[0].id == 'R' && d.comps[1].id == 'G' && d.comps[2].id == 'B':
		return RGB
	}
	return YCbCr
}

func ceil(a, b int) int { return (a + b - 1) / b }

var (
	errScan      = errors.New("a damaged scan header")
	errTruncated = io.ErrUnexpectedEOF
	errCode      = errors.New("a Huffman code that no table has")
	errShort     = errors.New("a scan ends before its data")
)
