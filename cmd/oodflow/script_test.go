package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/classifier"
	"github.com/oodflow/oodflow/internal/demo"
)

// TestScripts runs testdata/script. The scripts see
//
//	$MODEL     the demonstration's classifier
//	$MODELS    small classifiers with random weights
//	$CIFAR     CIFAR-10 and CIFAR-100 of a few images, in all forms
//	$PARQUET   small files of images
//	$GRAPHS    gzipped graphs of other models, without weights
//	$IMAGES    small image sets drawn by the demonstration: id-train, id-test, near-ood, far-ood
//	$FEATURES  features of those sets, id-train.safetensors and so on, and detector.safetensors
//	$SERVER    a server for fetch, see fetchServer, and $PROXY, the same as a proxy
//
// and, beside testscript's own commands, those of this file whose names begin with cmd.
func TestScripts(t *testing.T) {
	shared := t.TempDir()
	prepareScripts(t, shared)
	server := newFetchServer(t, shared)
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			for _, v := range scriptVariables(shared) {
				name, value, _ := strings.Cut(v, "=")
				env.Setenv(name, value)
			}
			env.Setenv("SERVER", server.address())
			env.Setenv("PROXY", server.URL)
			env.Setenv("FETCH_CATALOGUE", filepath.Join(shared, "catalogue.json"))
			return nil
		},
		Condition: scriptCondition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":     cmdExits,
			"interrupt": cmdInterrupt,
			"json":      cmdJSON,
			"npy":       cmdNPY,
			"truncate":  cmdTruncate,
			"flip":      cmdFlip,
			"gunzip":    cmdGunzip,
			"relabel":   cmdRelabel,
			"replace":   cmdReplace,
			"near":      cmdNear,
			"each":      cmdEach,
		},
	})
}

// demoFolder holds the demonstration's classifier. It is absolute, since tests change folders.
var demoFolder = func() string {
	folder, err := filepath.Abs(filepath.Join("..", "..", "testdata", "demo"))
	if err != nil {
		panic(err)
	}
	return folder
}()

func scriptVariables(shared string) []string {
	vars := []string{
		"MODEL=" + filepath.Join(demoFolder, "classifier.onnx"), "IMAGES=" + filepath.Join(shared, "images"), "FEATURES=" + shared,
		"MODELS=" + filepath.Join(demoFolder, "..", "..", "internal", "classifier", "testdata"),
		"CIFAR=" + filepath.Join(demoFolder, "..", "..", "internal", "imageset", "testdata", "cifar"),
		"PARQUET=" + filepath.Join(demoFolder, "..", "..", "internal", "parquet", "testdata"),
		"VECTORS=" + filepath.Join(demoFolder, "..", "..", "internal", "parquet", "testdata", "vectors"),
		"SETS=" + filepath.Join(demoFolder, "..", "..", "features", "testdata"),
		"GRAPHS=" + filepath.Join(demoFolder, "..", "..", "internal", "onnx", "testdata"),
	}
	if lib, err := classifier.FindLibrary(""); err == nil {
		vars = append(vars, "LIBRARY="+lib.Path)
	}
	return vars
}

// scriptCondition adds [ort], whether ONNX Runtime is there.
func scriptCondition(cond string) (bool, error) {
	if cond != "ort" {
		return false, fmt.Errorf("unknown condition %q", cond)
	}
	_, err := classifier.FindLibrary("")
	return err == nil && !pureGo(), nil
}

// prepareScripts draws images and runs the commands once over them, so that the scripts need not.
func prepareScripts(t *testing.T, dir string) {
	t.Helper()
	images := filepath.Join(dir, "images")
	if err := demo.Write(images, demo.Options{Seed: 1, Train: 300, Test: 100, Near: 40, Far: 40}); err != nil {
		t.Fatal(err)
	}
	model := filepath.Join(demoFolder, "classifier.onnx")
	for _, set := range []string{"id-train", "id-test", "near-ood", "far-ood"} {
		mustRun(t, "extract", "--engine", "gorgonia", "--model", model, "--images", filepath.Join(images, set), "--out", filepath.Join(dir, set+".safetensors"))
	}
	mustRun(t, "train", "--method", "mahalanobis++", "--features", filepath.Join(dir, "id-train.safetensors"), "--out", filepath.Join(dir, "detector.safetensors"))
}

