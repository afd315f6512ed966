package fetch

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// quick is patience for tests.
var quick = Patience{Idle: 150 * time.Millisecond, Wait: time.Millisecond, Tries: 4}

// random is a file of n bytes and its entry in a catalogue.
func random(n int) ([]byte, File) {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(n)}).Read(b)
	return b, File{Name: "data.bin", Bytes: int64(n), MD5: fmt.Sprintf("%x", md5.Sum(b)), SHA256: fmt.Sprintf("%x", sha256.Sum256(b))}
}

// A site serves, remembers what it was asked, and misbehaves as the test says.
type site struct {
	*httptest.Server
	mu   sync.Mutex
	asks []http.Header
	f    *File
}

// serve starts a server for f; handle gets the number of the request, from 0.
func serve(t *testing.T, f *File, handle func(n int, w http.ResponseWriter, r *http.Request)) *site {
	t.Helper()
	s := &site{f: f}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		n := len(s.asks)
		s.asks = append(s.asks, r.Header)
		s.mu.Unlock()
		handle(n, w, r)
	}))
	t.Cleanup(s.CloseClientConnections)
	t.Cleanup(s.Close)
	f.Base = s.URL + "/"
	return s
}

// asked is the number of requests.
func (s *site) asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asks)
}

// whole serves b with ranges, as good servers do.
func whole(w http.ResponseWriter, r *http.Request, b []byte, etag string) {
	if etag != "" {
		w.Header().Set("Etag", etag)
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
}

// part serves b and breaks the connection when n bytes of the body are out.
func part(w http.ResponseWriter, r *http.Request, b []byte, etag string, n int) {
	whole(&breaking{w, n}, r, b, etag)
}

type breaking struct {
	http.ResponseWriter
	left int
}

func (b *breaking) Write(p []byte) (int, error) {
	n := min(len(p), b.left)
	b.ResponseWriter.Write(p[:n])
	if b.left -= n; b.left == 0 {
		b.ResponseWriter.(http.Flusher).Flush()
		time.Sleep(20 * time.Millisecond) // until what was sent is read: an abort overtakes it
		panic(http.ErrAbortHandler)
	}
	return n, nil
}

// client makes a client with little patience that collects its notes.
func client(opt Options) (*Client, *strings.Builder) {
	var notes strings.Builder
	opt.Patience = quick
	opt.UserAgent = "oodflow/test"
	opt.Note = func(format string, args ...any) { fmt.Fprintf(&notes, format+"\n", args...) }
	return New(opt), &notes
}

// want fails the test unless dir holds exactly these names, and data.bin, if among them, is b.
func want(t *testing.T, dir string, b []byte, names ...string) {
	t.Helper()
	var got []string
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("the folder holds %q, want %q", got, names)
	}
	if placed, err := os.ReadFile(filepath.Join(dir, "data.bin")); err == nil && !bytes.Equal(placed, b) {
		t.Error("data.bin holds other bytes")
	}
}

func TestFetch(t *testing.T) {
	b, f := random(1 << 20)
	s := serve(t, &f, func(_ int, w http.ResponseWriter, r *http.Request) { whole(w, r, b, `"v1"`) })
	dir := filepath.Join(t.TempDir(), "new", "folder")
	var counted int
	c, notes := client(Options{Begin: func(what string, have, total int64) (Meter, func()) {
		if what != "fetch data.bin" || have != 0 || total != f.Bytes {
			t.Errorf("begin %q %d %d", what, have, total)
		}
		return meter{&counted}, func() {}
	}})
	r, err := c.Get(t.Context(), f, dir)
	if err != nil || r.State != Fetched || r.Path != filepath.Join(dir, "data.bin") || r.URL != s.URL+"/data.bin" {
		t.Errorf("%+v, %v", r, err)
	}
	want(t, dir, b, "data.bin")
	if counted != len(b) || notes.Len() > 0 {
		t.Errorf("counted %d, notes %q", counted, notes)
	}
	if h := s.asks[0]; h.Get("User-Agent") != "oodflow/test" || h.Get("Accept-Encoding") != "identity" || h.Get("Range") != "" {
		t.Errorf("asked with %v", h)
	}
	// A second fetch only looks.
	c, _ = client(Options{})
	if r, err = c.Get(t.Context(), f, dir); err != nil || r.State != Present || s.asked() != 1 {
		t.Errorf("again: %+v, %v, %d requests", r, err, s.asked())
	}
}

