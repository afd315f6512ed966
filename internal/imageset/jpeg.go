package imageset

import (
	"image"

	"github.com/oodflow/oodflow/internal/jpeg"
	"github.com/oodflow/oodflow/internal/pixel"
)

// jpegConfig reads a JPEG's size.
func jpegConfig(w *workshop, data []byte) (image.Config, error) {
	width, height, err := w.jpeg.Config(data)
	return image.Config{Width: width, Height: height}, err
}

// decodeJPEG reads a JPEG and converts its colours as libjpeg and PIL do.
func decodeJPEG(w *workshop, h header, data []byte) (*Image, error) {
	if w.decodeNatively(h, data) {
		return &w.image, nil
	}
	var p *jpeg.Picture
	var err error
	if h.half {
		p, err = w.jpeg.DecodeHalf(data)
	} else {
		p, err = w.jpeg.Decode(data)
	}
	if err != nil {
		return nil, err
	}
	for i, plane := range p.Planes {
		w.planes[i].set(plane)
	}
	w.image = Image{W: p.W, H: p.H, Format: "jpeg", row: jpegRows[p.Space], planes: &w.planes}
	return &w.image, nil
}

// jpegRows write a row as RGB, by colour space.
var jpegRows = map[jpeg.Space]func(m *Image, dst []byte, y int){
	jpeg.Gray:  func(m *Image, dst []byte, y int) { grayRow(dst, m.planes[0].row(y), 1) },
	jpeg.YCbCr: func(m *Image, dst []byte, y int) { yccRow(dst, m.planes, y) },
	jpeg.RGB:   func(m *Image, dst []byte, y int) { interleave(dst, m.planes, y) },
	jpeg.CMYK: func(m *Image, dst []byte, y int) {
		interleave(dst, m.planes, y)
		invert(dst)
		addBlack(dst, m.planes[3].row(y))
	},
	jpeg.YCCK: func(m *Image, dst []byte, y int) { // the first three make what is left by the inks, that is the inks inverted twice
		yccRow(dst, m.planes, y)
		addBlack(dst, m.planes[3].row(y))
	},
}

// yccRow writes row y of the planes Y', Cb and Cr as RGB.
func yccRow(dst []byte, planes *[4]widener, y int) {
	pixel.YCC(dst, planes[0].row(y), planes[1].row(y), planes[2].row(y))
}

// interleave writes row y of the first three planes.
func interleave(dst []byte, planes *[4]widener, y int) {
	for c := range 3 {
		for x, v := range planes[c].row(y)[:len(dst)/3] {
			dst[3*x+c] = v
		}
	}
}

func invert(row []byte) {
	for i, v := range row {
		row[i] = 255 - v
	}
}

// addBlack turns the inks C, M, Y of a row into RGB, with black as it is stored:
// 255 less the ink.
func addBlack(row, black []byte) {
	for x := range len(row) / 3 {
		p := row[3*x : 3*x+3]
		ink := [4]byte{p[0], p[1], p[2], 255 - black[x]}
		cmykRow(p, ink[:])
	}
}