// drawExampleFiles makes the files of the examples in the help, in the current folder.
func drawExampleFiles(t *testing.T) {
	t.Helper()
	if err := demo.Write("drawn", demo.Options{Seed: 1, Train: 200, Test: 50, Near: 20, Far: 20}); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{
		"drawn/id-train": "photos/train", "drawn/id-test": "photos/val", "drawn/far-ood": "textures", "drawn/near-ood": "inbox",
	} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o777), os.Rename(from, to)); err != nil {
			t.Fatal(err)
		}
	}
	for _, suffix := range []string{".onnx", ".preprocessor_config.json"} {
		data, err := os.ReadFile(filepath.Join(demoFolder, "classifier"+suffix))
		if err == nil {
			err = os.WriteFile("resnet"+suffix, data, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// mustRun runs a command line in this process and returns what it wrote to stdout.
func mustRun(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if status := run(args, &out, &errs); status != 0 {
		t.Fatalf("oodflow %s: exit status %d\n%s", strings.Join(args, " "), status, &errs)
	}
	return out.String()
}

// cmdExits runs a program that must end with an exit status: exits STATUS PROGRAM [ARGUMENT...].
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS PROGRAM [ARGUMENT...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// cmdInterrupt runs oodflow, sends SIGINT after its first words on stderr and a moment, and wants exit status 130:
// interrupt ARGUMENT...
//
// Where the environment has GROWS, a file, it waits until that holds 10,000 bytes.
// The file list.txt, which it writes, lists one image so many times that no machine gets to its end.
func cmdInterrupt(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("interrupt cannot be negated")
	}
	line := filepath.Join(ts.Getenv("IMAGES"), "far-ood", "stripes-0001.png") + "\n"
	ts.Check(os.WriteFile(ts.MkAbs("list.txt"), []byte(strings.Repeat(line, 1_000_000)), 0o666))
	self, err := os.Executable()
	ts.Check(err)
	r, w, err := os.Pipe()
	ts.Check(err)
	cmd := &exec.Cmd{
		Path: self, Args: append([]string{"oodflow"}, args...), Dir: ts.Getenv("WORK"), Stderr: w,
		Env: append(os.Environ(), "FETCH_CATALOGUE="+ts.Getenv("FETCH_CATALOGUE")),
	}
	ts.Check(cmd.Start())
	w.Close()
	var first [1]byte
	_, err = r.Read(first[:])
	ts.Check(err)
	time.Sleep(time.Second)
	for grows, end := ts.Getenv("GROWS"), time.Now().Add(time.Minute); grows != "" && time.Now().Before(end); time.Sleep(time.Millisecond) {
		if st, err := os.Stat(ts.MkAbs(grows)); err == nil && st.Size() > 10_000 {
			break
		}
	}
	ts.Check(cmd.Process.Signal(syscall.SIGINT))
	rest, err := io.ReadAll(r)
	ts.Check(err)
	cmd.Wait()
	ts.Check(os.WriteFile(ts.MkAbs("stderr.txt"), append(first[:], rest...), 0o666))
	if got := cmd.ProcessState.ExitCode(); got != exitInterrupted {
		ts.Fatalf("exit status %d, want %d\n%s%s", got, exitInterrupted, first[:], rest)
	}
}

// cmdJSON wants the last command's stdout, or a file, to be a JSON object with exactly these keys on top:
// json stdout|FILE KEY...
func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: json stdout|FILE KEY...")
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(ts.ReadFile(args[0])), &object); err != nil {
		ts.Fatalf("%s: %v", args[0], err)
	}
	var keys []string
	for key := range object {
		keys = append(keys, key)
	}
	want := slices.Clone(args[1:])
	slices.Sort(keys)
	slices.Sort(want)
	if !slices.Equal(keys, want) {
		ts.Fatalf("keys %v, want %v", keys, want)
	}
}

// cmdTruncate cuts a file: truncate SIZE FILE.
func cmdTruncate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: truncate SIZE FILE")
	}
	size, err := strconv.ParseInt(args[0], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[1]), size))
}

