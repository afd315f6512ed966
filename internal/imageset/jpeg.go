package imageset

import (
	"image"

	"github.com/oodflow/oodflow/internal/jpeg"
	"github.com/oodflow/oodflow/internal/pixel"
)

// jpegConfig reads a JPEG's size.
func jpegConfig(data []byte) (image.Config, error) {
	w, h, err := jpeg.Config(data)
	return image.Config{Width: w, Height: h}, err
}

// decodeJPEG reads a JPEG and converts its colours as libjpeg and PIL do.
func decodeJPEG(data []byte) (*Image, error) {
	p, err := jpeg.Decode(data)
	if err != nil {
		return nil, err
	}
	m := &Image{W: p.W, H: p.H, Format: "jpeg"}
	planes := make([]*widener, len(p.Planes))
	for i, plane := range p.Planes {
		planes[i] = newWidener(plane)
	}
	switch p.Space {
	case jpeg.Gray:
		m.row = func(dst []byte, y int) { grayRow(dst, planes[0].row(y), 1) }
	case jpeg.YCbCr:
		m.row = func(dst []byte, y int) { yccRow(dst, planes, y) }
	case jpeg.RGB:
		m.row = func(dst []byte, y int) { interleave(dst, planes, y) }
	case jpeg.CMYK:
		m.row = func(dst []byte, y int) {
			interleave(dst, planes, y)
			invert(dst)
			addBlack(dst, planes[3].row(y))
		}
	case jpeg.YCCK: // the first three make what is left by the inks, that is the inks inverted twice
		m.row = func(dst []byte, y int) {
			yccRow(dst, planes, y)
			addBlack(dst, planes[3].row(y))
		}
	}
	return m, nil
}

// yccRow writes row y of the planes Y', Cb and Cr as RGB.
func yccRow(dst []byte, planes []*widener, y int) {
	pixel.YCC(dst, planes[0].row(y), planes[1].row(y), planes[2].row(y))
}

// interleave writes row y of the first three planes.
func interleave(dst []byte, planes []*widener, y int) {
	for c, p := range planes[:3] {
		for x, v := range p.row(y)[:len(dst)/3] {
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
