package features

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oodflow/oodflow/internal/atomicfile"
)

// partHeader and partBatches are a set in batches of different sizes, with all columns.
func partHeader() Header {
	return Header{
		D: 3, C: 2, Head: &Head{C: 2, D: 3, W: []float32{1, 2, 3, 4, 5, 6}, B: []float32{7, 8}}, Classes: []string{"cat", "dog"},
		Provenance: Provenance{Classifier: "c.onnx", ClassifierSHA256: "ab", Tensor: "t", Engine: "e 1", Version: "1.0"},
	}
}

func partBatches() []Batch {
	var all []Batch
	for k, n := range []int{3, 1, 5, 2, 4} {
		b := Batch{Features: random(uint64(k), n, 3, false), Logits: random(uint64(k), n, 2, false), Mark: []byte("mark " + strconv.Itoa(k))}
		for i := range n {
			b.Labels = append(b.Labels, int64(i%3)-1)
			b.IDs = append(b.IDs, strings.Repeat("ä/", i)+strconv.Itoa(k))
		}
		all = append(all, b)
	}
	return all
}

var partKey = map[string]string{"batch": "5"}

// leaveParts appends the first n batches and leaves them unfinished. It returns what is in the file then.
func leaveParts(t testing.TB, path string, n int) []byte {
	t.Helper()
	w, err := Begin(path, partHeader(), Part{Key: partKey})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range partBatches()[:n] {
		if err := w.Append(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Keep(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(PartPath(path))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// goOn resumes what is at path, appends the batches that are missing and closes. It returns how many were there.
func goOn(t testing.TB, path string) (before int, found Found, err error) {
	t.Helper()
	batches := partBatches()
	w, found, err := Resume(path, partHeader(), Part{Key: partKey, Mark: func(mark []byte) error {
		if want := fmt.Sprintf("mark %d", before); string(mark) != want {
			t.Errorf("mark %q, want %q", mark, want)
		}
		before++
		return nil
	}})
	if err != nil {
		return before, found, err
	}
	for _, b := range batches[before:] {
		if err := w.Append(b); err != nil {
			t.Fatal(err)
		}
	}
	return before, found, w.Close()
}

// wholeParts is the file that an undisturbed run writes.
func wholeParts(t testing.TB) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "whole")
	w, err := Create(path, partHeader())
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range partBatches() {
		if err := w.Append(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// scan opens bytes as what an unfinished set left, and returns how many batches are whole.
func scan(t *testing.T, path string, data []byte) (before int, found Found, err error) {
	t.Helper()
	if err := os.WriteFile(PartPath(path), data, 0o666); err != nil {
		t.Fatal(err)
	}
	w, found, err := Resume(path, partHeader(), Part{Key: partKey, Mark: func([]byte) error { before++; return nil }})
	if err == nil {
		err = w.Abort()
	} else if left, _ := os.ReadFile(PartPath(path)); !bytes.Equal(left, data) {
		t.Error("the refused file was changed")
	}
	return before, found, err
}

// Wherever the file ends when the process does, it is gone on with after the last whole batch, to the same bytes.
func TestResumeAfterAnyCut(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	want := wholeParts(t)
	whole := leaveParts(t, path, 5)
	batches := -1 // -1: the key is not whole
	for size := range len(whole) + 1 {
		before, found, err := scan(t, path, whole[:size])
		switch {
		case err != nil && (batches >= 0 || !strings.HasPrefix(err.Error(), path+".part: is ")):
			t.Fatalf("cut to %d of %d bytes: %v", size, len(whole), err)
		case err != nil:
			continue
		case before == batches && found.Lost == 0 || before > batches && found.Lost != 0 || found.Version != "1.0":
			t.Fatalf("cut to %d of %d bytes: %d batches, %+v", size, len(whole), before, found)
		case before != batches && before != batches+1:
			t.Fatalf("cut to %d of %d bytes: %d batches after %d", size, len(whole), before, batches)
		}
		if batches == before && size%32 > 0 { // the rest takes long
			continue
		}
		batches = before
		if err := os.WriteFile(PartPath(path), whole[:size], 0o666); err != nil {
			t.Fatal(err)
		}
		if again, _, err := goOn(t, path); again != before || err != nil {
			t.Fatalf("cut to %d of %d bytes: %d batches, then %d (%v)", size, len(whole), before, again, err)
		}
		got, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("cut to %d of %d bytes: resumed after %d batches, the bytes differ (%v)", size, len(whole), before, err)
		}
		holds(t, dir, "f")
	}
	if batches != 5 {
		t.Errorf("in the end %d batches, want 5", batches)
	}
}

// A byte that changed is noticed, and what is behind it is not believed.
func TestResumeAfterAnyFlip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	whole := leaveParts(t, path, 5)
	for at := range whole {
		flipped := slices.Clone(whole)
		flipped[at] ^= 1 << (at % 8)
		before, found, err := scan(t, path, flipped)
		if err == nil && (before == 5 || found.Lost == 0) || err != nil && before > 0 {
			t.Fatalf("flip at %d of %d: %d batches, %+v, %v", at, len(whole), before, found, err)
		}
	}
}

// What is behind a damage is gone from the file too, so that it cannot come back behind other batches.
func TestResumeCutsOff(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	data := leaveParts(t, path, 5)
	data[len(data)/2] ^= 1
	if err := os.WriteFile(PartPath(path), data, 0o666); err != nil {
		t.Fatal(err)
	}
	w, found, err := Resume(path, partHeader(), Part{Key: partKey, Mark: func([]byte) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Keep(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadFile(PartPath(path)); err != nil || found.Lost < 10 || !bytes.Equal(left, data[:len(data)-int(found.Lost)]) {
		t.Errorf("%d bytes are left of %d, %d lost (%v)", len(left), len(data), found.Lost, err)
	}
}

func TestResumeRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	whole := leaveParts(t, path, 2)
	resume := func(h Header, key map[string]string) error {
		_, _, err := Resume(path, h, Part{Key: key, Mark: func([]byte) error { return nil }})
		return err
	}
	for want, change := range map[string]func(h *Header, key map[string]string){
		"the feature dimension is 3 there and 4 here":                  func(h *Header, _ map[string]string) { h.D, h.Head = 4, nil },
		"the number of logits is 2 there and 0 here":                   func(h *Header, _ map[string]string) { h.C = 0 },
		"engine is e 1 there and e 2 here":                             func(h *Header, _ map[string]string) { h.Provenance.Engine = "e 2" },
		"pool is nothing there and mean here":                          func(h *Header, _ map[string]string) { h.Provenance.Pool = "mean" },
		`classes is ["cat","dog"] there and ["cat"] here`:              func(h *Header, _ map[string]string) { h.Classes = h.Classes[:1] },
		"batch is 5 there and 6 here":                                  func(_ *Header, key map[string]string) { key["batch"] = "6" },
		"shard is nothing there and 2 of 3, images 11 to 20 of 30 her": func(h *Header, _ map[string]string) { h.Shard = ShardOf(2, 3, 30, 5) },
		"head is ": func(h *Header, _ map[string]string) { h.Head.B[1] = 9 },
	} {
		h, key := partHeader(), map[string]string{"batch": "5"}
		change(&h, key)
		err := resume(h, key)
		if other := (*ResumeError)(nil); !errors.As(err, &other) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if err := resume(partHeader(), map[string]string{"batch": "6", "limit": "7"}); err == nil || !strings.HasSuffix(err.Error(),
		".part: is what another run left: batch is 5 there and 6 here; limit is nothing there and 7 here") {
		t.Errorf("error %v", err)
	}
	for text, want := range map[string]string{
		"":                    "is not what an interrupted extraction leaves",
		"short":               "is not what an interrupted extraction leaves",
		string(wholeParts(t)): "is not what an interrupted extraction leaves",
		strings.Replace(string(whole), "part 1", "part 2", 1): "version 2, and this oodflow writes version 1",
	} {
		os.WriteFile(PartPath(path), []byte(text), 0o666)
		if err := resume(partHeader(), partKey); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %s", text, err, want)
		}
	}
	os.Remove(PartPath(path))
	if err := resume(partHeader(), partKey); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: %v", err)
	}
	os.Mkdir(PartPath(path), 0o777)
	_, err := Begin(path, partHeader(), Part{})
	if err := errors.Join(err, resume(partHeader(), partKey)); err == nil || !strings.HasPrefix(err.Error(), "write "+path+".part: ") {
		t.Errorf("a folder: %v", err)
	}
}

// Two processes cannot write one file.
func TestPartHasOneWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	w, err := Begin(path, partHeader(), Part{Key: partKey})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	if _, err := Begin(path, partHeader(), Part{}); !errors.Is(err, atomicfile.ErrBusy) {
		t.Errorf("a second one begins: %v", err)
	}
	if _, _, err := Resume(path, partHeader(), Part{}); !errors.Is(err, atomicfile.ErrBusy) {
		t.Errorf("a second one resumes: %v", err)
	}
}

// What was appended outlives the process, whenever the next sync is due.
func TestPartOutlivesTheProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	w, err := Begin(path, partHeader(), Part{Key: partKey, Every: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	want := leaveParts(t, path+"2", 5)
	for i, b := range partBatches() {
		if err := w.Append(b); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(PartPath(path)); err != nil || !bytes.HasPrefix(want, got) || i == 4 && len(got) < len(want) || w.Safe() {
			t.Errorf("%d bytes in the file after batch %d, of %d in the end (%v), safe %v", len(got), i, len(want), err, w.Safe())
		}
	}
}

// What has been there for the time between two syncs is synced, without another call.
func TestPartIsSynced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	w, err := Begin(path, partHeader(), Part{Key: partKey, Every: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for _, b := range partBatches() {
		if err := w.Append(b); err != nil {
			t.Fatal(err)
		}
	}
	want := leaveParts(t, path+"2", 5)
	if got, err := os.ReadFile(PartPath(path)); err != nil || !bytes.Equal(got, want) || !w.Safe() {
		t.Errorf("%d bytes in the file, want %d (%v), safe %v", len(got), len(want), err, w.Safe())
	}
	if err := w.Abort(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(PartPath(path)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an aborted writer left its file: %v", err)
	}
}

// FuzzResume opens any bytes as an unfinished set. What it is gone on with can be closed and read.
func FuzzResume(f *testing.F) {
	path := filepath.Join(f.TempDir(), "f")
	for n := range 4 {
		whole := leaveParts(f, path, n)
		f.Add(whole)
		f.Add(whole[:len(whole)*2/3])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "f")
		// Checksums that are right bring the fuzzer past them.
		if err := os.WriteFile(PartPath(path), resealed(data), 0o666); err != nil {
			t.Fatal(err)
		}
		w, _, err := Resume(path, partHeader(), Part{Key: partKey, Mark: func([]byte) error { return nil }})
		if err != nil {
			return
		}
		n := w.Len()
		b := partBatches()[rand.IntN(5)]
		if err := errors.Join(w.Append(b), w.Close()); err != nil {
			t.Fatal(err)
		}
		s, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if want := n + len(b.Labels); s.N != want {
			t.Errorf("%d images, want %d", s.N, want)
		}
	})
}

// resealed puts the right checksum behind every record, as far as they can be told apart.
func resealed(data []byte) []byte {
	data = slices.Clone(data)
	for at := len(logMagic); at+recordEnds <= len(data); {
		rest := data[at:]
		n := uint64(0)
		for i := range 8 {
			n |= uint64(rest[i]) << (8 * i)
		}
		if n > uint64(len(rest)-recordEnds) {
			break
		}
		copy(rest, sealed(slices.Clone(rest[:8+n])))
		at += recordEnds + int(n)
	}
	return data
}
