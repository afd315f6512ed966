package eval

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// published compiles the schema that users get.
func published(t *testing.T) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	s, err := c.Compile("../docs/eval.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// valid holds JSON against the schema.
func valid(t *testing.T, s *jsonschema.Schema, text string) error {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

// full is a report that has everything a report can have.
func full(t *testing.T) *Report {
	t.Helper()
	r := rand.New(rand.NewPCG(31, 32))
	id, sets := normal(r, 60, 0, 1), []string{"near", "far"}
	var scored []Scores
	for d, name := range []string{"flow", "knn", "msp"} {
		s := Scores{Detector: name, ID: id}
		for i := range sets {
			s.OOD = append(s.OOD, normal(r, 50, float64(d+i), 1))
		}
		scored = append(scored, s)
	}
	results, err := EvaluateAll(sets, scored)
	if err != nil {
		t.Fatal(err)
	}
	oscr := 0.5
	results[0].OSCR = &oscr
	report := &Report{ID: "id", Convention: openOOD, Results: results, Skipped: []Skip{{"react", "needs the head"}}, Warnings: []string{"few images"},
		Scores: &KeptScores{ID: id, OOD: map[string][]float64{"near": scored[0].OOD[0], "far": scored[0].OOD[1]}}}
	previous := *report
	err = report.Apply(Gates{Confidence: 0.9, Previous: &previous, Bounds: []Gate{
		auroc("", 0.9), {Metric: GateFPR95, OOD: "far", Bound: 0.1}, {Metric: GateGain, Baseline: "knn", Strict: true}, {Metric: GateGain, Baseline: "msp", Bound: -0.5},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// TestJSONFitsTheSchema: what is written is what docs/eval.schema.json says, and nothing in that is made up. A field that is new
// belongs there, too.
func TestJSONFitsTheSchema(t *testing.T) {
	s := published(t)
	for name, r := range map[string]*Report{"sample": sample(t), "hostile": hostile(t), "empty": {ID: "x"}, "full": full(t), "benchmark": summary(t, 3)} {
		if name == "hostile" { // measured by nobody
			for i := range r.Results {
				r.Results[i].NID, r.Results[i].NOOD = 1, 1
			}
		}
		if err := valid(t, s, rendered(t, r, "json")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	var schema any
	text := rendered(t, full(t), "json") + rendered(t, summary(t, 3), "json")
	if err := json.Unmarshal(readFile(t, "../docs/eval.schema.json"), &schema); err != nil {
		t.Fatal(err)
	}
	for _, key := range properties(schema) {
		if !strings.Contains(text, `"`+key+`": `) {
			t.Errorf("the schema has %q, which no report has", key)
		}
	}
}

// TestSchemaRefuses: the schema is not one that takes everything.
func TestSchemaRefuses(t *testing.T) {
	s := published(t)
	text := rendered(t, full(t), "json")
	for from, to := range map[string]string{
		`"auroc": 0`: `"auroc": 1`, `"n_id": 60`: `"n_id": 0`, `"passed": `: `"past": `, `"metric": "auroc"`: `"metric": "aupr"`,
		`"autc": `: `"tuac": `, `"level": 0.9`: `"level": 90`, `"paired": true`: `"paired": 1`, `"reason": `: `"why": `,
	} {
		changed := strings.Replace(text, from, to, 1)
		if changed == text {
			t.Fatalf("there is no %s", from)
		}
		if valid(t, s, changed) == nil {
			t.Errorf("%s instead of %s was accepted", to, from)
		}
	}
}

// properties lists the names that a schema gives to properties.
func properties(schema any) []string {
	var names []string
	switch v := schema.(type) {
	case map[string]any:
		for key, value := range v {
			if defined, ok := value.(map[string]any); ok && key == "properties" {
				for name := range defined {
					names = append(names, name)
				}
			}
			names = append(names, properties(value)...)
		}
	case []any:
		for _, value := range v {
			names = append(names, properties(value)...)
		}
	}
	return names
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
