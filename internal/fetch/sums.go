package fetch

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"strconv"
)

// sums are the checksums of the bytes written so far. MD5 is what most publishers give, and no protection
// against intent; SHA-256 is.
type sums struct {
	md5, sha256 hash.Hash
	n           int64
}

func newSums() *sums { return &sums{md5: md5.New(), sha256: sha256.New()} }

// Write adds bytes; it never fails.
func (s *sums) Write(p []byte) (int, error) {
	s.md5.Write(p)
	s.sha256.Write(p)
	s.n += int64(len(p))
	return len(p), nil
}

// check tells whether the bytes are those of f; where names them in the error.
func (s *sums) check(f File, where string) error {
	for _, c := range []struct{ what, want, got string }{
		{"size", strconv.FormatInt(f.Bytes, 10), strconv.FormatInt(s.n, 10)},
		{"MD5", f.MD5, hex.EncodeToString(s.md5.Sum(nil))},
		{"SHA-256", f.SHA256, hex.EncodeToString(s.sha256.Sum(nil))},
	} {
		if c.got != c.want {
			return &MismatchError{Where: where, What: c.what, Want: c.want, Got: c.got}
		}
	}
	return nil
}

// add sums r to its end and counts on m.
func (s *sums) add(ctx context.Context, r io.Reader, m Meter) error {
	buf := make([]byte, bufferSize)
	for {
		n, err := r.Read(buf)
		s.Write(buf[:n])
		m.Add(n)
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}
