package fetch

import (
	"net/url"
	"path"
	"regexp"
	"strings"
	"testing"
)

func TestCatalogue(t *testing.T) {
	name := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	file := regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]*$`)
	md5 := regexp.MustCompile(`^[0-9a-f]{32}$`)
	sha256 := regexp.MustCompile(`^[0-9a-f]{64}$`)
	seen := map[string]bool{}
	once := func(what, s string) {
		if seen[what+s] {
			t.Errorf("%s %s twice", what, s)
		}
		seen[what+s] = true
	}
	for _, d := range Catalogue() {
		once("name", d.Name)
		if !name.MatchString(d.Name) {
			t.Errorf("name %q", d.Name)
		}
		if d.About == "" || d.Terms == "" || !address(d.Homepage) || len(d.Files) == 0 == (d.Manual == "") {
			t.Errorf("%s: something is missing", d.Name)
		}
		for _, f := range d.Files {
			once("file", f.Name) // all may go to one folder, and come from one mirror
			once("MD5", f.MD5)
			once("SHA-256", f.SHA256)
			if !file.MatchString(f.Name) || !md5.MatchString(f.MD5) || !sha256.MatchString(f.SHA256) || f.Bytes < 1<<20 {
				t.Errorf("%s: %+v", d.Name, f)
			}
			u, err := f.URL(nil)
			if err != nil || !address(u.String()) || u.String() != f.Base+f.Name {
				t.Errorf("%s: address %v of %+v, %v", d.Name, u, f, err)
			}
		}
	}
	if _, ok := Lookup(Catalogue(), "cifar10"); !ok {
		t.Error("no cifar10")
	}
	if _, ok := Lookup(Catalogue(), "cifar"); ok {
		t.Error("cifar is a dataset")
	}
}

func address(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.RawQuery == "" && path.Clean(u.Path) == strings.TrimSuffix(u.Path, "/")
}

// Every file is read by a source, and every source reads a file, or a folder of one that is unpacked.
func TestSources(t *testing.T) {
	for _, d := range Catalogue() {
		read := map[string]bool{}
		for _, s := range d.Sources {
			read[s.Path] = true
			if s.Split == "" || path.Clean(s.Path) != s.Path || strings.HasPrefix(s.Path, "/") || strings.HasPrefix(s.Path, "..") {
				t.Errorf("%s: %+v", d.Name, s)
			}
		}
		for _, f := range d.Files {
			if !d.Unpack && !read[f.Name] {
				t.Errorf("%s: nothing reads %s", d.Name, f.Name)
			}
		}
		if !d.Unpack && len(read) != len(d.Files) || d.Unpack && len(read) == 0 {
			t.Errorf("%s: sources %v", d.Name, read)
		}
	}
	d, _ := Lookup(Catalogue(), "cifar10")
	if got, want := d.Sources[0].Arg("data"), "cifar10:data/cifar-10-binary.tar.gz#train"; got != want {
		t.Errorf("source %q, want %q", got, want)
	}
}

func TestMirror(t *testing.T) {
	f := File{Name: "a.mat", Base: "https://example.org/x/"}
	for mirror, want := range map[string]string{
		"":                           "https://example.org/x/a.mat",
		"http://localhost:8000":      "http://localhost:8000/a.mat",
		"http://localhost:8000/data": "http://localhost:8000/data/a.mat",
		"https://u:p@host/a%20b/":    "https://u:p@host/a%20b/a.mat",
	} {
		var m *url.URL
		if mirror != "" {
			m, _ = url.Parse(mirror)
		}
		if got, err := f.URL(m); err != nil || got.String() != want {
			t.Errorf("mirror %q: %v, %v, want %s", mirror, got, err, want)
		}
	}
}
