package imageset

import (
	"encoding/json"
	"errors"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// marked is what a run of Load handed over, batch by batch.
type marked struct {
	ids   [][]string
	first []float32 // the first value of each tensor
	marks []Mark
}

func (m *marked) take(b *Batch) error {
	m.ids = append(m.ids, slices.Clone(b.IDs))
	for i := range b.N {
		m.first = append(m.first, b.Input[i*b.C*b.H*b.W])
	}
	m.marks = append(m.marks, b.Mark)
	return nil
}

// TestLoadGoesOn: from whatever batch on, a second Load hands over what the first one did, and reports the same.
func TestLoadGoesOn(t *testing.T) {
	src := folder(t, 40, "000-empty.png", "010-text.jpg", "013-cut.png", "020-empty.png", "039-text.png", "zzz-cut.png")
	pre := preset(t, "cifar10")
	for _, opt := range []Options{
		{Batch: 8, MaxBad: 0.2}, {Batch: 1, MaxBad: 0.2}, {Batch: 7, MaxBad: 0.2, First: 3, Limit: 39}, {Batch: 100, MaxBad: 1, First: 45},
	} {
		var whole marked
		report, err := Load(t.Context(), src, pre, opt, whole.take)
		if err != nil && opt.First < 45 {
			t.Fatal(err)
		}
		var skipped []Skip
		for i, m := range whole.marks {
			skipped = append(skipped, m.Skipped...)
			text, err := json.Marshal(Mark{m.Images, m.Sum, skipped})
			if err != nil {
				t.Fatal(err)
			}
			opt := opt
			if err := json.Unmarshal(text, &opt.After); err != nil {
				t.Fatal(err)
			}
			var last Progress
			opt.Progress = func(p Progress) { last = p }
			var rest marked
			again, err := Load(t.Context(), src, pre, opt, rest.take)
			if err != nil {
				t.Fatal(err)
			}
			report.Times, again.Times = Times{}, Times{}
			if !reflect.DeepEqual(again, report) {
				t.Errorf("%+v, after batch %d: report %+v, want %+v", opt, i, again, report)
			}
			done := 0
			for _, ids := range whole.ids[:i+1] {
				done += len(ids)
			}
			if !slices.EqualFunc(rest.ids, whole.ids[i+1:], slices.Equal) || !slices.Equal(rest.first, whole.first[done:]) {
				t.Errorf("%+v, after batch %d: %v, want %v", opt, i, rest.ids, whole.ids[i+1:])
			}
			if total := len(report.Skipped) + report.Images; last.Done != total || last.Total != total {
				t.Errorf("%+v, after batch %d: last progress %+v of %d images", opt, i, last, total)
			}
		}
	}
}

// TestBatchesAreOfTheSource: which images are in a batch depends on their places alone, so that what could not be read
// moves no other image to another batch.
func TestBatchesAreOfTheSource(t *testing.T) {
	src := folder(t, 12, "002-empty.png")
	var got marked
	if _, err := Load(t.Context(), src, preset(t, "cifar10"), Options{Batch: 4, MaxBad: 0.5}, got.take); err != nil {
		t.Fatal(err)
	}
	want := "000.png 001.png 002.png|003.png 004.png 005.png 006.png|007.png 008.png 009.png 010.png|011.png"
	var text []string
	for _, ids := range got.ids {
		text = append(text, strings.Join(ids, " "))
	}
	if s := strings.Join(text, "|"); s != want {
		t.Errorf("batches %s, want %s", s, want)
	}
}

// TestLoadNoticesOtherImages: a name, a size, a label or the number of the images passed over has changed.
func TestLoadNoticesOtherImages(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{"list": "a.txt 0\nb.txt 1\nc.txt\n"}
	for _, name := range []string{"a", "b", "c", "d"} {
		files[name+".txt"] = pngOf(t, 4, 4, color.Gray{Y: name[0]})
	}
	write(t, dir, files)
	list := filepath.Join(dir, "list")
	load := func(after *Mark) (m marked, err error) {
		src, err := Open(list)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Load(t.Context(), src, preset(t, "cifar10"), Options{Batch: 1, After: after}, m.take)
		return m, err
	}
	m, err := load(nil)
	if err != nil {
		t.Fatal(err)
	}
	after := m.marks[1]
	for _, c := range []struct {
		list  string
		other bool
	}{
		{"a.txt 0\nb.txt 1\nc.txt\n", false},
		{"a.txt 0\nb.txt 1\nd.txt\nc.txt", false}, // still to come
		{"b.txt 1\na.txt 0\nc.txt\n", true},
		{"a.txt 0\nb.txt 2\nc.txt\n", true},
		{"a.txt 0\nd.txt 1\nc.txt\n", true},
		{"a.txt 0\n", true},
	} {
		write(t, dir, map[string]string{"list": c.list})
		if _, err := load(&after); errors.Is(err, ErrOtherImages) != c.other {
			t.Errorf("list %q: %v", c.list, err)
		}
	}
	write(t, dir, map[string]string{"list": files["list"]})
	if err := os.Truncate(filepath.Join(dir, "b.txt"), 60); err != nil {
		t.Fatal(err)
	}
	if _, err := load(&after); !errors.Is(err, ErrOtherImages) {
		t.Errorf("a shorter file: %v", err)
	}
}

// TestLoadNoticesOtherPixels: in a container, whose images are often of one size, contents count.
func TestLoadNoticesOtherPixels(t *testing.T) {
	dir := t.TempDir()
	batch := make([]byte, 3073)
	for i := range 5 {
		batch[0] = byte(i)
		write(t, dir, map[string]string{fmt.Sprintf("data_batch_%d.bin", i+1): string(batch)})
	}
	load := func(after *Mark) (m marked, err error) {
		src, err := Open("cifar10:" + dir + "#train")
		if err != nil {
			t.Fatal(err)
		}
		_, err = Load(t.Context(), src, preset(t, "cifar10"), Options{Batch: 1, After: after}, m.take)
		return m, err
	}
	m, err := load(nil)
	if err != nil {
		t.Fatal(err)
	}
	after := m.marks[2]
	if _, err := load(&after); err != nil {
		t.Error(err)
	}
	batch[0], batch[2000] = 1, 1
	write(t, dir, map[string]string{"data_batch_2.bin": string(batch)})
	if _, err := load(&after); !errors.Is(err, ErrOtherImages) {
		t.Errorf("another pixel: %v", err)
	}
}

func TestCount(t *testing.T) {
	src := folder(t, 5, "a.png")
	n, err := Count(t.Context(), src)
	if n != 6 || err != nil {
		t.Errorf("%d images, %v", n, err)
	}
	stream, err := Opener{Stdin: strings.NewReader("a.png\n\nb.png 3\n")}.Open("-")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := Count(t.Context(), stream); n != 2 || err != nil {
		t.Errorf("%d images of a stream, %v", n, err)
	}
}
