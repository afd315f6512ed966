package imageset

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseClasses(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"names.txt": "\uFEFFcat\r\n\n great white shark \nn01440764\ttench, Tinca tinca", "empty.txt": "\n \n", "a,b": "x", "bin": "a\x00b"})
	for _, c := range []struct {
		arg  string
		want []string
		err  string
	}{
		{"dog, cat ,bird", []string{"dog", "cat", "bird"}, ""},
		{filepath.Join(dir, "names.txt"), []string{"cat", "great white shark", "n01440764 tench, Tinca tinca"}, ""},
		{filepath.Join(dir, "a,b"), []string{"x"}, ""},
		{filepath.Join(dir, "empty.txt"), nil, "there are no class names"},
		{filepath.Join(dir, "bin"), nil, "not a text file"},
		{dir, nil, "read class names"},
		{"cat", nil, "no such file"},
		{",", nil, "there are no class names"},
	} {
		got, err := ParseClasses(c.arg)
		if !reflect.DeepEqual(got, c.want) || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %q, %v", c.arg, got, err)
		}
	}
}

// TestRelabel: a folder's labels become the numbers of its names.
func TestRelabel(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"cat/1.png": "", "n01440764/1.png": "", "zebra/1.png": "", "0.png": "", "note.txt": "", "list.txt": "a.png 1\nb.png -1\nc.png 0\n"})
	for _, c := range []struct {
		source        string
		names, images []string
		others        []string
		err           string
	}{
		{"", []string{"zebra", "n01440764 tench, Tinca tinca", "emu", "cat"}, []string{"0.png=-1", "cat/1.png=3", "n01440764/1.png=1", "zebra/1.png=0"}, nil, ""},
		{"", []string{"zebra", "zebra crossing"}, []string{"0.png=-1", "cat/1.png=-1", "n01440764/1.png=-1", "zebra/1.png=0"}, []string{"cat", "n01440764"}, ""},
		{"", []string{"crane", "crane", "cat"}, []string{"0.png=-1", "cat/1.png=2", "n01440764/1.png=-1", "zebra/1.png=-1"}, []string{"n01440764", "zebra"}, ""},
		{"", []string{"cat", "zebra", "cat"}, nil, nil, `--classes has "cat" twice, as label 0 and 2`},
		{"", []string{"Cat", "a", "b", "c"}, nil, nil, "none of the 3 class names of " + dir + " (cat, n01440764, zebra) is among the 4 names of --classes (Cat, a, b, ...)"},
		{"/list.txt", []string{"x", "y"}, []string{"a.png=1", "b.png=-1", "c.png=0"}, nil, ""},
	} {
		src, err := Open(dir + c.source)
		if err != nil {
			t.Fatal(err)
		}
		src, others, err := Relabel(src, c.names)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q: error %v, want one with %q", c.names, err, c.err)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(others, c.others) || !reflect.DeepEqual(src.Classes(), c.names) {
			t.Errorf("%q: others %q, classes %q, %v", c.names, others, src.Classes(), err)
			continue
		}
		if got := pass(t, src); !reflect.DeepEqual(got, c.images) {
			t.Errorf("%q: images %q, want %q", c.names, got, c.images)
		}
	}
}

// TestRelabelKeeps: numbers beyond the names are an error, and what a source
// can do it can still.
func TestRelabelKeeps(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"cat/1.png": "", "note.txt": "", "list.txt": "a.png 1\n"})
	list, err := Open(dir + "/list.txt")
	if err != nil {
		t.Fatal(err)
	}
	if list, _, err = Relabel(list, []string{"x"}); err != nil {
		t.Fatal(err)
	}
	_, err = Load(t.Context(), list, preset(t, "cifar10"), Options{MaxBad: 1}, new(loaded).take)
	if err == nil || !strings.Contains(err.Error(), "image a.png has label 1, which is beyond the 1 name of --classes") {
		t.Errorf("a label beyond the names: %v", err)
	}
	if n := list.(counter).count(t.Context(), 9); n != -1 {
		t.Errorf("a list counts %d", n)
	}
	src, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if src, _, err = Relabel(src, []string{"cat"}); err != nil {
		t.Fatal(err)
	}
	report, _ := Load(t.Context(), src, preset(t, "cifar10"), Options{MaxBad: 1}, new(loaded).take)
	if n := src.(counter).count(t.Context(), 9); n != 1 || report.Ignored != 2 {
		t.Errorf("count %d, %d ignored", n, report.Ignored)
	}
}

func FuzzClasses(f *testing.F) {
	f.Add("n01440764 tench, Tinca tinca\nn01443537\tgoldfish\n")
	f.Add("\uFEFFcat\r\ndog\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		names, err := trimNames(strings.Split(text, "\n"))
		if err != nil {
			return
		}
		for _, name := range names {
			if name == "" || !utf8.ValidString(name) || strings.ContainsAny(name, "\n\t") {
				t.Errorf("name %q", name)
			}
		}
		if _, err := indexNames(names, nil); err != nil {
			t.Error(err)
		}
	})
}
