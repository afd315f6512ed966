package imageset

import (
	"bytes"
	"image"
	"image/jpeg"
	"io"
)

// decodeJPEG reads a JPEG and converts its colours as libjpeg and PIL do.
func decodeJPEG(data []byte) (*Image, error) {
	h := scanJPEG(data)
	img, err := jpeg.Decode(h.reader(data))
	if err != nil {
		return nil, err
	}
	switch s := img.(type) {
	case *image.YCbCr:
		return &Image{W: s.Rect.Dx(), H: s.Rect.Dy(), Format: "jpeg", row: newYCCRows(s).row}, nil
	case *image.CMYK:
		if h.ycck() {
			return ycckImage(s, h.subsampled), nil
		}
	}
	return fromGo(img, "jpeg"), nil
}

// jpegHeader is what has to be known of a JPEG before Go's decoder sees it.
type jpegHeader struct {
	components int
	subsampled bool // colour has half the resolution both ways
	transform  int  // offset of the colour transform byte in Adobe's APP14 segment, 0 without one
	value      byte // that byte: 0 is CMYK, 2 is YCCK
}

// Segment markers, ITU-T T.81 table B.1.
const (
	markerSOF0  = 0xc0
	markerSOF2  = 0xc2
	markerSOI   = 0xd8
	markerSOS   = 0xda
	markerAPP14 = 0xee
)

// scanJPEG walks the segments up to the first scan.
func scanJPEG(data []byte) (h jpegHeader) {
	p := 2 // after SOI
	for p+4 <= len(data) {
		if data[p] != 0xff || data[p+1] == 0xff { // between segments, or padding
			p++
			continue
		}
		marker, body := data[p+1], data[p+4:]
		n := int(data[p+2])<<8 | int(data[p+3]) - 2
		if marker == markerSOS || n < 0 || n > len(body) {
			break
		}
		switch {
		case marker >= markerSOF0 && marker <= markerSOF2 && n >= 15:
			h.components, h.subsampled = int(body[5]), body[7] == 0x22
		case marker == markerAPP14 && n >= 12 && string(body[:5]) == "Adobe":
			h.transform, h.value = p+4+11, body[11]
		}
		p += 4 + n
	}
	return h
}

// ycck reports whether the four components are brightness, two colours, black.
func (h jpegHeader) ycck() bool {
	return h.components == 4 && h.transform != 0 && h.value != 0
}

// reader shows data to Go's decoder. Of a four-component picture that decoder
// repeats colour samples, and it refuses one without Adobe's segment, which PIL
// reads. So such a picture is presented as plain CMYK: its channels then come
// back as they are stored, inverted, and are converted here.
func (h jpegHeader) reader(data []byte) io.Reader {
	if h.components != 4 {
		return bytes.NewReader(data)
	}
	if h.transform != 0 {
		head := bytes.Clone(data[:h.transform+1])
		head[h.transform] = 0
		return io.MultiReader(bytes.NewReader(head), bytes.NewReader(data[h.transform+1:]))
	}
	plain := "\xff\xd8\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
	return io.MultiReader(bytes.NewReader([]byte(plain)), bytes.NewReader(data[2:]))
}

// ycckImage converts a YCCK picture whose stored channels are in s, inverted.
// Its first three channels become R, G, B, which are C, M, Y as Adobe stores
// them, and black is taken away from those.
func ycckImage(s *image.CMYK, subsampled bool) *Image {
	ratio := image.YCbCrSubsampleRatio444
	if subsampled {
		ratio = image.YCbCrSubsampleRatio420
	}
	w, h := s.Rect.Dx(), s.Rect.Dy()
	ycc := image.NewYCbCr(image.Rect(0, 0, w, h), ratio)
	for y := range h {
		for x := range w {
			p := s.Pix[y*s.Stride+4*x:]
			c := ycc.COffset(x, y)
			// Repeated colour samples overwrite each other with the same value.
			ycc.Y[ycc.YOffset(x, y)], ycc.Cb[c], ycc.Cr[c] = 255-p[0], 255-p[1], 255-p[2]
		}
	}
	rows := newYCCRows(ycc)
	return &Image{W: w, H: h, Format: "jpeg", row: func(dst []byte, y int) {
		rows.row(dst, y)
		for x := range w {
			ink := [4]byte{dst[3*x], dst[3*x+1], dst[3*x+2], s.Pix[y*s.Stride+4*x+3]}
			cmykRow(dst[3*x:3*x+3], ink[:])
		}
	}}
}
