package imageset

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// parquetFile is a file of package parquet's tests; testdata/gen/parquet.mjs
// says what is in it.
func parquetFile(name string) string {
	return filepath.Join("..", "parquet", "testdata", name+".parquet")
}

// parquetRows are what pass returns of such a file.
func parquetRows(t testing.TB, name, base string) (out []string) {
	t.Helper()
	var rows []struct{ Label *int64 }
	if err := json.Unmarshal(read(t, strings.TrimSuffix(parquetFile(name), "parquet")+"json"), &rows); err != nil {
		t.Fatal(err)
	}
	for i, r := range rows {
		label := Unlabelled
		if r.Label != nil {
			label = *r.Label
		}
		out = append(out, fmt.Sprintf("%s#%d=%d", base, i, label))
	}
	return out
}

func TestParquet(t *testing.T) {
	dir := t.TempDir()
	for to, from := range map[string]string{
		"train-00000-of-00002.parquet": "snappy", "train-00001-of-00002.parquet": "zstd", "test-00000-of-00001-0123456789abcdef.parquet": "gzip", "x[1].parquet": "groups",
	} {
		write(t, dir, map[string]string{to: string(read(t, parquetFile(from)))})
	}
	all := append(parquetRows(t, "snappy", "train-00000-of-00002.parquet"), parquetRows(t, "zstd", "train-00001-of-00002.parquet")...)
	named := []string{"cat", "dog", "emu"}
	for _, c := range []struct {
		source string
		want   []string
		names  []string
	}{
		{parquetFile("snappy"), parquetRows(t, "snappy", "snappy.parquet"), named},
		{"parquet:" + parquetFile("groups"), parquetRows(t, "groups", "groups.parquet"), nil},
		{"parquet:" + dir + "#train", all, named},
		{"parquet:" + dir + "/train-*", all, named},
		{"parquet:" + dir + "/*#test", parquetRows(t, "gzip", "test-00000-of-00001-0123456789abcdef.parquet"), named},
		{"parquet:" + dir + "/x[1].parquet", parquetRows(t, "groups", "x[1].parquet"), nil},
	} {
		src, err := Open(c.source)
		if err != nil {
			t.Errorf("%s: %v", c.source, err)
			continue
		}
		if got := pass(t, src); !reflect.DeepEqual(got, c.want) || !reflect.DeepEqual(src.Classes(), c.names) || src.Len() != len(c.want) {
			t.Errorf("%s: images\n%q, want\n%q; classes %q", c.source, got, c.want, src.Classes())
		}
	}
}

// TestParquetPictures: the rows' pictures are decoded, and those without one
// are skipped by row.
func TestParquetPictures(t *testing.T) {
	src, err := Open(parquetFile("groups"))
	if err != nil {
		t.Fatal(err)
	}
	var got loaded
	report, err := Load(t.Context(), src, preset(t, "cifar10"), Options{MaxBad: 0.2}, got.take)
	if err != nil || report.Images != 26 || len(report.Skipped) != 4 {
		t.Fatalf("%d images, skipped %+v, %v", report.Images, report.Skipped, err)
	}
	if s := report.Skipped[1]; s.ID != "groups.parquet#13" || s.Reason != "the row holds no picture" {
		t.Errorf("skipped %+v", s)
	}
	dir := t.TempDir()
	for i, name := range []string{"420_4x5.jpg", "gray_2bit.png", "420_1x1.jpg", "bilevel.png"} {
		write(t, dir, map[string]string{fmt.Sprintf("%d-%s", i, name): string(read(t, "testdata/decode/"+name))})
	}
	folder, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var want loaded
	if _, err := Load(t.Context(), folder, preset(t, "cifar10"), Options{}, want.take); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.first[:4], want.first) {
		t.Errorf("pixels %v, want %v", got.first[:4], want.first)
	}
}

func TestParquetRefuses(t *testing.T) {
	dir := t.TempDir()
	snappy := string(read(t, parquetFile("snappy")))
	write(t, dir, map[string]string{
		"two/train-00000-of-00001.parquet": snappy, "two/test-00000-of-00001.parquet": snappy, "empty/": "", "text.parquet": "no parquet here at all",
		"mixed/a-0-of-2.parquet": snappy, "mixed/a-1-of-2.parquet": string(read(t, parquetFile("groups"))),
		"other/o.parquet": strings.ReplaceAll(snappy, "bytes", "bites"),
	})
	for source, want := range map[string]string{
		"parquet:" + dir + "/two":             "has the splits test, train: say which, as " + dir + "/two#test",
		"parquet:" + dir + "/two#val":         `no files of the split "val": there are those of test, train`,
		"parquet:" + dir + "/empty":           "no .parquet files in",
		"parquet:" + dir + "/gone.parquet":    "no such file",
		"parquet:" + dir + "/[":               "syntax error in pattern",
		dir + "/text.parquet":                 "does not end in PAR1",
		"parquet:" + dir + "/mixed":           "have other class names",
		"parquet:" + dir + "/other/o.parquet": "expected a column image or img, a struct of bytes and path: the columns are image.bites BYTE_ARRAY",
	} {
		if _, err := Open(source); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", source, err, want)
		}
	}
}

// TestParquetDamaged: a shard that is cut or changed after it was opened ends
// the run with an error that names it.
func TestParquetDamaged(t *testing.T) {
	whole := read(t, parquetFile("uncompressed"))
	path := filepath.Join(t.TempDir(), "x.parquet")
	for _, c := range []struct {
		after []byte
		want  string
	}{
		{whole[:len(whole)/2], "does not end in PAR1"},
		{read(t, parquetFile("groups")), "has changed since it was opened"},
		{append(append([]byte("PAR1"), make([]byte, 1000)...), whole[1004:]...), "read column image.bytes of row group 0"},
	} {
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
		src, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, c.after, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err = Load(t.Context(), src, preset(t, "cifar10"), Options{MaxBad: 1}, new(loaded).take)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("error %v, want one with %q", err, c.want)
		}
	}
}
