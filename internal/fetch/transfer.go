package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// transfer makes one request for the bytes of f that p does not have, and writes what comes. nil means that all are there.
func (c *Client) transfer(ctx context.Context, f File, u *url.URL, p *partial) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	resp, err := c.request(ctx, u, p)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := c.accept(resp, f, p); err != nil {
		return err
	}
	m, end := c.Begin("fetch "+f.Name, p.have, f.Bytes)
	defer end()
	body := watch(resp.Body, c.Patience.Idle, cancel)
	defer body.timer.Stop()
	err = p.fill(body, f.Bytes, m)
	if disk := (*diskError)(nil); errors.As(err, &disk) {
		return err
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", u.Redacted(), err)
	}
	return ended(resp, body, f)
}

// request asks for what is missing.
func (c *Client) request(ctx context.Context, u *url.URL, p *partial) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", c.UserAgent)
	req.Header.Set("Accept-Encoding", "identity")
	if p.have > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", p.have))
		if v := p.origin.validator(u); v != "" {
			req.Header.Set("If-Range", v)
		}
	}
	resp, err := c.http.Do(req)
	if redirect := (*RedirectError)(nil); errors.As(err, &redirect) {
		return nil, redirect
	}
	if with := (*url.Error)(nil); errors.As(err, &with) {
		return nil, fmt.Errorf("%s: %w", u.Redacted(), with.Err)
	}
	return resp, err
}

// accept looks at the head of a response and readies p for its body.
func (c *Client) accept(resp *http.Response, f File, p *partial) error {
	at := resp.Request.URL.Redacted() // after redirects
	switch resp.StatusCode {
	case http.StatusOK:
		return c.acceptWhole(resp, f, p, at)
	case http.StatusPartialContent:
		return acceptRest(resp, f, p, at)
	case http.StatusRequestedRangeNotSatisfiable:
		if _, total, ok := contentRange(resp.Header); ok && total != f.Bytes {
			return wrongSize(resp, f, p, total)
		}
		return errors.Join(fmt.Errorf("%s: the server cannot go on at byte %d", at, p.have), p.reset())
	}
	return &StatusError{URL: at, Code: resp.StatusCode, After: retryAfter(resp.Header, time.Now())}
}

// acceptWhole is for a response that holds the file from its beginning, whether that was asked for or not.
func (c *Client) acceptWhole(resp *http.Response, f File, p *partial, at string) error {
	if kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err == nil && kind == "text/html" {
		return &PageError{at}
	}
	if resp.ContentLength >= 0 && resp.ContentLength != f.Bytes {
		return wrongSize(resp, f, p, resp.ContentLength)
	}
	now := originOf(resp)
	if p.have > 0 {
		why := "the server cannot go on in the middle"
		if p.origin.Validator != "" && p.origin.URL == now.URL && p.origin.Validator != now.Validator {
			why = "the file has changed there"
		}
		c.Note("%s: %s: starting from the beginning", f.Name, why)
		if err := p.reset(); err != nil {
			return err
		}
	}
	return p.remember(now)
}

// acceptRest is for a response that goes on where p ends.
func acceptRest(resp *http.Response, f File, p *partial, at string) error {
	start, total, ok := contentRange(resp.Header)
	if ok && total >= 0 && total != f.Bytes {
		return wrongSize(resp, f, p, total)
	}
	if !ok || start != p.have {
		return errors.Join(fmt.Errorf("%s: sent another part than byte %d and on", at, p.have), p.reset())
	}
	p.pieced = true
	return p.remember(originOf(resp))
}

// ended makes sure that a response of unknown length holds no more than the file.
func ended(resp *http.Response, body io.Reader, f File) error {
	if resp.ContentLength >= 0 {
		return nil
	}
	var more [1]byte
	if n, _ := io.ReadFull(body, more[:]); n > 0 {
		return &MismatchError{Where: resp.Request.URL.Redacted(), What: "size", Want: strconv.FormatInt(f.Bytes, 10), Got: "more"}
	}
	return nil
}

// wrongSize is a file of another size at the server. Bytes from elsewhere are kept: they may be right.
func wrongSize(resp *http.Response, f File, p *partial, got int64) error {
	p.keep = p.have > 0 && originOf(resp).URL != p.origin.URL
	return &MismatchError{Where: resp.Request.URL.Redacted(), What: "size", Want: strconv.FormatInt(f.Bytes, 10), Got: strconv.FormatInt(got, 10)}
}

var rangePattern = regexp.MustCompile(`^bytes (?:(\d{1,18})-\d{1,18}|\*)/(?:(\d{1,18})|\*)$`)

// contentRange reads `bytes START-END/TOTAL` and `bytes */TOTAL`; what is not there is -1.
func contentRange(h http.Header) (start, total int64, ok bool) {
	m := rangePattern.FindStringSubmatch(strings.TrimSpace(h.Get("Content-Range")))
	if m == nil {
		return -1, -1, false
	}
	return number(m[1]), number(m[2]), true
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// watched is a body that must not stop flowing.
type watched struct {
	r     io.Reader
	idle  time.Duration
	timer *time.Timer
}

// watch cancels when r gives nothing for the time idle.
func watch(r io.Reader, idle time.Duration, cancel context.CancelCauseFunc) *watched {
	return &watched{r, idle, time.AfterFunc(idle, func() { cancel(fmt.Errorf("nothing came for %v", idle)) })}
}

func (w *watched) Read(p []byte) (int, error) {
	w.timer.Reset(w.idle) // writing what was read before took time, too
	return w.r.Read(p)
}
