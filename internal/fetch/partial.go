package fetch

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/oodflow/oodflow/internal/atomicfile"
)

// partial is the file NAME.part, locked, and what is known of its bytes.
type partial struct {
	f      *os.File
	have   int64 // bytes at its beginning that are written and summed
	sums   *sums
	origin origin
	early  bool // the first of the bytes are an earlier fetch's
	pieced bool // the bytes come from more than one response
	keep   bool // the bytes are not what the present error is about
}

// origin is where the bytes come from; NAME.part.from holds it.
type origin struct {
	URL       string `json:"url"`       // as asked for, without a password
	Validator string `json:"validator"` // strong ETag or date, as If-Range takes it; "" when the server gave none
}

// validator is what proves to u's server that the file is still the same; "" when the bytes are another's.
func (o origin) validator(u *url.URL) string {
	if o.URL != u.Redacted() {
		return ""
	}
	return o.Validator
}

// originOf takes the validator of a response: the ETag, unless weak, else the date of the last change.
func originOf(resp *http.Response) origin {
	first := resp.Request
	for first.Response != nil { // back through the redirects
		first = first.Response.Request
	}
	o := origin{URL: first.URL.Redacted(), Validator: resp.Header.Get("Etag")}
	if o.Validator == "" || strings.HasPrefix(o.Validator, "W/") {
		o.Validator = resp.Header.Get("Last-Modified")
	}
	return o
}

// openPartial opens and locks path's partial file.
func openPartial(path string) (*partial, error) {
	f, err := atomicfile.Own(path + ".part")
	if errors.Is(err, atomicfile.ErrBusy) {
		return nil, &BusyError{path + ".part"}
	}
	if err != nil {
		return nil, err
	}
	p := &partial{f: f, sums: newSums()}
	p.origin.read(p.originPath())
	return p, nil
}

func (p *partial) originPath() string { return p.f.Name() + ".from" }

// maxOrigin bounds the origin's file: addresses and validators are far shorter.
const maxOrigin = 16 << 10

// read reads what remember wrote. A missing or damaged file costs a check at the server only.
func (o *origin) read(path string) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxOrigin))
	var got origin
	if err == nil && json.Unmarshal(b, &got) == nil && printable(got.Validator) {
		*o = got
	}
}

// printable tells whether s may stand in a header.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// remember notes where the bytes from here on come from.
func (p *partial) remember(o origin) error {
	if o == p.origin {
		return nil
	}
	p.origin = o
	b, err := json.Marshal(o)
	if err != nil {
		return err
	}
	err = atomicfile.Write(p.originPath(), func(w io.Writer) error {
		_, err := w.Write(append(b, '\n'))
		return err
	})
	return disk(err)
}

// load sums the bytes that are there.
func (p *partial) load(ctx context.Context, m Meter) error {
	if _, err := p.f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if err := p.sums.add(ctx, p.f, m); err != nil {
		return err
	}
	p.have, p.early, p.pieced = p.sums.n, true, true
	return nil
}

// reset forgets all bytes.
func (p *partial) reset() error {
	p.have, p.early, p.pieced, p.sums, p.origin = 0, false, false, newSums(), origin{}
	if err := p.f.Truncate(0); err != nil {
		return disk(err)
	}
	_, err := p.f.Seek(0, io.SeekStart)
	return disk(err)
}

// diskError is a failure to write, as opposed to one to read from the network: trying again does not help.
type diskError struct{ error }

func (e *diskError) Unwrap() error { return e.error }

func disk(err error) error {
	if err == nil {
		return nil
	}
	return &diskError{err}
}

// fill appends bytes of r until there are want. A shorter r is io.ErrUnexpectedEOF.
func (p *partial) fill(r io.Reader, want int64, m Meter) error {
	buf := make([]byte, bufferSize)
	for p.have < want {
		n, err := r.Read(buf[:min(want-p.have, bufferSize)])
		written, failed := write(p.f, buf[:n])
		p.sums.Write(buf[:written])
		p.have += int64(written)
		m.Add(written)
		switch {
		case failed != nil:
			return disk(failed)
		case err == io.EOF && p.have < want:
			return io.ErrUnexpectedEOF
		case err != nil && err != io.EOF:
			return err
		}
	}
	return nil
}

// write writes to the partial file. Only tests set it, to fill the disk.
var write = (*os.File).Write

// place gives the complete file its name.
func (p *partial) place(path string) error {
	if err := atomicfile.Place(p.f, path); err != nil {
		return err
	}
	os.Remove(p.originPath())
	return nil
}

// remove takes the file away.
func (p *partial) remove() error {
	os.Remove(p.originPath())
	return atomicfile.Disown(p.f)
}

// close releases the lock.
func (p *partial) close() { p.f.Close() }
