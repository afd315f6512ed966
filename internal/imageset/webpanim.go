package imageset

import (
	"encoding/binary"
	"errors"
)

// An animated WebP holds its frames as chunks ANMF: 16 bytes of place, size and
// duration, then the chunks of a still picture. Its first frame is what PIL
// shows, on a black canvas where it does not cover all of it.

// animationHeader is the length of what stands before a frame's chunks.
const animationHeader = 16

// errNoFrame is the error for an animation whose first frame is not there.
var errNoFrame = errors.New("the animation has no frame")

// isAnimated reports whether a WebP file says that it is an animation.
func isAnimated(data []byte) bool {
	return len(data) > 20 && string(data[12:16]) == "VP8X" && data[20]&2 != 0
}

// decodeAnimation reads the first frame.
func decodeAnimation(data []byte) (*Image, error) {
	canvas := data[20:]
	if len(canvas) < 10 {
		return nil, errNoFrame
	}
	w, h := uint24(canvas[4:])+1, uint24(canvas[7:])+1
	for rest := data[12:]; len(rest) > 0; {
		name, body, after := webpChunk(rest)
		if name == "ANMF" && len(body) > animationHeader {
			x, y := 2*uint24(body), 2*uint24(body[3:])
			if x+uint24(body[6:])+1 > w || y+uint24(body[9:])+1 > h {
				return nil, errors.New("the first frame is beyond the canvas")
			}
			frame, err := decodeWebP(stillWebP(body))
			if err != nil {
				return nil, err
			}
			return onCanvas(frame, x, y, w, h), nil
		}
		rest = after
	}
	return nil, errNoFrame
}

// webpChunk splits the first chunk off data; its body may be cut short.
func webpChunk(data []byte) (name string, body, rest []byte) {
	if len(data) < 8 {
		return "", nil, nil
	}
	n := int64(binary.LittleEndian.Uint32(data[4:]))
	name, data = string(data[:4]), data[8:]
	body = data[:min(n, int64(len(data)))]
	return name, body, data[min(n+n%2, int64(len(data))):]
}

// stillWebP makes a file of a frame's picture. Its header repeats the frame's
// size, to which the decoder holds the picture before it takes memory for it.
func stillWebP(frame []byte) []byte {
	chunks := frame[animationHeader:]
	still := []byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00")
	if name, _, _ := webpChunk(chunks); name == "ALPH" {
		still[20] = 0x10
	}
	still = append(still, frame[6:12]...) // width and height, less one
	still = append(still, chunks...)
	binary.LittleEndian.PutUint32(still[4:], uint32(len(still)-8))
	return still
}

// onCanvas places a frame on a black canvas.
func onCanvas(frame *Image, x, y, w, h int) *Image {
	return &Image{W: w, H: h, Format: "webp", row: func(_ *Image, dst []byte, at int) {
		clear(dst)
		if at >= y && at < y+frame.H {
			frame.Row(dst[3*x:], at-y)
		}
	}}
}

// uint24 is three bytes, the low one first.
func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }
