package imageset

import (
	"context"
	"fmt"
	"image"
	"io"
)

// Find looks for images by their ids and hands them to found as they come, in the order of the source, each decoded
// and not preprocessed; of several with one id only the first. An image that is not there or cannot be read is
// passed over. It goes through the source only as far as it has to, and ends early, with its error, when ctx is done.
func Find(ctx context.Context, src Source, ids []string, found func(id string, m *Image) error) error {
	wanted := make(map[string]bool, len(ids))
	for _, id := range ids {
		wanted[id] = true
	}
	if len(wanted) == 0 {
		return nil
	}
	pass, err := src.read(0)
	if err != nil {
		return fmt.Errorf("read images %s: %w", src.Name(), err)
	}
	defer pass.Close()
	var it item
	for n := 0; len(wanted) > 0 && n != src.Len(); n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		it = item{buf: it.buf}
		switch err := pass.next(&it); {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("read images %s: %w", src.Name(), err)
		case !wanted[it.id]:
			continue
		}
		delete(wanted, it.id)
		if err := it.show(found); err != nil {
			return err
		}
	}
	return nil
}

// show decodes the image and hands it over, unless it cannot be read. A picture's rows are converted as they are read, so
// what a decoder left behind can still prove damaged in found.
func (it *item) show(found func(id string, m *Image) error) error {
	m, err := it.open()
	if err != nil {
		return nil
	}
	return found(it.id, m)
}

// open decodes the image.
func (it *item) open() (m *Image, err error) {
	defer recoverTo(&err)
	switch {
	case it.bad != nil:
		return nil, it.bad
	case it.raw != nil:
		m = new(Image)
		it.raw(m, it.buf)
		return m, nil
	case it.path != "":
		if it.buf, err = readImage(it.buf, it.path); err != nil {
			return nil, err
		}
	}
	return Decode(it.buf)
}

// RGBA copies the picture. What is found damaged only now is an error.
func (m *Image) RGBA() (to *image.RGBA, err error) {
	defer recoverTo(&err)
	to = image.NewRGBA(image.Rect(0, 0, m.W, m.H))
	row := make([]byte, 3*m.W)
	for y := range m.H {
		m.Row(row, y)
		line := to.Pix[y*to.Stride:]
		for x := range m.W {
			copy(line[4*x:4*x+3], row[3*x:3*x+3])
			line[4*x+3] = 0xff
		}
	}
	return to, nil
}