type meter struct{ n *int }

func (m meter) Add(n int) { *m.n += n }

// A connection that breaks again and again is picked up where it broke.
func TestBrokenConnection(t *testing.T) {
	b, f := random(300_000)
	s := serve(t, &f, func(n int, w http.ResponseWriter, r *http.Request) {
		if n < 3 {
			part(w, r, b, `"v1"`, 70_000)
			return
		}
		whole(w, r, b, `"v1"`)
	})
	dir := t.TempDir()
	c, notes := client(Options{})
	if r, err := c.Get(t.Context(), f, dir); err != nil || r.State != Fetched {
		t.Fatalf("%+v, %v", r, err)
	}
	want(t, dir, b, "data.bin")
	for n, from := range []string{"", "bytes=70000-", "bytes=140000-", "bytes=210000-"} {
		if h := s.asks[n]; h.Get("Range") != from || from != "" && h.Get("If-Range") != `"v1"` {
			t.Errorf("request %d: range %q, if-range %q", n, h.Get("Range"), h.Get("If-Range"))
		}
	}
	if got := strings.Count(notes.String(), "unexpected EOF; trying again in"); got != 3 {
		t.Errorf("notes %q", notes)
	}
}

// Ctrl-C keeps what is there, and the next fetch goes on.
func TestInterrupt(t *testing.T) {
	b, f := random(300_000)
	ctx, cancel := context.WithCancel(t.Context())
	s := serve(t, &f, func(n int, w http.ResponseWriter, r *http.Request) {
		if n == 0 {
			w.Header().Set("Etag", `"v1"`)
			w.Header().Set("Content-Length", "300000")
			w.Write(b[:100_000])
			w.(http.Flusher).Flush()
			time.Sleep(30 * time.Millisecond)
			cancel()
			<-r.Context().Done()
			return
		}
		whole(w, r, b, `"v1"`)
	})
	dir := t.TempDir()
	c, _ := client(Options{})
	_, err := c.Get(ctx, f, dir)
	kept := (*PartialError)(nil)
	if !errors.Is(err, context.Canceled) || !errors.As(err, &kept) || kept.Have != 100_000 || kept.Want != f.Bytes || kept.Path != filepath.Join(dir, "data.bin.part") {
		t.Fatalf("%v %+v", err, kept)
	}
	want(t, dir, nil, "data.bin.part", "data.bin.part.from")
	r, err := c.Get(t.Context(), f, dir)
	if err != nil || r.State != Resumed || s.asks[1].Get("Range") != "bytes=100000-" || s.asks[1].Get("If-Range") != `"v1"` {
		t.Errorf("%+v, %v, asked %v", r, err, s.asks[1])
	}
	want(t, dir, b, "data.bin")
}

// While waiting for the next try, too.
func TestInterruptWhileWaiting(t *testing.T) {
	_, f := random(1000)
	serve(t, &f, func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	ctx, cancel := context.WithCancel(t.Context())
	c, _ := client(Options{})
	c.Patience.Wait = time.Hour
	c.Note = func(string, ...any) { cancel() }
	dir := filepath.Join(t.TempDir(), "new")
	if _, err := c.Get(ctx, f, dir); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("left an empty folder behind")
	}
}

func TestServerWithoutRanges(t *testing.T) {
	b, f := random(200_000)
	serve(t, &f, func(n int, w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Range")
		if n == 0 {
			part(w, r, b, "", 150_000)
			return
		}
		whole(w, r, b, "")
	})
	dir := t.TempDir()
	c, notes := client(Options{})
	if r, err := c.Get(t.Context(), f, dir); err != nil || r.State != Fetched {
		t.Errorf("%+v, %v", r, err)
	}
	want(t, dir, b, "data.bin")
	if !strings.Contains(notes.String(), "the server cannot go on in the middle: starting from the beginning") {
		t.Errorf("notes %q", notes)
	}
}

