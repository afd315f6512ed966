package imageset

import (
	"bytes"
	"errors"
	"image"
	stdjpeg "image/jpeg"
	"sync"

	"github.com/oodflow/oodflow/internal/turbojpeg"
)

// JPEGLibrary is the native library that decodes JPEG pictures, or nil where
// those are decoded in Go: there is none, or it does not decode two pictures that
// it is tried on to the last bit as Go does. The error says what is wrong with a
// library that was found or asked for.
var JPEGLibrary = sync.OnceValues(func() (*turbojpeg.Library, error) {
	l, err := turbojpeg.Use()
	if l == nil || err != nil {
		return nil, err
	}
	d := l.New()
	if d == nil {
		return nil, errors.New("libjpeg-turbo cannot begin")
	}
	defer d.Close()
	for _, gray := range []bool{false, true} {
		for _, half := range []bool{false, true} {
			if !agrees(d, tryPicture(gray), half) {
				return nil, errors.New(l.Path + " decodes other pixels than libjpeg 6 and its descendants")
			}
		}
	}
	return l, nil
})

// tryPicture is a picture with edges of brightness and of colour.
func tryPicture(gray bool) []byte {
	const side = 67
	colour := image.NewYCbCr(image.Rect(0, 0, side, side), image.YCbCrSubsampleRatio420)
	for i := range colour.Y {
		colour.Y[i] = byte(i * i / 7)
	}
	for i := range colour.Cb {
		colour.Cb[i], colour.Cr[i] = byte(i*i/3), byte(i*i/11)
	}
	var img image.Image = colour
	if gray {
		img = &image.Gray{Pix: colour.Y, Stride: colour.YStride, Rect: colour.Rect}
	}
	var b bytes.Buffer
	if err := stdjpeg.Encode(&b, img, nil); err != nil {
		panic(err) // it writes to memory
	}
	return b.Bytes()
}

// agrees tells whether a file is decoded to the same pixels natively and in Go, at half its size too.
func agrees(d *turbojpeg.Decoder, file []byte, half bool) bool {
	w := new(workshop)
	h, err := w.readHeader(file)
	if err != nil {
		return false
	}
	h.half = half
	m, err := w.decode(h, file)
	if err != nil {
		return false
	}
	pix, row := make([]byte, 3*m.W*m.H), make([]byte, 3*m.W)
	if !d.Decode(pix, file, m.W, m.H) {
		return false
	}
	for y := range m.H {
		if m.Row(row, y); !bytes.Equal(row, pix[y*len(row):][:len(row)]) {
			return false
		}
	}
	return true
}

// goNative makes the workshop decode common JPEG pictures with the native
// library, where there is one. The workshop has to be closed then.
func (w *workshop) goNative() {
	if l, err := JPEGLibrary(); l != nil && err == nil {
		w.native = l.New()
	}
}

func (w *workshop) close() {
	if w.native != nil {
		w.native.Close()
	}
}

// decodeNatively decodes the JPEG picture whose header was read last, if the
// native library takes it without a warning. What it warns of, decoding in Go
// judges.
func (w *workshop) decodeNatively(h header, data []byte) bool {
	if w.native == nil || !w.jpeg.Common() || h.w*h.h >= largePicture {
		return false
	}
	width, height := h.size()
	w.pix = resize(w.pix, 3*width*height)
	if !w.native.Decode(w.pix, data, width, height) {
		return false
	}
	w.image = Image{W: width, H: height, Format: "jpeg", row: packedRow, pix: w.pix}
	return true
}

func packedRow(m *Image, dst []byte, y int) { copy(dst, m.pix[3*m.W*y:]) }