// cmdFlip changes the last byte of a file, or the one of that number: flip FILE [BYTE].
func cmdFlip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: flip FILE [BYTE]")
	}
	data := []byte(ts.ReadFile(args[0]))
	at := len(data) - 1
	if len(args) > 1 {
		var err error
		at, err = strconv.Atoi(args[1])
		ts.Check(err)
	}
	data[at] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o666))
}

// cmdGunzip unpacks a file: gunzip FROM TO.
func cmdGunzip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: gunzip FROM TO")
	}
	r, err := gzip.NewReader(strings.NewReader(ts.ReadFile(args[0])))
	ts.Check(err)
	data, err := io.ReadAll(r)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), data, 0o666))
}

// cmdNPY writes an n×d float32 array with distinct values: npy FILE N D [nan|zero|big]. With nan the value in row 1, column 0 is NaN,
// with zero all of row 1 is 0, with big that value is close to the largest.
func cmdNPY(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: npy FILE N D [nan|zero|big]")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	d, err := strconv.Atoi(args[2])
	ts.Check(err)
	rng := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, n*d)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	switch fault := strings.Join(args[3:], " "); fault {
	case "nan":
		x[d] = float32(math.NaN())
	case "zero":
		clear(x[d : 2*d])
	case "big":
		x[d] = 2e38
	}
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", n, d)
	header += strings.Repeat(" ", 63-(10+len(header))%64) + "\n"
	b := []byte("\x93NUMPY\x01\x00")
	b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
	b = append(b, header...)
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o666))
}

// cmdReplace replaces the one place where a text is in a file: replace FILE OLD NEW.
func cmdReplace(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: replace FILE OLD NEW")
	}
	data := ts.ReadFile(args[0])
	if n := strings.Count(data, args[1]); n != 1 {
		ts.Fatalf("%q is %d times in %s", args[1], n, args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(data, args[1], args[2], 1)), 0o666))
}

// cmdNear wants the numbers in a column of two CSV files to differ by no more than a share of them: near SHARE COLUMN FILE FILE.
func cmdNear(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: near SHARE COLUMN FILE FILE")
	}
	share, err := strconv.ParseFloat(args[0], 64)
	ts.Check(err)
	a, b := csvColumn(ts, args[2], args[1]), csvColumn(ts, args[3], args[1])
	if len(a) != len(b) || len(a) == 0 {
		ts.Fatalf("%d and %d rows", len(a), len(b))
	}
	for i, v := range a {
		if !(math.Abs(v-b[i]) <= share*math.Abs(v)) {
			ts.Fatalf("row %d: %v and %v", i+1, v, b[i])
		}
	}
}

// csvColumn reads the numbers below a heading.
func csvColumn(ts *testscript.TestScript, file, heading string) []float64 {
	rows, err := csv.NewReader(strings.NewReader(ts.ReadFile(file))).ReadAll()
	ts.Check(err)
	j := slices.Index(rows[0], heading)
	if j < 0 {
		ts.Fatalf("%s: no column %s", file, heading)
	}
	var numbers []float64
	for _, row := range rows[1:] {
		v, err := strconv.ParseFloat(row[j], 64)
		ts.Check(err)
		numbers = append(numbers, v)
	}
	return numbers
}

// cmdRelabel copies a file of features as if another classifier had made it: relabel FROM TO.
func cmdRelabel(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: relabel FROM TO")
	}
	set, err := features.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	set.Provenance.Classifier = "other.onnx"
	set.Provenance.ClassifierSHA256 = strings.Repeat("0123456789abcdef", 4)
	ts.Check(features.Save(ts.MkAbs(args[1]), set))
}
