package fetch

import (
	"net"
	"net/http"
	"time"
)

// Bounds of the steps before the first byte. They are generous: a server that answers at all does so within seconds.
const (
	dialTimeout     = 15 * time.Second
	shakeTimeout    = 15 * time.Second
	responseTimeout = 30 * time.Second
	maxRedirects    = 10
)

// newHTTPClient makes a client that honours the proxy variables of the environment, bounds every step before the body,
// and hands over bodies as they are on the wire: decompressing would break sizes and ranges.
// There is no bound on the whole: the files are large and some servers slow; stalls are found while reading.
func newHTTPClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext,
			TLSHandshakeTimeout:    shakeTimeout,
			ResponseHeaderTimeout:  responseTimeout,
			DisableCompression:     true,
			ForceAttemptHTTP2:      true,
			MaxResponseHeaderBytes: 1 << 20,
		},
		CheckRedirect: checkRedirect,
	}
}

// checkRedirect follows redirects to other hosts, but not from https to http, where anybody on the way could answer.
func checkRedirect(req *http.Request, via []*http.Request) error {
	from := via[len(via)-1].URL
	refuse := func(why string) error {
		return &RedirectError{From: from.Redacted(), To: req.URL.Redacted(), Why: why}
	}
	switch {
	case len(via) >= maxRedirects:
		return refuse("one redirect too many")
	case req.URL.Scheme != "https" && req.URL.Scheme != "http":
		return refuse("neither http nor https")
	case from.Scheme == "https" && req.URL.Scheme == "http":
		return refuse("from https to http, which is not followed")
	}
	return nil
}