// A file that is another one at the second request is fetched from its beginning: at once where an ETag or a date tells,
// else when the checksums do.
func TestChangedBetween(t *testing.T) {
	old, _ := random(200_001)
	old = old[:200_000]
	b, f := random(200_000)
	for _, c := range []struct {
		etags [2]string
		asked int
		note  string
	}{
		{[2]string{`"v1"`, `"v2"`}, 2, "the file has changed there: starting from the beginning"},
		{[2]string{"Mon, 02 Jan 2006 15:04:05 GMT", "Mon, 02 Jan 2006 15:05:05 GMT"}, 2, "the file has changed there"},
		{[2]string{"", ""}, 3, "the parts do not fit together: starting from the beginning"},
		{[2]string{`W/"v1"`, `W/"v1"`}, 3, "the parts do not fit together"},
	} {
		s := serve(t, &f, func(n int, w http.ResponseWriter, r *http.Request) {
			etag := c.etags[min(n, 1)]
			if date, err := http.ParseTime(etag); err == nil {
				http.ServeContent(&breaking{w, 100_000 + n*200_000}, r, "", date, bytes.NewReader([][]byte{old, b}[min(n, 1)]))
				return
			}
			if n == 0 {
				part(w, r, old, etag, 100_000)
				return
			}
			whole(w, r, b, etag)
		})
		dir := t.TempDir()
		client, notes := client(Options{})
		if _, err := client.Get(t.Context(), f, dir); err != nil {
			t.Errorf("%q: %v", c.etags, err)
		}
		want(t, dir, b, "data.bin")
		if s.asked() != c.asked || !strings.Contains(notes.String(), c.note) {
			t.Errorf("%q: %d requests, notes %q", c.etags, s.asked(), notes)
		}
		s.Close()
	}
}

// What an earlier fetch left may be anything: the file comes out right, or not at all.
func TestEarlierPart(t *testing.T) {
	b, f := random(200_000)
	bad := bytes.Clone(b[:100_000])
	bad[50_000]++
	for name, c := range map[string]struct {
		part  []byte
		from  string
		asked int
		state State
	}{
		"good":           {b[:100_000], `{"url":"URL","validator":"\"v1\""}`, 1, Resumed},
		"other address":  {b[:100_000], `{"url":"http://elsewhere/data.bin","validator":"\"x\""}`, 1, Resumed},
		"of old version": {b[:100_000], `{"url":"URL","validator":"\"v0\""}`, 1, Fetched},
		"no from":        {b[:100_000], "", 1, Resumed},
		"damaged from":   {b[:100_000], `{"url":`, 1, Resumed},
		"hostile from":   {b[:100_000], `{"url":"URL","validator":"x\r\nHost: y"}`, 1, Resumed},
		"complete":       {b, "", 0, Resumed},
		"damaged":        {bad, "", 2, Fetched},
		"zeroes":         {make([]byte, 200_000), "", 1, Fetched},
		"too long":       {append(bytes.Clone(b), 1), "", 1, Fetched},
		"empty":          {nil, "", 1, Fetched},
	} {
		s := serve(t, &f, func(_ int, w http.ResponseWriter, r *http.Request) { whole(w, r, b, `"v1"`) })
		dir := t.TempDir()
		path := filepath.Join(dir, "data.bin.part")
		err := os.WriteFile(path, c.part, 0o666)
		if c.from != "" {
			err = errors.Join(err, os.WriteFile(path+".from", []byte(strings.ReplaceAll(c.from, "URL", f.Base+f.Name)), 0o666))
		}
		if err != nil {
			t.Fatal(err)
		}
		client, _ := client(Options{})
		r, err := client.Get(t.Context(), f, dir)
		if err != nil || r.State != c.state || s.asked() != c.asked {
			t.Errorf("%s: %v, %v, %d requests", name, r.State, err, s.asked())
		}
		want(t, dir, b, "data.bin")
		s.Close()
	}
}

