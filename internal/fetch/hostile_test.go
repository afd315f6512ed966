package fetch

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

var quiet = log.New(io.Discard, "", 0)

func TestContentRange(t *testing.T) {
	for _, c := range []struct {
		in           string
		start, total int64
		ok           bool
	}{
		{"bytes 0-9/10", 0, 10, true}, {"bytes 5-9/10", 5, 10, true}, {"bytes 5-9/*", 5, -1, true}, {"bytes */10", -1, 10, true},
		{"", -1, -1, false}, {"bytes 5-9", -1, -1, false}, {"bytes -5-9/10", -1, -1, false}, {"items 0-9/10", -1, -1, false},
		{"bytes 0-9/99999999999999999999", -1, -1, false}, {"bytes 0-9/10, 20-30/40", -1, -1, false},
	} {
		start, total, ok := contentRange(http.Header{"Content-Range": {c.in}})
		if start != c.start || total != c.total || ok != c.ok {
			t.Errorf("%q: %d %d %v", c.in, start, total, ok)
		}
	}
}

// FuzzServer lets a server say anything, on every connection the same: the file comes out right or not at all, and Get returns.
func FuzzServer(f *testing.F) {
	b, file := random(100)
	file.Base = "http://example.org/"
	good := "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + string(b)
	f.Add([]byte(good), 0)
	f.Add([]byte("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 40-99/100\r\nContent-Length: 60\r\nEtag: \"x\"\r\n\r\n"+string(b[40:])), 40)
	f.Add([]byte("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-99/100\r\n\r\n"+string(b)), 40)
	f.Add([]byte("HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */40\r\n\r\n"), 40)
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n"+string(b)+"\r\n0\r\n\r\n"), 7)
	f.Add([]byte("HTTP/1.1 302 Found\r\nLocation: https://example.com/\r\n\r\n"), 0)
	f.Add([]byte("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 100000\r\n\r\n"), 0)
	f.Add([]byte("HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\n\r\n"+string(b)), 99)
	f.Fuzz(func(t *testing.T, response []byte, have int) {
		dir := t.TempDir()
		path := filepath.Join(dir, file.Name)
		if have = min(max(have, 0), len(b)); have > 0 {
			if err := os.WriteFile(path+".part", b[:have], 0o666); err != nil {
				t.Fatal(err)
			}
		}
		c := New(Options{Patience: Patience{Idle: quick.Idle, Wait: 1, Tries: 2}})
		c.http.Transport.(*http.Transport).Proxy = nil
		c.http.Transport.(*http.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) {
			return answer(response), nil
		}
		r, err := c.Get(t.Context(), file, dir)
		c.http.CloseIdleConnections()
		got, missing := os.ReadFile(path)
		if (err == nil) != (missing == nil) || missing == nil && !bytes.Equal(got, b) {
			t.Fatalf("%+v, %v; file of %d bytes, %v", r, err, len(got), missing)
		}
	})
}

// answer is a connection on which every request gets this answer and an end.
func answer(b []byte) net.Conn {
	here, there := net.Pipe()
	go func() {
		defer there.Close()
		if req, err := http.ReadRequest(bufio.NewReader(there)); err == nil {
			req.Body.Close()
			there.Write(b)
		}
	}()
	return here
}
