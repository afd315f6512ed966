package imageset

import (
	"image"
	"image/color"
)

// Image is a decoded picture, read row by row as 8-bit RGB. Converting a row
// only when it is asked for keeps a large picture from being held twice.
type Image struct {
	// W and H are the width and height in pixels.
	W, H int
	// Format is the file format, "png", "jpeg", "gif", "webp" or "bmp", or
	// "raw" for pixels from a container.
	Format string
	// Orientation is how EXIF says that the picture is stored, 1 to 8; 1 is upright,
	// and 0 is not known. Row does not heed it.
	Orientation int

	row func(m *Image, dst []byte, y int)
	// What row reads, where it is none that has it by itself.
	pix    []byte
	planes *[4]widener
}

// Row writes row y, counted from the top, as 3·W bytes R, G, B, R, ... to dst.
// An Image is for one goroutine at a time.
func (m *Image) Row(dst []byte, y int) { m.row(m, dst[:3*m.W], y) }

// planarRGB reads three h×w planes, red, green, blue, each row-major: the
// layout of CIFAR's binaries.
func planarRGB(pix []byte, w, h int) *Image {
	return &Image{W: w, H: h, Format: "raw", row: planarRow, pix: pix[:3*w*h]}
}

func planarRow(m *Image, dst []byte, y int) {
	n := m.W * m.H
	at := m.pix[y*m.W:]
	r, g, b := at[:m.W], at[n:][:m.W], at[2*n:][:m.W]
	for x := range r {
		p := dst[3*x : 3*x+3 : 3*x+3]
		p[0], p[1], p[2] = r[x], g[x], b[x]
	}
}

// columnMajorRGB reads an h×w×3 array stored first index fastest, as MATLAB
// stores it: the value of row y, column x, channel c lies at y + h·(x + w·c).
func columnMajorRGB(pix []byte, w, h int) *Image {
	return &Image{W: w, H: h, Format: "raw", row: columnMajorRow, pix: pix[:3*w*h]}
}

func columnMajorRow(m *Image, dst []byte, y int) {
	n := m.W * m.H
	for x := range m.W {
		i := y + m.H*x
		dst[3*x], dst[3*x+1], dst[3*x+2] = m.pix[i], m.pix[i+n], m.pix[i+2*n]
	}
}

// fromGo wraps a picture decoded by the standard library or x/image. Colours
// become RGB as PIL's convert("RGB") makes them: alpha is dropped and not
// composited, gray is repeated, 16-bit samples keep their high byte.
func fromGo(src image.Image, format string) *Image {
	b := src.Bounds()
	m := &Image{W: b.Dx(), H: b.Dy(), Format: format}
	switch s := src.(type) {
	case *image.Gray:
		m.row = func(_ *Image, dst []byte, y int) { grayRow(dst, s.Pix[y*s.Stride:], 1) }
	case *image.Gray16:
		m.row = func(_ *Image, dst []byte, y int) { grayRow(dst, s.Pix[y*s.Stride:], 2) }
	case *image.NRGBA:
		m.row = func(_ *Image, dst []byte, y int) { dropAlpha(dst, s.Pix[y*s.Stride:], 1) }
	case *image.NRGBA64:
		m.row = func(_ *Image, dst []byte, y int) { dropAlpha(dst, s.Pix[y*s.Stride:], 2) }
	case *image.RGBA: // the decoders in use make it for opaque pictures only
		m.row = func(_ *Image, dst []byte, y int) { dropAlpha(dst, s.Pix[y*s.Stride:], 1) }
	case *image.RGBA64:
		m.row = func(_ *Image, dst []byte, y int) { dropAlpha(dst, s.Pix[y*s.Stride:], 2) }
	case *image.Paletted:
		lut := paletteRGB(s.Palette)
		m.row = func(_ *Image, dst []byte, y int) {
			for x, p := range s.Pix[y*s.Stride:][:m.W] {
				copy(dst[3*x:3*x+3], lut[p][:])
			}
		}
	case *image.CMYK:
		m.row = func(_ *Image, dst []byte, y int) { cmykRow(dst, s.Pix[y*s.Stride:]) }
	default:
		m.row = func(_ *Image, dst []byte, y int) { slowRow(dst, src, y) }
	}
	return m
}

// grayRow repeats each sample three times; a sample is the first of size bytes.
func grayRow(dst, src []byte, size int) {
	for i := range len(dst) / 3 {
		v := src[i*size]
		dst[3*i], dst[3*i+1], dst[3*i+2] = v, v, v
	}
}

// dropAlpha copies R, G and B of four-channel pixels whose samples are size
// bytes, high byte first.
func dropAlpha(dst, src []byte, size int) {
	for i := range len(dst) / 3 {
		p := src[4*size*i : 4*size*(i+1)]
		dst[3*i], dst[3*i+1], dst[3*i+2] = p[0], p[size], p[2*size]
	}
}

// paletteRGB lists the palette's colours without alpha. Indices past its end
// are black.
func paletteRGB(p color.Palette) (lut [256][3]byte) {
	for i, c := range p[:min(len(p), 256)] {
		n := color.NRGBAModel.Convert(c).(color.NRGBA)
		lut[i] = [3]byte{n.R, n.G, n.B}
	}
	return lut
}

// cmykRow converts C, M, Y, K (0 is no ink) to RGB as PIL does: white less K,
// less the ink's share of what is left, rounded.
func cmykRow(dst, src []byte) {
	for i := range len(dst) / 3 {
		p := src[4*i : 4*i+4]
		light := 255 - int(p[3])
		for c := range 3 {
			dst[3*i+c] = uint8(max(0, light-mulDiv255(int(p[c]), light)))
		}
	}
}

// mulDiv255 is a·b/255 rounded to nearest, for a and b in 0..255.
func mulDiv255(a, b int) int {
	t := a*b + 128
	return (t>>8 + t) >> 8
}

// slowRow serves picture types that no decoder in use makes today.
func slowRow(dst []byte, src image.Image, y int) {
	b := src.Bounds()
	for x := range b.Dx() {
		n := color.NRGBAModel.Convert(src.At(b.Min.X+x, b.Min.Y+y)).(color.NRGBA)
		dst[3*x], dst[3*x+1], dst[3*x+2] = n.R, n.G, n.B
	}
}