func TestWrongChecksum(t *testing.T) {
	b, f := random(100_000)
	s := serve(t, &f, func(_ int, w http.ResponseWriter, r *http.Request) { whole(w, r, b, `"v1"`) })
	right := f
	for what, spoil := range map[string]func(f *File){
		"MD5":     func(f *File) { f.MD5 = strings.Repeat("0", 32) },
		"SHA-256": func(f *File) { f.SHA256 = strings.Repeat("0", 64) },
	} {
		f := right
		spoil(&f)
		dir := filepath.Join(t.TempDir(), "new")
		c, _ := client(Options{})
		before := s.asked()
		_, err := c.Get(t.Context(), f, dir)
		e := (*MismatchError)(nil)
		if !errors.As(err, &e) || e.What != what || !strings.HasPrefix(e.Want, "0000") || e.Got != map[string]string{"MD5": right.MD5, "SHA-256": right.SHA256}[what] || e.Existing {
			t.Errorf("%s: %v", what, err)
		}
		if !strings.Contains(err.Error(), e.Got) || !strings.Contains(err.Error(), e.Want) || !strings.HasPrefix(err.Error(), s.URL+"/data.bin: ") {
			t.Errorf("%s: error %v", what, err)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: something was left", what)
		}
		if s.asked()-before != 1 {
			t.Errorf("%s: %d requests", what, s.asked()-before)
		}
	}
}

// Wrong bytes that come in pieces are fetched once more, and not for ever.
func TestWrongInPieces(t *testing.T) {
	b, f := random(100_000)
	f.MD5 = strings.Repeat("0", 32)
	s := serve(t, &f, func(_ int, w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") == "" {
			part(w, r, b, `"v1"`, 50_000)
			return
		}
		whole(w, r, b, `"v1"`)
	})
	dir := t.TempDir()
	c, _ := client(Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err := c.Get(ctx, f, dir)
	if e := (*MismatchError)(nil); !errors.As(err, &e) || s.asked() != 4 {
		t.Errorf("%v, %d requests", err, s.asked())
	}
	want(t, dir, nil)
}

// A server that sends another part than was asked for is asked for the whole.
func TestOtherPart(t *testing.T) {
	b, f := random(100_000)
	s := serve(t, &f, func(n int, w http.ResponseWriter, r *http.Request) {
		if n == 0 {
			r.Header.Set("Range", "bytes=10-")
		}
		whole(w, r, b, "")
	})
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "data.bin.part"), b[:50_000], 0o666); err != nil {
		t.Fatal(err)
	}
	c, notes := client(Options{})
	if _, err := c.Get(t.Context(), f, dir); err != nil || s.asked() != 2 || !strings.Contains(notes.String(), "sent another part than byte 50000 and on") {
		t.Errorf("%v, %d requests, notes %q", err, s.asked(), notes)
	}
	want(t, dir, b, "data.bin")
}

