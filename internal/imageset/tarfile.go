package imageset

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
)

// tarFile is a tar archive that is read from its beginning to its end, gzipped
// or not. Nothing of it is ever written to disk, so that names like ../x in it,
// and links, lead nowhere.
type tarFile struct {
	path   string
	file   *os.File
	packed *packed     // nil when the archive is not compressed
	tar    *tar.Reader // at a member's contents
	member string      // its name, empty before the first
}

// openTar opens an archive.
func openTar(name string) (*tarFile, error) {
	f, size, err := openRegular(name)
	if err != nil {
		return nil, err
	}
	t := &tarFile{path: name, file: f}
	if err := t.begin(size); err != nil {
		f.Close()
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return t, nil
}

// begin looks at the first bytes to see what the file is.
func (t *tarFile) begin(size int64) error {
	if size == 0 {
		return errEmpty
	}
	magic := make([]byte, 6)
	n, err := t.file.ReadAt(magic, 0)
	if err != nil && err != io.EOF {
		return err
	}
	for _, c := range []struct{ magic, name string }{
		{"\x28\xb5\x2f\xfd", "zstandard"}, {"\xfd7zXZ\x00", "xz"}, {"BZh", "bzip2"}, {"PK\x03\x04", "zip"},
	} {
		if bytes.HasPrefix(magic[:n], []byte(c.magic)) {
			return fmt.Errorf("a %s archive: unpack it, or pack it again as .tar or .tar.gz", c.name)
		}
	}
	if !bytes.HasPrefix(magic[:n], []byte{0x1f, 0x8b}) {
		t.tar = tar.NewReader(t.file) // which seeks past what is not wanted
		return nil
	}
	t.packed, err = unpack(t.file)
	if err != nil {
		return t.wrong(err)
	}
	t.tar = tar.NewReader(t.packed)
	return nil
}

// next goes to the next member, or returns io.EOF.
func (t *tarFile) next() (*tar.Header, error) {
	h, err := t.tar.Next()
	if errors.Is(err, tar.ErrInsecurePath) { // nobody follows it
		err = nil
	}
	if err == io.EOF {
		if err := t.finish(); err != nil {
			return nil, t.fail(err)
		}
		return nil, io.EOF
	}
	if err != nil {
		return nil, t.fail(err)
	}
	t.member = strings.TrimPrefix(h.Name, "./")
	return h, nil
}

// finish reads what follows the last member: of a gzip stream all, for its
// checksum; of other archives the block of zeros that ends them, without which
// one that is cut between two members would pass for a whole.
func (t *tarFile) finish() error {
	if t.packed != nil {
		_, err := io.Copy(io.Discard, t.packed)
		return err
	}
	at, err := t.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	var last [512]byte
	if _, err := t.file.ReadAt(last[:], max(0, at-int64(len(last)))); err != nil {
		return err
	}
	if last != [512]byte{} {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// read appends n bytes of the present member to buf. Memory grows with what is
// there, not with what the archive claims.
func (t *tarFile) read(buf []byte, n int64) ([]byte, error) {
	const chunk = 16 << 20
	for rest := n; rest > 0; {
		if len(buf) == cap(buf) {
			buf = append(make([]byte, 0, len(buf)+int(min(rest, max(chunk, int64(len(buf)))))), buf...)
		}
		n, err := io.ReadFull(t.tar, buf[len(buf):][:min(rest, int64(cap(buf)-len(buf)))])
		buf, rest = buf[:len(buf)+n], rest-int64(n)
		if err != nil {
			return buf, t.fail(err)
		}
	}
	return buf, nil
}

// fail says in which archive, and where in it, reading failed.
func (t *tarFile) fail(err error) error {
	if t.member != "" {
		return fmt.Errorf("read %s: after the header of %q: %w", t.path, printable(t.member), t.wrong(err))
	}
	return fmt.Errorf("read %s: %w", t.path, t.wrong(err))
}

// wrong says what is wrong and near which byte of the file.
func (t *tarFile) wrong(err error) error {
	at, _ := t.file.Seek(0, io.SeekCurrent)
	if info, err := t.file.Stat(); err == nil {
		at = min(at, info.Size()) // a reader that leaps over a member leaps beyond the end
	}
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the file is truncated at byte %d", at)
	case errors.Is(err, tar.ErrHeader) && t.member == "":
		return errors.New("not a tar archive")
	case errors.Is(err, tar.ErrHeader) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum):
		return fmt.Errorf("damaged near byte %d (%w)", at, err)
	}
	return err
}

func (t *tarFile) Close() error { return t.file.Close() }

// packed inflates a gzip stream and watches how much comes out of how little.
type packed struct {
	in      measured
	gzip    *gzip.Reader
	outside int64 // bytes that came out
}

// A stream is taken for a decompression bomb when more than bombBytes have come
// out of it, bombRatio times what went in. Pictures hardly shrink; deflate could
// reach 1032.
const (
	bombBytes = 1 << 30
	bombRatio = 250
)

func unpack(r io.Reader) (p *packed, err error) {
	p = &packed{in: measured{r: r}}
	p.gzip, err = gzip.NewReader(bufio.NewReaderSize(&p.in, 256<<10))
	return p, err
}

func (p *packed) Read(b []byte) (int, error) {
	n, err := p.gzip.Read(b)
	if p.outside += int64(n); p.outside > bombBytes && p.outside/bombRatio > p.in.n {
		return n, fmt.Errorf("%d bytes unpack to more than %d: taken for a decompression bomb; unpack it yourself if it is none", p.in.n, p.outside)
	}
	return n, err
}

// measured counts the bytes that are read.
type measured struct {
	r io.Reader
	n int64
}

func (c *measured) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

// isTarName reports whether a file's name is that of an archive that is read.
func isTarName(name string) bool {
	name = strings.ToLower(name)
	return strings.HasSuffix(name, ".tar") || strings.HasSuffix(name, ".tar.gz") || strings.HasSuffix(name, ".tgz")
}

// isPackedName reports whether a file's name is that of an archive of any kind.
func isPackedName(name string) bool {
	name = strings.ToLower(name)
	return isTarName(name) || slices.ContainsFunc([]string{".tar.zst", ".tzst", ".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".zip"},
		func(ext string) bool { return strings.HasSuffix(name, ext) })
}

// isFile reports whether a member is an ordinary file.
func isFile(h *tar.Header) bool { return h.Typeflag == tar.TypeReg || h.Typeflag == tar.TypeGNUSparse }

// isHidden reports whether a member's own name begins with a dot.
func isHidden(member string) bool { return strings.HasPrefix(path.Base(member), ".") }
