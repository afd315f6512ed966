// Package imageset owns the way from image files to the tensors that a
// classifier reads: it lists the images of a source, decodes them, brings them
// to the size and value range the classifier was trained with, and hands them
// over in batches while later images are being decoded.
//
// Pixels follow PIL, the library that nearly every image classifier was trained
// through: the same conversion to RGB, the same chroma upsampling, the same
// resampling in fixed point. A feature extracted here is therefore the feature
// the training pipeline would have seen.
package imageset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Unlabelled is the label of an image whose class is not known.
const Unlabelled int64 = -1

// Source is an ordered collection of labelled images. The order and the ids are
// the same in every run over the same files. Its implementations are the forms
// that [Open] knows.
type Source interface {
	// Name is the source as the user named it, for messages and provenance.
	Name() string
	// Len is the number of images, or -1 when that is known only after a pass
	// over them.
	Len() int
	// Classes names the labels: label i is Classes()[i]. Nil when the source
	// has no class names.
	Classes() []string
	// read starts a pass over the images in order, at image from: what went
	// before is passed over as cheaply as the form allows. Several passes may be
	// under way at a time.
	read(from int) (reader, error)
}

// reader is one pass over a source.
type reader interface {
	// next fills it with the next image, or returns io.EOF after the last one.
	// Any other error is about the source as a whole.
	next(it *item) error
	io.Closer
}

// startAt passes over the first images of r, for forms that have nothing
// quicker, and returns it. It closes r when that fails.
func startAt(r reader, from int) (reader, error) {
	it := item{}
	for range from {
		err := r.next(&it)
		if err == io.EOF {
			break
		}
		if err != nil {
			r.Close()
			return nil, err
		}
	}
	return r, nil
}

// counter is what a source may be when it does not know its length but can
// count its images much faster than they are decoded. That is done while the
// first images are read.
type counter interface {
	// count is the number of images, at most the number most. It returns early
	// when ctx is cancelled, and -1 when it cannot tell after all.
	count(ctx context.Context, most int) int
}

// ignorer is what a reader may be when it passes over files because their names
// are not those of image files.
type ignorer interface {
	// ignored is their number until now.
	ignored() int
}

// item is one image on its way through the pipeline. Its buffer is recycled;
// all else is zero when a reader gets it.
type item struct {
	id    string
	label int64
	// path is the file to decode. It is empty when the source is a container;
	// then buf holds what is stored of this image: the bytes of a picture file
	// or, when raw is set, pixels that raw reads into an Image.
	path string
	raw  func(m *Image, buf []byte)
	buf  []byte
	// bad is why this image cannot be had: it is skipped and reported.
	bad error
}

// forms lists what Open accepts, for error messages.
const forms = `a folder of images, a .tar or .tar.gz of images, a text file listing images ("path [label]" per line, - for standard input), ` +
	`cifar10:PATH#train, cifar10:PATH#test, cifar100:PATH#train, dtd:DIR#test1, imagenet:DIR, parquet:FILE or DIR#train, or svhn:FILE.mat`

// prefixed are the forms that a word and a colon tell. open gets the source as
// the user named it and what stands behind the colon.
var prefixed = []struct {
	prefix string
	open   func(name, rest string) (Source, error)
}{
	{"cifar10:", openCIFAR10},
	{"cifar100:", openCIFAR100},
	{"dtd:", openDTD},
	{"imagenet:", openImageNet},
	{"parquet:", openParquet},
	{"svhn:", openSVHN},
}

// Prefixes are the words, with their colons, that some forms of source begin
// with.
func Prefixes() (words []string) {
	for _, p := range prefixed {
		words = append(words, p.prefix)
	}
	return words
}

// Opener opens sources.
type Opener struct {
	// Root is the folder where relative paths in a list start. When empty that
	// is the list's own folder and, for standard input, the working folder.
	// Only lists may be opened with a root.
	Root string
	// Stdin is what "-" reads, os.Stdin when nil.
	Stdin io.Reader
}

// Open is the Open of the zero Opener.
func Open(source string) (Source, error) { return Opener{}.Open(source) }

// Open finds the images of source, which is one of
//
//	DIR                 a folder, searched recursively
//	FILE.tar, .tar.gz   the images in an archive, WebDataset's shards among them; a
//	                    pattern as shards-{000..012}.tar, or a folder of archives,
//	                    is their images one archive after the other
//	cifar10:PATH#train  CIFAR-10 or, with #test, its test images: the binary or the
//	                    Python form, as .tar.gz or unpacked
//	cifar100:PATH#train likewise; #train-coarse and #test-coarse have the 20 groups
//	                    as labels instead of the 100 classes
//	dtd:DIR#test1       Describable Textures by a file of labels/
//	imagenet:DIR        ImageNet's validation images and their ground truth
//	parquet:FILE        rows with image bytes, as Hugging Face's datasets
//	parquet:DIR#train   a split of such files
//	svhn:FILE.mat       SVHN cropped digits, MATLAB 5 as distributed
//	FILE                a text file listing images, "path [label]" per line
//	-                   such a list on standard input
//
// No image is decoded yet. An existing file or folder wins over the prefixed
// forms, so a folder called "svhn:x" can still be read.
func (o Opener) Open(source string) (Source, error) {
	if source == "" {
		return nil, fmt.Errorf("no image source given: use %s", forms)
	}
	if source == "-" {
		return o.openStream(), nil
	}
	info, err := os.Stat(source)
	isParquet := strings.EqualFold(filepath.Ext(source), ".parquet")
	if err == nil && info.Mode().IsRegular() && !isPackedName(source) && !isParquet {
		return openList(source, o.Root)
	}
	if o.Root != "" {
		return nil, fmt.Errorf("open images %s: --root is for lists of images, which this is not", source)
	}
	switch {
	case err == nil && info.Mode().IsRegular() && isParquet:
		return openParquet(source, source)
	case err == nil && info.IsDir():
		return openFolder(source)
	case err == nil && info.Mode().IsRegular():
		return openShards(source, []string{source})
	case err == nil:
		return nil, fmt.Errorf("open images %s: neither a folder nor a regular file: use %s", source, forms)
	}
	for _, p := range prefixed {
		if rest, ok := strings.CutPrefix(source, p.prefix); ok {
			return p.open(source, rest)
		}
	}
	if shards, ok, err := expandShards(source); err != nil {
		return nil, fmt.Errorf("open images %s: %w", source, err)
	} else if ok {
		return openShards(source, shards)
	}
	if scheme, _, ok := strings.Cut(source, ":"); ok && isScheme(scheme) {
		return nil, fmt.Errorf("open images %s: unknown form %q: use %s", source, scheme+":", forms)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open images %s: no such file or folder: use %s", source, forms)
	}
	return nil, fmt.Errorf("open images: %w", err)
}

// openStream opens a list on standard input.
func (o Opener) openStream() Source {
	s := &streamSource{name: "-", root: o.Root, in: o.Stdin}
	if s.in == nil {
		s.in = os.Stdin
	}
	return s
}

// isScheme reports whether s looks like the name of a source form rather than
// the start of a path.
func isScheme(s string) bool {
	if len(s) < 2 { // a drive letter
		return false
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			return false
		}
	}
	return true
}
