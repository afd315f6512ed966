package imageset

import (
	"bytes"
	"image"
	"image/gif"
	"io"
)

// decodeGIF reads the first frame, on a canvas of the logical screen's size. As
// in PIL, pixels outside the frame have the transparent colour if there is one
// and the first colour otherwise, and a transparent pixel keeps the colour that
// the palette gives it. Go's decoder blackens that colour, so the flag that
// announces it is cleared in what the decoder is shown.
func decodeGIF(data []byte) (*Image, error) {
	flags, fill, found := gifTransparency(data)
	var r io.Reader = bytes.NewReader(data)
	if found {
		head := bytes.Clone(data[:flags+1])
		head[flags] &^= 1
		r = io.MultiReader(bytes.NewReader(head), bytes.NewReader(data[flags+1:]))
	}
	c, err := gif.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	img, err := gif.Decode(r)
	if err != nil {
		return nil, err
	}
	screen := image.Rect(0, 0, c.Width, c.Height)
	if frame, ok := img.(*image.Paletted); ok && frame.Rect != screen {
		img = onScreen(frame, screen, fill)
	}
	return fromGo(img, "gif"), nil
}

// onScreen places a frame on a canvas filled with one palette index.
func onScreen(frame *image.Paletted, screen image.Rectangle, fill byte) *image.Paletted {
	full := image.NewPaletted(screen, frame.Palette)
	if fill != 0 {
		for i := range full.Pix {
			full.Pix[i] = fill
		}
	}
	area := frame.Rect.Intersect(screen)
	for y := area.Min.Y; y < area.Max.Y; y++ {
		from := frame.PixOffset(area.Min.X, y)
		copy(full.Pix[full.PixOffset(area.Min.X, y):], frame.Pix[from:from+area.Dx()])
	}
	return full
}

// gifTransparency finds the graphic control extension before the first frame.
// flags is the offset of its flag byte and index the transparent palette entry;
// found is false when no entry is transparent.
func gifTransparency(data []byte) (flags int, index byte, found bool) {
	const header = 13
	if len(data) < header {
		return 0, 0, false
	}
	p := header
	if data[10]&0x80 != 0 { // global colour table
		p += 3 << (data[10]&7 + 1)
	}
	for p+2 < len(data) && data[p] == '!' {
		label := data[p+1]
		p += 2
		if label == 0xf9 && p+5 < len(data) && data[p] == 4 {
			flags, index, found = p+1, data[p+4], data[p+1]&1 != 0
		}
		for p < len(data) && data[p] != 0 { // data sub-blocks
			p += int(data[p]) + 1
		}
		p++
	}
	return flags, index, found
}
