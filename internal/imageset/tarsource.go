package imageset

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// tarSource is the images in one or several tar archives, the shards, in the
// order in which they are packed. WebDataset's shards are such archives. Nothing
// is unpacked to disk, and nothing but the present member held in memory.
type tarSource struct {
	name   string
	shards []string
}

func (s *tarSource) Name() string      { return s.name }
func (s *tarSource) Len() int          { return -1 }
func (s *tarSource) Classes() []string { return nil }

// plainTarSource is a tarSource whose archives are not compressed: their members
// can be counted by leaping from header to header.
type plainTarSource struct{ tarSource }

var _ counter = (*plainTarSource)(nil)

// openShards looks at the beginning of each archive, so that one that is missing
// is known before the first image is read.
func openShards(name string, shards []string) (Source, error) {
	s := tarSource{name: name, shards: shards}
	plain := true
	for _, shard := range shards {
		t, err := openTar(shard)
		if err != nil {
			return nil, fmt.Errorf("open images %s: %w", name, err)
		}
		plain = plain && t.packed == nil
		t.Close()
	}
	if plain {
		return &plainTarSource{s}, nil
	}
	return &s, nil
}

// shardsIn lists the archives directly in a folder, in the order of their names.
func shardsIn(dir string) (shards []string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if isTarName(e.Name()) && !strings.HasPrefix(e.Name(), ".") && !isFolder(dir, e) {
			shards = append(shards, filepath.Join(dir, e.Name()))
		}
	}
	return shards
}

// read passes over members without reading them: of an archive that is not
// compressed that takes no time to speak of.
func (s *tarSource) read(from int) (reader, error) {
	return &tarReader{shards: s.shards, skip: from}, nil
}

func (s *plainTarSource) count(ctx context.Context, most int) (n int) {
	for _, shard := range s.shards {
		t, err := openTar(shard)
		if err != nil {
			return -1
		}
		for n < most && ctx.Err() == nil {
			h, err := t.next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Close()
				return -1
			}
			if kindOf(h) == picture {
				n++
			}
		}
		t.Close()
	}
	return n
}

// tarReader is one pass over the shards.
type tarReader struct {
	shards []string // still to come, the present one first
	tar    *tarFile // the present one when it is open
	ahead  *tar.Header
	sample sample
	text   []byte // scratch for label files
	skip   int    // images to pass over
	passed int
}

func (r *tarReader) next(it *item) error {
	for {
		h, err := r.header()
		if err == io.EOF {
			if r.sample.give(it) {
				return nil
			}
			if len(r.shards) == 0 {
				return io.EOF
			}
			continue
		}
		if err != nil {
			return err
		}
		// An image waits for its label, which may follow it, until the next one
		// begins.
		kind := kindOf(h)
		if kind == noMember {
			continue
		}
		if (kind == picture || !r.sample.has(r.tar.member)) && r.sample.give(it) {
			r.ahead = h
			return nil
		}
		if err := r.take(h, kind); err != nil {
			return err
		}
	}
}

// header is the next member's. It returns io.EOF after each shard.
func (r *tarReader) header() (*tar.Header, error) {
	if h := r.ahead; h != nil {
		r.ahead = nil
		return h, nil
	}
	if r.tar == nil {
		if len(r.shards) == 0 {
			return nil, io.EOF
		}
		t, err := openTar(r.shards[0])
		if err != nil {
			return nil, err
		}
		r.tar, r.sample.key, r.sample.class = t, "", Unlabelled
	}
	h, err := r.tar.next()
	if err == io.EOF {
		r.shards = r.shards[1:]
		r.Close()
	}
	return h, err
}

// take reads a member, if it is of use.
func (r *tarReader) take(h *tar.Header, kind memberKind) (err error) {
	r.sample.begin(r.tar.member)
	switch kind {
	case otherMember:
		r.passed++
		return nil
	case classLabel, jsonLabel:
		if h.Size > maxLabelFile {
			r.sample.badLabel(r.tar.member, fmt.Errorf("has %d bytes, more than the limit of %d", h.Size, maxLabelFile))
			return nil
		}
		if r.text, err = r.tar.read(r.text[:0], h.Size); err == nil {
			r.sample.label(r.tar.member, kind, r.text)
		}
		return err
	}
	if r.skip > 0 {
		r.skip--
		return nil
	}
	s := &r.sample
	s.waiting, s.bad = true, nil
	s.id = printable(filepath.Base(r.tar.path) + "/" + r.tar.member)
	if !isFile(h) {
		s.bad = errors.New("a link or a device, which is not followed")
		return nil
	}
	return r.picture(h.Size)
}

// picture reads the present member, of size bytes, if it begins as a picture does.
func (r *tarReader) picture(size int64) (err error) {
	s := &r.sample
	if s.bad = checkSize(size); s.bad != nil {
		return nil
	}
	s.buf, err = r.tar.read(s.buf[:0], min(size, firstBytes))
	if err == nil && size > firstBytes {
		if _, s.bad = sniff(s.buf); s.bad == nil {
			s.buf, err = r.tar.read(s.buf, size-firstBytes)
		}
	}
	return err
}

func (r *tarReader) ignored() int { return r.passed }

func (r *tarReader) Close() error {
	if r.tar == nil {
		return nil
	}
	err := r.tar.Close()
	r.tar = nil
	return err
}

// memberKind is what a member is taken for.
type memberKind int

const (
	otherMember memberKind = iota
	noMember               // a folder, or hidden
	picture                // or a link with a picture's name
	classLabel             // WebDataset's .cls: a whole number
	jsonLabel              // WebDataset's .json: an object, whose "label" may be one
)

// kindOf goes by the member's name, as in a folder.
func kindOf(h *tar.Header) memberKind {
	switch ext := strings.ToLower(path.Ext(h.Name)); {
	case h.Typeflag == tar.TypeDir || h.Typeflag == tar.TypeXGlobalHeader || isHidden(h.Name):
		return noMember
	case imageExtensions[ext]:
		return picture
	case ext == ".cls" && isFile(h):
		return classLabel
	case ext == ".json" && isFile(h):
		return jsonLabel
	}
	return otherMember
}
