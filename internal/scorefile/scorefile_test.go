package scorefile

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

const oodflowCSV = `id,ood_score,log_prob,p_value,is_ood,predicted,detector
a/1.png,-2500.0000001,2500.0000001,0.5,false,3,flow@0123456789ab
"b,""2"".png",-2499.9999999,2499.9999999,0.01,true,7,flow@0123456789ab
`

const oodflowJSON = `{"id":"a/1.png","ood_score":-2500.0000001,"log_prob":null,"p_value":0.5,"is_ood":false,"predicted":null,"detector":"flow@0123456789ab"}
{"id":"b,\"2\".png","ood_score":-2499.9999999,"log_prob":null,"p_value":0.01,"is_ood":true,"predicted":7,"detector":"flow@0123456789ab"}
`

func TestRead(t *testing.T) {
	ours := &File{Detector: "flow@0123456789ab", Scores: [][]float64{{-2500.0000001, -2499.9999999}}}
	for name, c := range map[string]struct {
		text    string
		columns []string
		want    *File
	}{
		"csv":             {oodflowCSV, nil, ours},
		"jsonl":           {oodflowJSON, nil, ours},
		"no newline":      {strings.TrimSuffix(oodflowCSV, "\n"), nil, ours},
		"carriage return": {strings.ReplaceAll(oodflowCSV, "\n", "\r\n"), nil, ours},
		"byte order mark": {"\ufeff" + oodflowCSV, nil, ours},
		"blank lines":     {strings.ReplaceAll(oodflowJSON, "\n", "\n\n"), nil, ours},
		"two columns":     {"id,score\nx,1\ny,-2e3\n", []string{"score"}, &File{Scores: [][]float64{{1, -2000}}}},
		"spaces":          {"id, score\nx, 1\n", []string{"score"}, &File{Scores: [][]float64{{1}}}},
		"two scores":      {"msp,id,knn\n1,x,2\n3,y,4\n", []string{"knn", "msp"}, &File{Scores: [][]float64{{2, 4}, {1, 3}}}},
		"two of JSON":     {`{"msp":1,"knn":2,"id":"x"}`, []string{"knn", "msp"}, &File{Scores: [][]float64{{2}, {1}}}},
	} {
		got, err := Read(strings.NewReader(c.text), c.columns)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, c.want)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty":              {"", "the file is empty"},
		"blank":              {"\n\n", "no scores"},
		"header only":        {"id,ood_score\n", "no scores"},
		"no header":          {"x.png,0.5\ny.png,0.7\n", "line 1: there is no id, only x.png, 0.5"},
		"no id":              {"image,ood_score\nx,1\n", "line 1: there is no id, only image, ood_score"},
		"no score":           {"id,score\nx,1\n", "line 1: there is no ood_score, only id, score"},
		"two such columns":   {"id,ood_score,ood_score\nx,1,2\n", "two columns ood_score"},
		"NaN":                {"id,ood_score\nx,1\ny,NaN\n", "line 3: the ood_score of image y is NaN"},
		"infinite":           {"id,ood_score\nx,-inf\n", "line 2: the ood_score of image x is -Inf"},
		"too large":          {"id,ood_score\nx,1e999\n", "line 2: the ood_score of image x is 1e999, which is too large"},
		"missing score":      {"id,ood_score\nx,\n", "line 2: the ood_score of image x is missing"},
		"no number":          {"id,ood_score\nx,1.5\ny,high\n", `line 3: the ood_score of image y is "high", which is no number`},
		"empty id":           {"id,ood_score\n,1\n", "line 2: the id is empty"},
		"duplicate":          {"id,ood_score\nx,1\ny,2\n\"z\n\",3\ny,4\nx,5\n", "line 6 has the same id as line 3"},
		"short row":          {"id,ood_score\nx,1\ny\n", "line 3 has not the 2 columns of the header"},
		"quote":              {"id,ood_score\nx,1\n\"y,2\n", "line 3: "},
		"two files":          {oodflowCSV + oodflowCSV, "line 4 repeats the header"},
		"mixed detectors":    {oodflowCSV + "c,1,2,3,true,4,knn@ba9876543210\n", "line 4: the score is by knn@ba9876543210, those before by flow@0123456789ab"},
		"detector forgotten": {oodflowCSV + "c,1,2,3,true,4,\n", "line 4: the score is by a detector that is not named"},
		"JSON array":         {"{\"id\":\"x\",\"ood_score\":1}\n[1]\n", "line 2 is no JSON object"},
		"JSON cut":           {oodflowJSON[:len(oodflowJSON)-20], "line 2 is no JSON object"},
		"JSON null":          {"{\"id\":\"x\",\"ood_score\":1}\nnull\n", "line 2: there is no id"},
		"JSON NaN":           {`{"id":"x","ood_score":NaN}`, "line 1 is no JSON object: invalid character 'N'"},
		"JSON no score":      {`{"id":"x","score":1}`, "line 1: there is no ood_score, only id, score"},
		"JSON no id":         {`{"ood_score":1}`, "line 1: there is no id, only ood_score"},
		"JSON missing":       {`{"id":"x","ood_score":null}`, "the ood_score of image x is missing"},
		"JSON text":          {`{"id":"x","ood_score":"1"}`, `the ood_score of image x is "1", which is no number`},
		"JSON too large":     {`{"id":"x","ood_score":1e999}`, "is 1e999, which is too large"},
		"JSON id":            {`{"id":7,"ood_score":1}`, "line 1: the id is 7, which is no string"},
		"JSON detector":      {`{"id":"x","ood_score":1,"detector":7}`, "line 1: the detector is 7, which is no string"},
		"JSON duplicate":     {"{\"id\":\"x\",\"ood_score\":1}\n\n{\"id\":\"x\",\"ood_score\":1}", "line 3 has the same id as line 1"},
		"JSON mixed":         {oodflowJSON + `{"id":"x","ood_score":1}`, "line 3: the score is by a detector that is not named"},
		"JSON long line":     {`{"id":"` + strings.Repeat("x", lineLimit) + `"}`, "line 1 is longer than"},
	} {
		if got, err := Read(strings.NewReader(c.text), nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %+v, %v, want %q", name, got, err, c.want)
		}
	}
}

func TestOpenNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.csv")
	if _, err := Open(path, nil); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "s.csv") {
		t.Errorf("missing: %v", err)
	}
	if err := os.WriteFile(path, []byte("id,ood_score\nx,NaN\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, nil); err == nil || !strings.HasPrefix(err.Error(), "read "+path+": line 2: ") {
		t.Errorf("NaN: %v", err)
	}
	var column *ColumnError
	if _, err := Open(path, []string{"score"}); !errors.As(err, &column) || column.Missing != "score" {
		t.Errorf("column: %v", err)
	}
}

// TestMemory: what is kept of a row is its score, and while reading 16 bytes for its id.
func TestMemory(t *testing.T) {
	const n = 200_000
	var b strings.Builder
	b.WriteString("id,ood_score\n")
	for i := range n {
		fmt.Fprintf(&b, "some/long/folder/of/images/and/a/class/%08d.jpeg,%d.25\n", i, i)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f, err := Read(strings.NewReader(b.String()), nil)
	if err != nil || f.N() != n {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if kept := float64(after.HeapAlloc) - float64(before.HeapAlloc); kept > 16*n {
		t.Errorf("%.0f bytes a row are kept", kept/n)
	}
	runtime.KeepAlive(f)
}

// FuzzRead: what is accepted has a finite score for each image, and as many in each column.
func FuzzRead(f *testing.F) {
	f.Add(oodflowCSV, "ood_score")
	f.Add(oodflowJSON, "ood_score")
	f.Add("id,score\nx,1\ny,-2e3\n", "score")
	f.Add("\ufeffid,score,detector\r\n\"x\n\",0x1p-3,a\r\n", "score")
	f.Add("{\"id\":\"\\ud800\",\"s\":-0.0}\n{}", "s")
	f.Fuzz(func(t *testing.T, text, column string) {
		file, err := Read(strings.NewReader(text), []string{column, column})
		if err != nil {
			return
		}
		if file.N() == 0 || len(file.Scores[1]) != file.N() {
			t.Fatalf("%d and %d scores", file.N(), len(file.Scores[1]))
		}
		for _, v := range file.Scores[0] {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Fatalf("a score is %v", v)
			}
		}
	})
}
