package imageset

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/png"
	"io"

	"golang.org/x/image/bmp"
	"golang.org/x/image/webp"

	"github.com/oodflow/oodflow/internal/jpeg"
	"github.com/oodflow/oodflow/internal/turbojpeg"
)

// MaxPixels is the largest picture that is decoded: 89,478,485 pixels, at which
// PIL starts to warn of a decompression bomb (a quarter of a gigabyte as RGB).
const MaxPixels = 1 << 30 / 4 / 3

// maxSide bounds the weights that resampling one row needs. Of the formats
// read, only PNG and BMP can have longer sides at all.
const maxSide = 1 << 20

// format is one picture format: how it is recognised and read.
type format struct {
	name   string
	magic  func(data []byte) bool
	config func(w *workshop, data []byte) (image.Config, error)
	decode func(w *workshop, h header, data []byte) (*Image, error)
	// minCost is the least that a pixel takes in the file, in 1/8192 bit. A
	// header that claims more pixels than the bytes present could hold is
	// refused before anything is allocated for them. 0 is not known.
	minCost int
}

// formats in the order they are tried.
var formats = []format{
	// Each 8×8 block costs at least one bit, in the scan that sends its mean.
	{"jpeg", prefix("\xff\xd8\xff"), jpegConfig, decodeJPEG, 8192 / 64},
	// A pixel is at least one bit, which deflate shrinks at most 1032 times.
	{"png", prefix("\x89PNG\r\n\x1a\n"), reading(png.DecodeConfig), alone(decodePNG), 8192 / 1032},
	// An LZW code stands for at most 4096 pixels.
	{"gif", prefix("GIF8"), reading(gif.DecodeConfig), alone(decodeGIF), 8192 / 4096},
	{"webp", isWebP, reading(webp.DecodeConfig), alone(decodeWebP), 0},
	{"bmp", prefix("BM"), reading(bmp.DecodeConfig), alone(decodeBMP), 8192},
}

// unsupported names formats that are recognised only to say what they are.
var unsupported = []struct{ name, magic string }{
	{"TIFF", "II*\x00"}, {"TIFF", "MM\x00*"}, {"JPEG XL", "\xff\x0a"}, {"JPEG XL", "\x00\x00\x00\x0cJXL "},
	{"JPEG 2000", "\x00\x00\x00\x0cjP  "}, {"PNM", "P5"}, {"PNM", "P6"}, {"PDF", "%PDF"}, {"HTML or SVG", "<"},
	{"gzip", "\x1f\x8b"}, {"zip", "PK\x03\x04"}, {"Photoshop", "8BPS"},
}

// errEmpty is the error for a file without a byte in it.
var errEmpty = errors.New("the file is empty")

// Decode reads one picture: PNG, JPEG (baseline, progressive, gray, CMYK), GIF,
// WebP or BMP, told apart by content; of an animation, the first frame. The size
// is checked against [MaxPixels] before any pixel is decoded. An orientation
// stored in EXIF is noted and not applied, as it is not by torchvision and PIL:
// [Preprocess.Upright] is for that. data is not changed and may be reused once
// the Image is no longer read.
//
// Colours become RGB as PIL's convert("RGB") makes them, with one exception: a
// gray picture of 16 bits keeps its high bytes, where PIL makes all but its
// darkest 256 levels white.
func Decode(data []byte) (*Image, error) {
	w := new(workshop)
	h, err := w.readHeader(data)
	if err != nil {
		return nil, err
	}
	return w.decode(h, data)
}

// workshop is what one goroutine decodes with. JPEG pictures are decoded in the
// same memory one after the other, so that the last Image is valid until the
// next one.
type workshop struct {
	jpeg   jpeg.Decoder
	planes [4]widener // of the JPEG that was decoded last
	image  Image
	native *turbojpeg.Decoder // nil for none
	pix    []byte             // of the picture that it decoded last
}

// shrink gives back the memory that an unusually large picture took.
func (w *workshop) shrink() {
	w.jpeg.Shrink(maxScratch)
	if cap(w.pix) > maxScratch {
		w.pix = nil
	}
}

// header is what is known of a picture before it is decoded.
type header struct {
	*format
	w, h int
	half bool // decode it at half its size, rounded up; see Preprocess.halves
}

// size is what the picture is to be decoded to.
func (h header) size() (int, int) {
	if h.half {
		return (h.w + 1) / 2, (h.h + 1) / 2
	}
	return h.w, h.h
}

// readHeader finds a picture's format and size, and refuses a picture that is
// too large.
func (w *workshop) readHeader(data []byte) (h header, err error) {
	defer recoverTo(&err)
	if h.format, err = sniff(data); err != nil {
		return h, err
	}
	c, err := h.config(w, data)
	if err != nil {
		return h, fmt.Errorf("read %s header: %w", h.name, unexpectedEOF(err))
	}
	h.w, h.h = c.Width, c.Height
	return h, h.check(len(data))
}

// decode reads the picture's pixels.
func (w *workshop) decode(h header, data []byte) (m *Image, err error) {
	defer recoverTo(&err)
	m, err = h.format.decode(w, h, data)
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", h.name, unexpectedEOF(err))
	}
	if width, height := h.size(); m.W != width || m.H != height {
		return nil, fmt.Errorf("decode %s: %d×%d pixels where its header says %d×%d", h.name, m.W, m.H, width, height)
	}
	m.Orientation = orientation(h.name, data)
	return m, nil
}

// recoverTo turns a panic into an error: the decoders are other people's code,
// and files can be hostile.
func recoverTo(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("damaged file: %v", r)
	}
}

// sniff finds the format of data by its first bytes.
func sniff(data []byte) (*format, error) {
	if len(data) == 0 {
		return nil, errEmpty
	}
	for i := range formats {
		if formats[i].magic(data) {
			return &formats[i], nil
		}
	}
	for _, u := range unsupported {
		if bytes.HasPrefix(data, []byte(u.magic)) {
			return nil, fmt.Errorf("%s is not a supported format: convert it to PNG or JPEG", u.name)
		}
	}
	if len(data) >= 12 && string(data[4:8]) == "ftyp" {
		return nil, errors.New("HEIC and AVIF are not supported: convert it to PNG or JPEG")
	}
	return nil, errors.New("not an image: expected PNG, JPEG, GIF, WebP or BMP")
}

// check refuses a picture that is too large, or larger than its file.
func (h header) check(size int) error {
	var wrong string
	switch {
	case h.w <= 0 || h.h <= 0:
		wrong = "no picture"
	case h.w > MaxPixels/h.h:
		wrong = fmt.Sprintf("more than the limit of %d", MaxPixels)
	case h.w > maxSide || h.h > maxSide:
		wrong = fmt.Sprintf("a side longer than %d", maxSide)
	case uint64(h.w)*uint64(h.h)*uint64(h.minCost) > 8*8192*(uint64(size)+1):
		wrong = fmt.Sprintf("more than a file of %d bytes can hold", size)
	default:
		return nil
	}
	return fmt.Errorf("%s header says %d×%d pixels, %s", h.name, h.w, h.h, wrong)
}

// unexpectedEOF puts "truncated" where the decoders say "EOF".
func unexpectedEOF(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the file is truncated")
	}
	return err
}

// reading gives data to a function that reads.
func reading(config func(io.Reader) (image.Config, error)) func(*workshop, []byte) (image.Config, error) {
	return func(_ *workshop, data []byte) (image.Config, error) { return config(bytes.NewReader(data)) }
}

// alone is a function that decodes without a workshop.
func alone(decode func([]byte) (*Image, error)) func(*workshop, header, []byte) (*Image, error) {
	return func(_ *workshop, _ header, data []byte) (*Image, error) { return decode(data) }
}

func prefix(magic string) func([]byte) bool {
	return func(data []byte) bool { return bytes.HasPrefix(data, []byte(magic)) }
}

func decodePNG(data []byte) (*Image, error) {
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return fromGo(img, "png"), nil
}

func decodeBMP(data []byte) (*Image, error) {
	img, err := bmp.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return fromGo(img, "bmp"), nil
}
