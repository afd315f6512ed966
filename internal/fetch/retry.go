package fetch

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

const (
	// worth is the progress that makes a try count as none: a connection that breaks now and then may do so all day.
	worth = 1 << 20
	// maxWait is the longest wait between two tries of our own choice, maxAfter the longest at the server's wish.
	maxWait  = 30 * time.Second
	maxAfter = 2 * time.Minute
)

// persist transfers until all bytes are there, through breaks and refusals that may pass.
func (c *Client) persist(ctx context.Context, f File, u *url.URL, p *partial) error {
	for tries := 0; p.have < f.Bytes; {
		before := p.have
		err := c.transfer(ctx, f, u, p)
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if disk := (*diskError)(nil); errors.As(err, &disk) {
			return disk.error
		}
		if !passing(err) {
			return err
		}
		if p.have-before >= worth {
			tries = 0
		}
		if tries++; tries >= c.Patience.Tries {
			return &TriesError{tries, err}
		}
		wait, ok := c.wait(tries, err)
		if !ok {
			return err
		}
		c.Note("%v; trying again in %v", err, wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// wait is how long to wait before the next try; false when the server wants more than is bearable.
func (c *Client) wait(tries int, err error) (time.Duration, bool) {
	wait := min(c.Patience.Wait<<min(tries-1, 10), maxWait)
	if status := (*StatusError)(nil); errors.As(err, &status) {
		wait = max(wait, status.After)
	}
	return wait, wait <= maxAfter
}

// busyCodes are the refusals that may pass.
var busyCodes = []int{
	http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests,
	http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
}

// passing tells whether the same request may go better later: yes for all troubles of the network, but not for a server
// that is not who it should be or a name that does not exist.
func passing(err error) bool {
	var (
		status   *StatusError
		mismatch *MismatchError
		page     *PageError
		redirect *RedirectError
		dns      *net.DNSError
		cert     *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &status):
		return slices.Contains(busyCodes, status.Code)
	case errors.As(err, &dns):
		return !dns.IsNotFound
	}
	return !(errors.As(err, &mismatch) || errors.As(err, &page) || errors.As(err, &redirect) || errors.As(err, &cert))
}

// retryAfter reads a Retry-After header: seconds or a date (RFC 9110, 10.2.3). 0: none, or none that can be read.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	if s, err := strconv.ParseUint(v, 10, 31); err == nil {
		return time.Duration(s) * time.Second
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(t.Sub(now).Round(time.Second), 0)
	}
	return 0
}
