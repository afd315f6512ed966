package fetch

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A redirect to another host is followed at every request, with range and validator.
func TestRedirect(t *testing.T) {
	b, f := random(100_000)
	there := serve(t, &f, func(n int, w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/moved/data.bin" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		if n == 0 {
			part(w, r, b, `"v1"`, 60_000)
			return
		}
		whole(w, r, b, `"v1"`)
	})
	for _, code := range []int{301, 302, 303, 307, 308} {
		there.asks = nil
		here := serve(t, &f, func(_ int, w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, there.URL+"/moved"+r.URL.Path, code)
		})
		dir := t.TempDir()
		c, _ := client(Options{})
		r, err := c.Get(t.Context(), f, dir)
		if err != nil || r.URL != here.URL+"/data.bin" || here.asked() != 2 {
			t.Errorf("%d: %+v, %v, %d requests", code, r, err, here.asked())
		}
		want(t, dir, b, "data.bin")
		if h := there.asks[1]; h.Get("Range") != "bytes=60000-" || h.Get("If-Range") != `"v1"` || h.Get("User-Agent") != "oodflow/test" {
			t.Errorf("%d: asked %v", code, h)
		}
	}
}

// From https to http nobody is followed, to other schemes neither, and not for ever.
func TestRedirectRefused(t *testing.T) {
	b, f := random(1000)
	plain := serve(t, &f, func(_ int, w http.ResponseWriter, r *http.Request) { whole(w, r, b, "") })
	to := ""
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/good/data.bin" {
			whole(w, r, b, "")
			return
		}
		http.Redirect(w, r, to, http.StatusFound)
	}))
	defer secure.Close()
	f.Base = secure.URL + "/"
	c, _ := client(Options{})
	c.http.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: secure.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	for _, r := range []struct{ to, why string }{
		{plain.URL + "/data.bin", "from https to http"},
		{"ftp://example.org/data.bin", "neither http nor https"},
		{"file:///etc/passwd", "neither http nor https"},
		{"/data.bin", "one redirect too many"},
	} {
		to = r.to
		dir := t.TempDir()
		_, err := c.Get(t.Context(), f, dir)
		if e := (*RedirectError)(nil); !errors.As(err, &e) || !strings.Contains(err.Error(), r.why) {
			t.Errorf("to %s: %v", r.to, err)
		}
		want(t, dir, nil)
	}
	if plain.asked() > 0 {
		t.Error("the http server was asked")
	}
	to = "/good/data.bin"
	dir := t.TempDir()
	if _, err := c.Get(t.Context(), f, dir); err != nil {
		t.Errorf("https to https: %v", err)
	}
	want(t, dir, b, "data.bin")
}

// A server that cannot prove who it is, is not asked twice.
func TestUntrustedServer(t *testing.T) {
	_, f := random(1000)
	asked := 0
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	secure.Config.ErrorLog = quiet
	secure.StartTLS()
	defer secure.Close()
	f.Base = secure.URL + "/"
	c, notes := client(Options{})
	if _, err := c.Get(t.Context(), f, t.TempDir()); err == nil || !strings.Contains(err.Error(), "certificate") || notes.Len() > 0 || asked > 0 {
		t.Errorf("%v, notes %q", err, notes)
	}
}
