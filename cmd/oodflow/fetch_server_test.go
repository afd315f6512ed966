package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oodflow/oodflow/internal/fetch"
)

// impatience is fetch's patience in scripts.
var impatience = fetch.Patience{Idle: 500 * time.Millisecond, Wait: 10 * time.Millisecond, Tries: 3}

// A fetchServer serves the files of a small catalogue under addresses that say how:
//
//	good     as it should be
//	broken   the first request for a file breaks in the middle
//	cut      every request does
//	changed  like broken, but at the second request the file's ETag is another one
//	whole    like broken, but without ranges
//	wrong    with a bit flipped
//	short    without the last byte
//	moved    redirected to good, on another host
//	page     a web page instead
//	stall    stops in the middle and goes silent, at every request
//	silent   no answer at all
//	drip     the first half at once, the rest a byte each tenth of a second
//	NUMBER   this status, and Retry-After: 3600
//
// An address of a script begins with a name of its own, since the server counts requests. As a proxy it serves good.
type fetchServer struct {
	*httptest.Server
	files map[string][]byte

	mu      sync.Mutex
	scripts int
	asked   map[string]int
}

// newFetchServer starts the server and writes the catalogue to dir.
func newFetchServer(t *testing.T, dir string) *fetchServer {
	t.Helper()
	s := &fetchServer{files: map[string][]byte{}, asked: map[string]int{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.handle))
	t.Cleanup(s.CloseClientConnections)
	t.Cleanup(s.Close)
	list := []fetch.Dataset{
		{
			Name: "noise", About: "two files", Files: []fetch.File{s.add("a.bin", noise(1, 100_000)), s.add("b.bin", noise(2, 50_000))},
			Sources: []fetch.Source{{Split: "train", Prefix: "noise:", Path: "a.bin", Suffix: "#train"}, {Split: "test", Prefix: "noise:", Path: "b.bin"}},
			Terms:   "none", Homepage: "https://example.org/noise",
		},
		{
			Name: "stripes", About: "an archive of images", Files: []fetch.File{s.add("stripes.tar.gz", archive(t, filepath.Join(dir, "images")))},
			Unpack: true, Sources: []fetch.Source{{Split: "all", Path: "far-ood"}},
			Terms: "none", Homepage: "https://example.org/stripes",
		},
		{Name: "imagenet", About: "photographs", Terms: "ask", Homepage: "https://example.org/imagenet", Manual: "register at https://example.org/imagenet"},
	}
	b, err := json.Marshal(list)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "catalogue.json"), b, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// readCatalogue reads what newFetchServer wrote.
func readCatalogue(path string) []fetch.Dataset {
	var list []fetch.Dataset
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, &list)
	}
	if err != nil {
		panic(err)
	}
	return list
}

// noise is n bytes that depend on the seed.
func noise(seed byte, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// archive packs the files below a folder, as `tar -C FOLDER -czf - .` does.
func archive(t *testing.T, folder string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	if err := w.AddFS(os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	w.Close()
	z.Close()
	return b.Bytes()
}

// add serves b as name and describes it.
func (s *fetchServer) add(name string, b []byte) fetch.File {
	s.files[name] = b
	return fetch.File{
		Name: name, Base: s.URL + "/script0/good/", Bytes: int64(len(b)),
		MD5: fmt.Sprintf("%x", md5.Sum(b)), SHA256: fmt.Sprintf("%x", sha256.Sum256(b)),
	}
}

// address is one for a script of its own.
func (s *fetchServer) address() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripts++
	return fmt.Sprintf("%s/script%d", s.URL, s.scripts)
}

func (s *fetchServer) handle(w http.ResponseWriter, r *http.Request) {
	if r.URL.Host != "" { // a proxy is asked for whole addresses
		s.serve(w, r, "good", 0)
		return
	}
	s.mu.Lock()
	n := s.asked[r.URL.Path]
	s.asked[r.URL.Path]++
	s.mu.Unlock()
	s.serve(w, r, filepath.Base(filepath.Dir(r.URL.Path)), n)
}

// serve answers the request number n in one of the manners.
func (s *fetchServer) serve(w http.ResponseWriter, r *http.Request, how string, n int) {
	name := filepath.Base(r.URL.Path)
	b, ok := s.files[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	etag := `"v1"`
	var code int
	switch fmt.Sscan(how, &code); how {
	case "broken", "changed", "whole":
		if n == 0 {
			w = &breaks{w, len(b) / 2}
		} else if how == "whole" {
			r.Header.Del("Range")
		} else if how == "changed" {
			etag = `"v2"`
		}
	case "cut":
		w = &breaks{w, 1000}
	case "wrong":
		b = bytes.Clone(b)
		b[len(b)/2] ^= 1
	case "short":
		b = b[:len(b)-1]
	case "moved":
		to := strings.Replace(s.URL, "127.0.0.1", "localhost", 1) + "/script0/good/" + name
		http.Redirect(w, r, to, http.StatusFound)
		return
	case "page":
		b = []byte("<!doctype html><title>log in</title>")
		name = "page.html"
	case "silent":
		<-r.Context().Done()
		return
	case "stall", "drip":
		s.dawdle(w, r, b, how == "drip")
		return
	}
	if code > 0 {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(code)
		return
	}
	w.Header().Set("Etag", etag)
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(b))
}

// dawdle sends half of b, and then little or nothing.
func (s *fetchServer) dawdle(w http.ResponseWriter, r *http.Request, b []byte, drip bool) {
	w.Header().Set("Etag", `"v1"`)
	w.Header().Set("Content-Length", fmt.Sprint(len(b)))
	half := len(b) / 2
	w.Write(b[:half])
	for _, c := range b[half:] {
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
			return
		case <-time.After(100 * time.Millisecond):
		}
		if drip {
			w.Write([]byte{c})
		}
	}
}

// breaks is a response that ends early.
type breaks struct {
	http.ResponseWriter
	left int
}

func (b *breaks) Write(p []byte) (int, error) {
	n := min(len(p), b.left)
	b.ResponseWriter.Write(p[:n])
	if b.left -= n; b.left == 0 {
		b.ResponseWriter.(http.Flusher).Flush()
		time.Sleep(50 * time.Millisecond) // until what was sent is read: an abort overtakes it
		panic(http.ErrAbortHandler)
	}
	return n, nil
}