func TestWrongSize(t *testing.T) {
	b, f := random(100_000)
	longer, shorter := append(bytes.Clone(b), b...), b[:60_000]
	chunked := func(w http.ResponseWriter, r *http.Request, b []byte) {
		if r.Header.Get("Range") != "" {
			whole(w, r, b, "")
			return
		}
		w.Write(b[:1000])
		w.(http.Flusher).Flush()
		w.Write(b[1000:])
	}
	for name, c := range map[string]struct {
		handle func(w http.ResponseWriter, r *http.Request)
		got    string
		asked  int
	}{
		"longer":           {func(w http.ResponseWriter, r *http.Request) { whole(w, r, longer, "") }, "200000", 1},
		"shorter":          {func(w http.ResponseWriter, r *http.Request) { whole(w, r, shorter, "") }, "60000", 1},
		"empty":            {func(w http.ResponseWriter, r *http.Request) { whole(w, r, nil, "") }, "0", 1},
		"longer, chunked":  {func(w http.ResponseWriter, r *http.Request) { chunked(w, r, longer) }, "more", 1},
		"shorter, chunked": {func(w http.ResponseWriter, r *http.Request) { chunked(w, r, shorter) }, "60000", 2},
	} {
		s := serve(t, &f, func(_ int, w http.ResponseWriter, r *http.Request) { c.handle(w, r) })
		dir := t.TempDir()
		client, _ := client(Options{})
		_, err := client.Get(t.Context(), f, dir)
		if e := (*MismatchError)(nil); !errors.As(err, &e) || e.What != "size" || e.Want != "100000" || e.Got != c.got || s.asked() != c.asked {
			t.Errorf("%s: %v, %d requests", name, err, s.asked())
		}
		want(t, dir, b)
		s.Close()
	}
}

// A mirror with another file does not cost what another server has sent.
func TestWrongMirrorKeepsThePart(t *testing.T) {
	b, f := random(100_000)
	serve(t, &f, func(_ int, w http.ResponseWriter, r *http.Request) { whole(w, r, b[:99_999], "") })
	dir := t.TempDir()
	if err := errors.Join(
		os.WriteFile(filepath.Join(dir, "data.bin.part"), b[:50_000], 0o666),
		os.WriteFile(filepath.Join(dir, "data.bin.part.from"), []byte(`{"url":"http://good/data.bin"}`), 0o666),
	); err != nil {
		t.Fatal(err)
	}
	c, _ := client(Options{})
	_, err := c.Get(t.Context(), f, dir)
	if kept := (*PartialError)(nil); !errors.As(err, &kept) || kept.Have != 50_000 || !strings.Contains(err.Error(), "size is 99999, expected 100000") {
		t.Error(err)
	}
	want(t, dir, nil, "data.bin.part", "data.bin.part.from")
}

func TestWebPage(t *testing.T) {
	_, f := random(1000)
	s := serve(t, &f, func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, "<html>log in</html>")
	})
	dir := t.TempDir()
	c, _ := client(Options{})
	_, err := c.Get(t.Context(), f, dir)
	if e := (*PageError)(nil); !errors.As(err, &e) || s.asked() != 1 {
		t.Errorf("%v, %d requests", err, s.asked())
	}
	want(t, dir, nil)
}

func TestStatus(t *testing.T) {
	b, f := random(1000)
	for _, c := range []struct {
		code  int
		after string
		asked int // when it never gets better
	}{
		{403, "", 1}, {404, "", 1}, {410, "", 1}, {401, "", 1}, {501, "", 1},
		{500, "", 4}, {502, "", 4}, {503, "", 4}, {504, "", 4}, {429, "0", 4}, {503, "0", 4}, {503, "3600", 1},
		{503, time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), 1},
	} {
		better := false
		s := serve(t, &f, func(n int, w http.ResponseWriter, r *http.Request) {
			if better && n > 0 {
				whole(w, r, b, "")
				return
			}
			if c.after != "" {
				w.Header().Set("Retry-After", c.after)
			}
			w.WriteHeader(c.code)
		})
		dir := t.TempDir()
		client, _ := client(Options{})
		_, err := client.Get(t.Context(), f, dir)
		if e := (*StatusError)(nil); !errors.As(err, &e) || e.Code != c.code || s.asked() != c.asked {
			t.Errorf("%d, Retry-After %q: %v, %d requests", c.code, c.after, err, s.asked())
		}
		if e := (*TriesError)(nil); errors.As(err, &e) != (c.asked > 1) {
			t.Errorf("%d: %v", c.code, err)
		}
		want(t, dir, nil)
		s.mu.Lock()
		s.asks, better = nil, true
		s.mu.Unlock()
		if _, err = client.Get(t.Context(), f, dir); (err == nil) != (c.asked > 1) {
			t.Errorf("%d once, then better: %v", c.code, err)
		}
		s.Close()
	}
}

