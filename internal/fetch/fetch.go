// Package fetch owns how datasets come onto the machine: the catalogue of what can be had where, with sizes and
// checksums, and the download itself.
//
// A file under its final name is always the published one: bytes go to NAME.part beside it, and the rename comes after
// size, MD5 and SHA-256 are right and the file is synced. Any end before that, a kill or a power cut included, leaves
// NAME.part, from which the next fetch goes on; NAME.part.from, a line of JSON, says which address the bytes came from and
// with which validator (ETag or date), so that a file that has changed there is fetched from its beginning. Bytes from another
// address are continued, too: the checksums decide in the end, and when they disagree the file is
// fetched once more from its beginning.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// bufferSize is how much is read, summed and written at a time.
const bufferSize = 128 << 10

// Options say how to fetch.
type Options struct {
	UserAgent string
	Mirror    *url.URL // a folder with the same files; nil: the publishers' addresses
	Force     bool     // replace a file that is there and not the published one
	Patience  Patience
	// Begin is told when bytes of a file begin to move, with how many of total are there; the function it returns, when
	// they stop. what is "fetch NAME" or "verify NAME".
	Begin func(what string, have, total int64) (Meter, func())
	// Note is told what the user should know: a retry, a new beginning.
	Note func(format string, args ...any)
}

// A Meter counts bytes as they arrive.
type Meter interface{ Add(n int) }

// Patience bounds waiting.
type Patience struct {
	Idle  time.Duration // without a byte for as long, a connection is given up
	Wait  time.Duration // before the first retry; doubled each time, up to 30 s
	Tries int           // so many in a row without progress are enough
}

// DefaultPatience rides out half a minute of trouble at the server.
func DefaultPatience() Patience {
	return Patience{Idle: 30 * time.Second, Wait: time.Second, Tries: 6}
}

// A Client fetches files.
type Client struct {
	Options
	http *http.Client
}

// New makes a client.
func New(opt Options) *Client {
	if opt.Patience == (Patience{}) {
		opt.Patience = DefaultPatience()
	}
	if opt.Note == nil {
		opt.Note = func(string, ...any) {}
	}
	if opt.Begin == nil {
		opt.Begin = func(string, int64, int64) (Meter, func()) { return nobody{}, func() {} }
	}
	return &Client{Options: opt, http: newHTTPClient()}
}

// nobody is a meter that is not looked at.
type nobody struct{}

func (nobody) Add(int) {}

// A State is how a file came to be there.
type State string

// The states.
const (
	Present State = "present" // it was there, and is the published one
	Fetched State = "fetched"
	Resumed State = "resumed" // part of it was there
)

// A Result is a file that is there.
type Result struct {
	Path  string // dir/NAME
	URL   string // where it is fetched from, without a password
	State State
}

// Get sees to it that dir holds f. A folder that is missing is made. Errors are of this package's types, or of the
// network's and the file system's; when bytes are left to go on from, inside a [PartialError].
func (c *Client) Get(ctx context.Context, f File, dir string) (Result, error) {
	u, err := f.URL(c.Mirror)
	if err != nil {
		return Result{}, err
	}
	r := Result{Path: filepath.Join(dir, f.Name), URL: u.Redacted(), State: Present}
	if ok, err := c.present(ctx, f, r.Path); ok || err != nil {
		return r, err
	}
	undo, err := makeFolder(dir)
	if err != nil {
		return r, err
	}
	r.State, err = c.get(ctx, f, u, r.Path)
	if err != nil {
		undo()
	}
	return r, err
}

// get fetches f from u to path.
func (c *Client) get(ctx context.Context, f File, u *url.URL, path string) (State, error) {
	p, err := openPartial(path)
	if err != nil {
		return "", err
	}
	defer p.close()
	if !c.Force { // the file may have come since it was looked for: from the one who held the lock
		if ok, err := c.present(ctx, f, path); ok || err != nil {
			return Present, errors.Join(err, p.remove())
		}
	}
	if err := c.load(ctx, f, p); err != nil {
		return "", err
	}
	err = c.complete(ctx, f, u, p)
	if err == nil {
		state := Fetched
		if p.early {
			state = Resumed
		}
		return state, p.place(path)
	}
	if mismatch := (*MismatchError)(nil); p.have == 0 || errors.As(err, &mismatch) && !p.keep {
		return "", errors.Join(err, p.remove())
	}
	return "", &PartialError{Path: p.f.Name(), Have: p.have, Want: f.Bytes, Err: err}
}

// present tells whether path is the published file already. One that is not is an error, unless it may be replaced.
func (c *Client) present(ctx context.Context, f File, path string) (bool, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return false, err
	}
	if !st.Mode().IsRegular() {
		return false, fmt.Errorf("%s: is no regular file", path)
	}
	err = c.verify(ctx, f, file, st.Size())
	mismatch := (*MismatchError)(nil)
	if errors.As(err, &mismatch) && c.Force {
		c.Note("%v; fetching it again", err)
		return false, nil
	}
	return err == nil, err
}

// verify reads a file of so many bytes and compares it with f.
func (c *Client) verify(ctx context.Context, f File, file *os.File, size int64) error {
	s := newSums()
	if size == f.Bytes {
		m, end := c.Begin("verify "+f.Name, 0, size)
		err := s.add(ctx, file, m)
		end()
		if err != nil {
			return err
		}
	} else {
		s.n = size // enough to tell
	}
	err := s.check(f, file.Name())
	if mismatch := (*MismatchError)(nil); errors.As(err, &mismatch) {
		mismatch.Existing = true
	}
	return err
}

// load sums what an earlier fetch left.
func (c *Client) load(ctx context.Context, f File, p *partial) error {
	st, err := p.f.Stat()
	if err != nil {
		return err
	}
	if st.Size() == 0 {
		return nil
	}
	m, end := c.Begin("verify "+filepath.Base(p.f.Name()), 0, st.Size())
	defer end()
	if err := p.load(ctx, m); err != nil {
		return &PartialError{Path: p.f.Name(), Have: st.Size(), Want: f.Bytes, Err: err}
	}
	return nil
}

// complete fetches what is missing and checks the whole.
func (c *Client) complete(ctx context.Context, f File, u *url.URL, p *partial) error {
	for again := false; ; again = true {
		if err := c.persist(ctx, f, u, p); err != nil {
			return err
		}
		err := p.sums.check(f, u.Redacted())
		if err == nil || again || !p.pieced {
			return err
		}
		// The pieces may come from two versions of the file, or the disk may have lost some of the first.
		c.Note("%s: the parts do not fit together: starting from the beginning", f.Name)
		if err := p.reset(); err != nil {
			return err
		}
	}
}

// makeFolder makes dir where it is missing; undo takes it away again if it is empty.
func makeFolder(dir string) (undo func(), err error) {
	if st, err := os.Stat(dir); err == nil && st.IsDir() {
		return func() {}, nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	return func() { os.Remove(dir) }, nil
}
