package report

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/draw"
)

// gallery is the strangest and the most ordinary images of a set.
type gallery struct {
	Name  string
	OOD   bool
	Rows  []strip
	Words string // why pictures are missing
}

// strip is one end of a set's scores.
type strip struct {
	Title    string
	Pictures []thumbnail
}

// thumbnail is a picture as a data URL.
type thumbnail struct {
	ID, Score, Taken string
	URL              template.URL
	Flagged, Small   bool // Small is for pictures that are shown enlarged, pixel by pixel
}

func (e *Evaluation) gallery() ([]gallery, error) {
	var all []gallery
	for i, s := range e.Sets {
		if len(s.Most) == 0 && s.NoPictures == "" {
			continue
		}
		g := gallery{Name: s.Name, OOD: i > 0, Words: s.NoPictures}
		for _, end := range []struct {
			title    string
			pictures []Picture
		}{{"Highest scores", s.Most}, {"Lowest scores", s.Least}} {
			if len(end.pictures) == 0 {
				continue
			}
			row := strip{Title: end.title}
			for _, p := range end.pictures {
				t, err := e.thumbnail(p)
				if err != nil {
					return nil, err
				}
				row.Pictures = append(row.Pictures, t)
			}
			g.Rows = append(g.Rows, row)
		}
		all = append(all, g)
	}
	return all, nil
}

const (
	// thumbSide is the longest side of a thumbnail in pixels: it is shown at two thirds of that, sharp enough for most screens.
	thumbSide = 144
	// smallSide is the side up to which a picture is kept as it is and shown with its pixels.
	smallSide = 48
)

// Thumbnail is a picture small enough for a page.
type Thumbnail struct {
	image image.Image
	small bool
}

// NewThumbnail shrinks a picture to a thumbnail, or keeps it where it is small.
func NewThumbnail(m image.Image) *Thumbnail {
	size := m.Bounds().Size()
	if size.X <= smallSide && size.Y <= smallSide {
		return &Thumbnail{m, true}
	}
	f := min(1, float64(thumbSide)/float64(max(size.X, size.Y)))
	to := image.NewRGBA(image.Rect(0, 0, max(1, int(f*float64(size.X)+0.5)), max(1, int(f*float64(size.Y)+0.5))))
	draw.CatmullRom.Scale(to, to.Bounds(), m, m.Bounds(), draw.Src, nil)
	return &Thumbnail{to, false}
}

// url packs the picture into a URL: PNG for a small one, JPEG otherwise.
func (t *Thumbnail) url() (template.URL, error) {
	var b bytes.Buffer
	kind, err := "png", error(nil)
	if t.small {
		err = png.Encode(&b, t.image)
	} else {
		kind, err = "jpeg", jpeg.Encode(&b, t.image, &jpeg.Options{Quality: 82})
	}
	return template.URL("data:image/" + kind + ";base64," + base64.StdEncoding.EncodeToString(b.Bytes())), err
}

// thumbnail is a picture as the page shows it.
func (e *Evaluation) thumbnail(p Picture) (t thumbnail, err error) {
	t = thumbnail{ID: p.ID, Score: score(p.Score), Taken: p.Taken, Flagged: p.Score > e.limit()}
	if p.Image == nil {
		return t, nil
	}
	t.Small = p.Image.small
	if t.URL, err = p.Image.url(); err != nil {
		return t, fmt.Errorf("thumbnail of %s: %w", p.ID, err)
	}
	return t, nil
}