// Retry-After is waited for.
func TestRetryAfter(t *testing.T) {
	b, f := random(1000)
	serve(t, &f, func(n int, w http.ResponseWriter, r *http.Request) {
		if n == 0 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		whole(w, r, b, "")
	})
	c, notes := client(Options{})
	start := time.Now()
	if _, err := c.Get(t.Context(), f, t.TempDir()); err != nil || time.Since(start) < time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
	if !strings.Contains(notes.String(), "503 Service Unavailable; trying again in 1s") {
		t.Errorf("notes %q", notes)
	}
	now := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	for v, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-1": 0, "soon": 0, "99999999999": 0, "1e3": 0,
		"Wed, 01 May 2024 12:00:30 GMT": 30 * time.Second, "Wed, 01 May 2024 11:00:00 GMT": 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {v}}, now); got != want {
			t.Errorf("Retry-After %q: %v, want %v", v, got, want)
		}
	}
}

// A peer that stalls is given up and picked up again; one that is slow is not.
func TestStalledAndSlow(t *testing.T) {
	b, f := random(100_000)
	stall := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100000")
		w.Write(b[:40_000])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	s := serve(t, &f, func(n int, w http.ResponseWriter, r *http.Request) {
		if n == 0 {
			stall(w, r)
			return
		}
		whole(w, r, b, "")
	})
	dir := t.TempDir()
	c, notes := client(Options{})
	if _, err := c.Get(t.Context(), f, dir); err != nil || s.asks[1].Get("Range") != "bytes=40000-" {
		t.Errorf("%v, asked %v", err, s.asks)
	}
	if !strings.Contains(notes.String(), "nothing came for 150ms; trying again") {
		t.Errorf("notes %q", notes)
	}
	want(t, dir, b, "data.bin")

	s = serve(t, &f, func(_ int, w http.ResponseWriter, r *http.Request) { r.Header.Del("Range"); stall(w, r) })
	dir = t.TempDir()
	_, err := c.Get(t.Context(), f, dir)
	if e := (*PartialError)(nil); !errors.As(err, &e) || e.Have != 40_000 || s.asked() != quick.Tries || !strings.Contains(err.Error(), "nothing came for 150ms (try 4, the last)") {
		t.Errorf("%v, %d requests", err, s.asked())
	}

	s = serve(t, &f, func(_ int, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100000")
		for i := range 10 {
			w.Write(b[i*10_000 : (i+1)*10_000])
			w.(http.Flusher).Flush()
			time.Sleep(quick.Idle / 5)
		}
	})
	dir = t.TempDir()
	start := time.Now()
	if _, err := c.Get(t.Context(), f, dir); err != nil || s.asked() != 1 || time.Since(start) < quick.Idle {
		t.Errorf("slow: %v, %d requests, %v", err, s.asked(), time.Since(start))
	}
	want(t, dir, b, "data.bin")
}

// A connection that breaks every few megabytes is no reason to stop, however often it does.
func TestProgressEarnsTries(t *testing.T) {
	b, f := random(12 << 20)
	s := serve(t, &f, func(_ int, w http.ResponseWriter, r *http.Request) { part(w, r, b, `"v1"`, 2<<20) })
	dir := t.TempDir()
	c, _ := client(Options{})
	if _, err := c.Get(t.Context(), f, dir); err != nil || s.asked() <= quick.Tries {
		t.Errorf("%v, %d requests", err, s.asked())
	}
	want(t, dir, b, "data.bin")
}

