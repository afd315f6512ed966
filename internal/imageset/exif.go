package imageset

import (
	"bytes"
	"encoding/binary"
)

// orientationTag is that of EXIF's Orientation (TIFF 6.0, section 8).
const orientationTag = 0x0112

// orientation finds the EXIF orientation of an encoded picture, 1 to 8. It is 1
// where there is none, or one that is not understood.
func orientation(format string, data []byte) int {
	var exif []byte
	switch format {
	case "jpeg":
		exif = jpegEXIF(data)
	case "png":
		exif = pngEXIF(data)
	case "webp":
		exif = webpEXIF(data)
	}
	return exifOrientation(bytes.TrimPrefix(exif, []byte("Exif\x00\x00")))
}

// jpegEXIF finds the first APP1 segment with EXIF data before the first scan.
func jpegEXIF(data []byte) []byte {
	const app1, startOfScan = 0xe1, 0xda
	for p := 2; p+4 <= len(data); {
		if data[p] != 0xff || data[p+1] == 0xff { // between segments, or padding
			p++
			continue
		}
		marker, body := data[p+1], data[p+4:]
		n := int(data[p+2])<<8 | int(data[p+3]) - 2
		if marker == startOfScan || n < 0 || n > len(body) {
			break
		}
		if marker == app1 && bytes.HasPrefix(body[:n], []byte("Exif\x00")) {
			return body[:n]
		}
		p += 4 + n
	}
	return nil
}

// pngEXIF finds the eXIf chunk.
func pngEXIF(data []byte) []byte {
	const signature, frame = 8, 12 // length, name and checksum around a chunk
	for p := signature; p+frame <= len(data); {
		n := uint64(binary.BigEndian.Uint32(data[p:]))
		if n > uint64(len(data)-p-frame) {
			break
		}
		if string(data[p+4:p+8]) == "eXIf" {
			return data[p+8:][:n]
		}
		p += frame + int(n)
	}
	return nil
}

// webpEXIF finds the EXIF chunk of the RIFF container.
func webpEXIF(data []byte) []byte {
	const first, head = 12, 8
	for p := first; p+head <= len(data); {
		n := uint64(binary.LittleEndian.Uint32(data[p+4:]))
		if n > uint64(len(data)-p-head) {
			break
		}
		if string(data[p:p+4]) == "EXIF" {
			return data[p+head:][:n]
		}
		p += head + int(n+n%2)
	}
	return nil
}

// exifOrientation reads the tag in the first directory of a TIFF structure.
func exifOrientation(tiff []byte) int {
	const upright = 1
	var order binary.ByteOrder = binary.LittleEndian
	switch {
	case len(tiff) < 8:
		return upright
	case string(tiff[:2]) == "MM":
		order = binary.BigEndian
	case string(tiff[:2]) != "II":
		return upright
	}
	at := uint64(order.Uint32(tiff[4:]))
	if at+2 > uint64(len(tiff)) {
		return upright
	}
	entries := tiff[at+2:]
	for range order.Uint16(tiff[at:]) {
		const entry, short = 12, 3
		if len(entries) < entry {
			break
		}
		if order.Uint16(entries) == orientationTag && order.Uint16(entries[2:]) == short {
			if v := order.Uint16(entries[8:]); v >= 1 && v <= 8 {
				return int(v)
			}
			break
		}
		entries = entries[entry:]
	}
	return upright
}

// upright returns m turned and mirrored as its orientation says. The picture is
// held whole for that, in t.turned.
//
//	2  mirrored left to right       6  to be turned right by a quarter
//	3  upside down                  8  to be turned left by a quarter
//	4  mirrored top to bottom       5, 7  those two, mirrored
func (t *transformer) upright(m *Image) *Image {
	w, h := m.W, m.H
	if m.Orientation >= 5 {
		w, h = h, w
	}
	t.turned = resize(t.turned, 3*w*h)
	t.row = resize(t.row, 3*m.W)
	for y := range m.H {
		m.Row(t.row, y)
		start, step := turned(m.Orientation, y, m.W, m.H)
		for x := range m.W {
			copy(t.turned[3*(start+x*step):][:3], t.row[3*x:3*x+3])
		}
	}
	pix := t.turned
	return &Image{W: w, H: h, Format: m.Format, Orientation: 1, row: func(_ *Image, dst []byte, y int) { copy(dst, pix[3*w*y:]) }}
}

// turned says where row y of a w×h picture goes: pixel x to place start + x·step.
func turned(orientation, y, w, h int) (start, step int) {
	switch orientation {
	case 2:
		return y*w + w - 1, -1
	case 3:
		return (h-1-y)*w + w - 1, -1
	case 4:
		return (h - 1 - y) * w, 1
	case 5:
		return y, h
	case 6:
		return h - 1 - y, h
	case 7:
		return (w-1)*h + h - 1 - y, -h
	case 8:
		return (w-1)*h + y, -h
	}
	return y * w, 1
}
