package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oodflow/oodflow/internal/fetch"
	"github.com/oodflow/oodflow/internal/imageset"
)

// TestCatalogueOpens fetches every dataset of the catalogue, as tiny files laid out as the published ones, and reads the images of
// each SOURCE that is printed, after the command that is shown has unpacked what has to be.
func TestCatalogueOpens(t *testing.T) {
	for _, program := range []string{"sh", "tar"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("no " + program)
		}
	}
	published := tinyFiles(t)
	t.Chdir(t.TempDir())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write(published[path.Base(r.URL.Path)])
	}))
	defer server.Close()
	defer func(real []fetch.Dataset) { datasets = real }(datasets)
	datasets = fetch.Catalogue()
	for i, d := range datasets {
		for j, f := range d.Files {
			b, ok := published[f.Name]
			if !ok {
				t.Fatalf("the test has no %s", f.Name)
			}
			datasets[i].Files[j] = (&fetchServer{Server: server, files: map[string][]byte{}}).add(f.Name, b)
		}
	}
	pre, err := imageset.ParsePreprocess("cifar10")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range datasets {
		if len(d.Files) == 0 {
			continue
		}
		var report fetchReport
		if err := json.Unmarshal([]byte(mustRun(t, "fetch", d.Name, "--json", "--out", "my data", "--mirror", server.URL)), &report); err != nil {
			t.Fatal(err)
		}
		if command := report.Datasets[0].Unpack; command != "" {
			if out, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", command, err, out)
			}
		}
		lines := strings.Split(strings.TrimSpace(mustRun(t, "fetch", d.Name, "--out", "my data", "--mirror", server.URL)), "\n")
		if len(lines) != len(d.Sources) {
			t.Errorf("%s: %d sources, and printed %q", d.Name, len(d.Sources), lines)
		}
		for _, source := range lines {
			src, err := imageset.Open(source)
			if err != nil {
				t.Errorf("%s: %v", d.Name, err)
				continue
			}
			if r, err := imageset.Load(t.Context(), src, pre, imageset.Options{}, func(*imageset.Batch) error { return nil }); err != nil || r.Images == 0 {
				t.Errorf("%s: %d images, %v", source, r.Images, err)
			}
		}
	}
}

// tinyFiles are files of a few images, named and laid out as those of the catalogue.
func tinyFiles(t *testing.T) map[string][]byte {
	t.Helper()
	dir := filepath.Join("..", "..", "internal", "imageset", "testdata")
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	picture := string(read("decode/420_31x19.jpg"))
	files := map[string][]byte{
		"dtd-r1.0.1.tar.gz": packed(t, true, map[string]string{
			"dtd/images/banded/banded_0002.jpg": picture, "dtd/images/woven/woven_0001.jpg": picture, "dtd/imdb/imdb.mat": "MATLAB",
			"dtd/labels/train1.txt": "banded/banded_0002.jpg\n", "dtd/labels/val1.txt": "woven/woven_0001.jpg\n", "dtd/labels/test1.txt": "woven/woven_0001.jpg\n",
		}),
		"val_256.tar": packed(t, false, map[string]string{"val_256/Places365_val_00000001.jpg": picture, "val_256/Places365_val_00000002.jpg": picture}),
		"val.tar.gz":  packed(t, true, map[string]string{"val/00000_Animalia_Annelida_Clitellata_Haplotaxida_Lumbricidae_Lumbricus_terrestris/4a9f.jpg": picture}),
	}
	for _, name := range []string{"cifar-10-binary.tar.gz", "cifar-10-python.tar.gz", "cifar-100-binary.tar.gz", "cifar-100-python.tar.gz"} {
		files[name] = read("cifar/" + name)
	}
	for _, name := range []string{"train_32x32.mat", "test_32x32.mat", "extra_32x32.mat"} {
		files[name] = read("svhn/compressed.mat")
	}
	for _, name := range []string{"imagenette2", "imagenette2-320", "imagenette2-160"} {
		files[name+".tgz"] = packed(t, true, map[string]string{
			name + "/train/n01440764/n01440764_10026.JPEG": picture, name + "/val/n03888257/n03888257_1230.JPEG": picture, name + "/noisy_imagenette.csv": "path\n",
		})
	}
	return files
}

// packed makes a tar archive, gzipped or not.
func packed(t *testing.T, zipped bool, files map[string]string) []byte {
	t.Helper()
	var plain, z bytes.Buffer
	w := tar.NewWriter(&plain)
	for name, text := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(text)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(text))
	}
	w.Close()
	if !zipped {
		return plain.Bytes()
	}
	g := gzip.NewWriter(&z)
	g.Write(plain.Bytes())
	g.Close()
	return z.Bytes()
}