func TestNobodyThere(t *testing.T) {
	_, f := random(1000)
	s := serve(t, &f, nil)
	s.Close()
	dir := filepath.Join(t.TempDir(), "new")
	c, _ := client(Options{})
	_, err := c.Get(t.Context(), f, dir)
	if e := (*TriesError)(nil); !errors.As(err, &e) || !errors.Is(err, syscall.ECONNREFUSED) || !strings.HasPrefix(err.Error(), s.URL+"/data.bin: dial tcp") {
		t.Error(err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("left an empty folder behind")
	}
}

func TestFullDisk(t *testing.T) {
	b, f := random(300_000)
	serve(t, &f, func(_ int, w http.ResponseWriter, r *http.Request) { whole(w, r, b, `"v1"`) })
	room := 100_000
	write = func(f *os.File, p []byte) (int, error) {
		n, err := f.Write(p[:min(len(p), room)])
		room -= n
		if err == nil && n < len(p) {
			err = &os.PathError{Op: "write", Path: f.Name(), Err: syscall.ENOSPC}
		}
		return n, err
	}
	dir := t.TempDir()
	c, notes := client(Options{})
	_, err := c.Get(t.Context(), f, dir)
	write = (*os.File).Write
	kept := (*PartialError)(nil)
	if !errors.Is(err, syscall.ENOSPC) || !errors.As(err, &kept) || kept.Have != 100_000 || notes.Len() > 0 {
		t.Errorf("%v %+v, notes %q", err, kept, notes)
	}
	if got := err.Error(); got != "write "+filepath.Join(dir, "data.bin.part")+": no space left on device" {
		t.Errorf("error %s", got)
	}
	if r, err := c.Get(t.Context(), f, dir); err != nil || r.State != Resumed {
		t.Errorf("with room again: %+v, %v", r, err)
	}
	want(t, dir, b, "data.bin")
}

func TestExisting(t *testing.T) {
	b, f := random(100_000)
	s := serve(t, &f, func(_ int, w http.ResponseWriter, r *http.Request) { whole(w, r, b, "") })
	bad := bytes.Clone(b)
	bad[7]++
	for name, content := range map[string][]byte{"damaged": bad, "short": b[:10], "empty": nil} {
		dir := t.TempDir()
		path := filepath.Join(dir, "data.bin")
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
		before := s.asked()
		c, _ := client(Options{})
		_, err := c.Get(t.Context(), f, dir)
		if e := (*MismatchError)(nil); !errors.As(err, &e) || !e.Existing || e.Where != path || (e.What == "size") == (name == "damaged") || s.asked() != before {
			t.Errorf("%s: %v", name, err)
		}
		want(t, dir, content, "data.bin")
		c, notes := client(Options{Force: true})
		if r, err := c.Get(t.Context(), f, dir); err != nil || r.State != Fetched || !strings.Contains(notes.String(), "fetching it again") {
			t.Errorf("%s, forced: %+v, %v, %q", name, r, err, notes)
		}
		want(t, dir, b, "data.bin")
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "data.bin"), 0o777); err != nil {
		t.Fatal(err)
	}
	c, _ := client(Options{Force: true})
	if _, err := c.Get(t.Context(), f, dir); err == nil || !strings.Contains(err.Error(), "is no regular file") {
		t.Errorf("a folder: %v", err)
	}
}

// With --force the old file stays until the new one is complete.
func TestForceKeepsTheOldUntilTheEnd(t *testing.T) {
	b, f := random(100_000)
	serve(t, &f, func(_ int, w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNotFound) })
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "data.bin"), b[:10], 0o666); err != nil {
		t.Fatal(err)
	}
	c, _ := client(Options{Force: true})
	if _, err := c.Get(t.Context(), f, dir); err == nil {
		t.Error("no error")
	}
	want(t, dir, b[:10], "data.bin")
}

// Of several at once one writes; the others are told, or find the file. None harms it.
func TestAtOnce(t *testing.T) {
	b, f := random(2 << 20)
	serve(t, &f, func(_ int, w http.ResponseWriter, r *http.Request) {
		time.Sleep(10 * time.Millisecond)
		whole(w, r, b, "")
	})
	for range 5 {
		dir := t.TempDir()
		var wg sync.WaitGroup
		var states [6]State
		for i := range states {
			wg.Go(func() {
				c, _ := client(Options{})
				time.Sleep(time.Duration(i) * 5 * time.Millisecond)
				r, err := c.Get(t.Context(), f, dir)
				if e := (*BusyError)(nil); err != nil && !errors.As(err, &e) {
					t.Error(err)
				} else if err == nil {
					states[i] = r.State
				}
			})
		}
		wg.Wait()
		want(t, dir, b, "data.bin")
		fetched := 0
		for _, s := range states {
			if s == Fetched {
				fetched++
			}
		}
		if fetched != 1 {
			t.Errorf("states %v", states)
		}
	}
}

func TestBusy(t *testing.T) {
	_, f := random(1000)
	s := serve(t, &f, nil)
	dir := t.TempDir()
	p, err := openPartial(filepath.Join(dir, "data.bin"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	c, _ := client(Options{})
	_, err = c.Get(t.Context(), f, dir)
	if e := (*BusyError)(nil); !errors.As(err, &e) || s.asked() != 0 {
		t.Errorf("%v", err)
	}
	want(t, dir, nil, "data.bin.part")
}

// A file that came between the look for it and the lock is taken as it is.
func TestPlacedMeanwhile(t *testing.T) {
	b, f := random(1000)
	s := serve(t, &f, nil)
	dir := t.TempDir()
	path := filepath.Join(dir, "data.bin")
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
	u, _ := f.URL(nil)
	c, _ := client(Options{})
	if state, err := c.get(t.Context(), f, u, path); state != Present || err != nil || s.asked() > 0 {
		t.Errorf("%v, %v", state, err)
	}
	want(t, dir, b, "data.bin")
}

// A host that does not exist is not looked for again and again; a resolver that fails is.
func TestNoSuchHost(t *testing.T) {
	_, f := random(1000)
	f.Base = "http://mirror.invalid/"
	for notFound, retries := range map[bool]int{true: 0, false: quick.Tries - 1} {
		c, notes := client(Options{})
		transport := c.http.Transport.(*http.Transport)
		transport.Proxy = nil
		transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "lookup", Name: "mirror.invalid", IsNotFound: notFound}}
		}
		if _, err := c.Get(t.Context(), f, t.TempDir()); err == nil || strings.Count(notes.String(), "trying again") != retries {
			t.Errorf("not found %v: %v, notes %q", notFound, err, notes)
		}
	}
}

func TestPartIsNoFile(t *testing.T) {
	_, f := random(1000)
	serve(t, &f, nil)
	dir := t.TempDir()
	elsewhere := filepath.Join(t.TempDir(), "precious")
	if err := errors.Join(os.WriteFile(elsewhere, []byte("x"), 0o666), os.Symlink(elsewhere, filepath.Join(dir, "data.bin.part"))); err != nil {
		t.Skip(err)
	}
	c, _ := client(Options{})
	if _, err := c.Get(t.Context(), f, dir); err == nil || !strings.Contains(err.Error(), "is no regular file") {
		t.Error(err)
	}
	if b, err := os.ReadFile(elsewhere); err != nil || string(b) != "x" {
		t.Errorf("the link's target now holds %q, %v", b, err)
	}
}

// A password in the mirror's address is used, and shown nowhere.
func TestPasswordIsNotShown(t *testing.T) {
	b, f := random(1000)
	ok := true
	s := serve(t, &f, func(n int, w http.ResponseWriter, r *http.Request) {
		if user, word, _ := r.BasicAuth(); user != "me" || word != "secret" || !ok {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		whole(w, r, b, `"v1"`)
	})
	mirror, _ := url.Parse(s.URL)
	mirror.User = url.UserPassword("me", "secret")
	c, notes := client(Options{Mirror: mirror})
	r, err := c.Get(t.Context(), f, t.TempDir())
	if err != nil || strings.Contains(fmt.Sprint(r), "secret") {
		t.Errorf("%+v, %v", r, err)
	}
	ok = false
	_, err = c.Get(t.Context(), f, t.TempDir())
	if text := fmt.Sprint(err, notes); err == nil || strings.Contains(text, "secret") || !strings.Contains(text, "me:xxxxx@") {
		t.Errorf("%s", text)
	}
}
