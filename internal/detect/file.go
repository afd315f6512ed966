package detect

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/atomicfile"
	"github.com/oodflow/oodflow/internal/safetensors"
)

// A detector file is a safetensors file with these fields:
//
//	metadata         meaning
//	format           "oodflow-detector"
//	format_version   "1"
//	method           name of the detector
//	threshold        decimal, exact
//	feature_dim      features per image
//	logit_dim        logits per image of the training set, 0 for none
//	normalized       "true" when the method L2-normalises the features itself, for readers outside
//	classifier, classifier_sha256, tensor, pool, preprocess, engine, source, version
//	                 provenance of the training features; absent when not known
//	training         JSON, see Training
//	warnings         JSON list; absent when empty
//	detector.*       settings of the method
//
//	tensor           type, shape   meaning
//	reference        F64 [n]       scores of the held-out images, ascending
//	knn: bank        F32 [n,d]     training features as given; setting k
//	nnguide: bank    F32 [n,d]     as for knn; setting k
//	  energies       F64 [n]       of the logits of these images
//	mahalanobis, mahalanobis++:
//	  center         F64 [d]       subtracted first (after normalising, for ++)
//	  whiten         F64 [d,r]     whitening matrix
//	  means          F64 [c,r]     whitened class means
//	rmd, rmd++: as mahalanobis, and once more with the prefix "total." for the Gaussian of all images
//	react, ash, scale, dice, vim, fdbd:
//	  head.weight    F32 [c,d]     the classifier's last linear layer; for dice with zeros for what is left out
//	  head.bias      F32 [c]
//	react: setting clip; vim: setting alpha
//	vim, residual:
//	  origin         F64 [d]       subtracted first
//	  residual       F64 [d,r]     orthonormal columns, the norm along which counts
//	fdbd: mean       F64 [d]       middle of the training features; setting least_distance
//	klm: log_means   F64 [c,k]     logarithms of the mean probabilities, a column for each class that was predicted
//	she: patterns    F64 [c,d]     a mean of features for each class
//	flow: see [flow.Flow.State]; settings flow (JSON, [flow.Config]) and normalize ("true" or "false")
//	fusion: as flow; settings weight and logits
//	  standard       F64 [2,2]     rows: log-density, energy; columns: center, spread
//
// msp, maxlogit, energy, gen, klm, gradnorm, nnguide and she have the setting logits, the length of a row of logits, and gradnorm the
// setting features, that of a row of features.
const (
	fileFormat  = "oodflow-detector"
	fileVersion = "1"
)

// Save writes f to path; nothing appears under that name before the file is complete. Equal detectors give equal bytes.
func Save(path string, f *File) error {
	d, ok := f.Detector.(stored)
	if !ok {
		return fmt.Errorf("write %s: a %s detector cannot be kept in a file", path, f.Detector.Name())
	}
	meta, err := f.metadata()
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	e := &encoder{meta: meta}
	e.float64("reference", f.Reference, len(f.Reference))
	d.encode(e)
	return atomicfile.Write(path, e.writeTo)
}

// normalizer is a detector that says whether it L2-normalises the features itself.
type normalizer interface{ Normalizes() bool }

// metadata returns everything of f but its tensors and the method's settings.
func (f *File) metadata() (map[string]string, error) {
	meta := provenanceToMap(f.Provenance)
	maps.DeleteFunc(meta, func(_, v string) bool { return v == "" })
	training, err := json.Marshal(f.Training)
	if err != nil {
		return nil, fmt.Errorf("training report: %w", err)
	}
	if len(f.Warnings) > 0 {
		b, err := json.Marshal(f.Warnings)
		if err != nil {
			return nil, err
		}
		meta["warnings"] = string(b)
	}
	n, ok := f.Detector.(normalizer)
	maps.Copy(meta, map[string]string{
		"format":         fileFormat,
		"format_version": fileVersion,
		"method":         f.Detector.Name(),
		"threshold":      strconv.FormatFloat(f.Threshold, 'g', -1, 64),
		"feature_dim":    strconv.Itoa(f.D),
		"logit_dim":      strconv.Itoa(f.C),
		"normalized":     strconv.FormatBool(ok && n.Normalizes()),
		"training":       string(training),
	})
	return meta, nil
}

// Load reads a detector file. What is no detector file, one of a later version and one whose numbers are not finite or do not fit together are
// errors that name the file.
func Load(path string) (*File, error) {
	st, err := safetensors.Open(path)
	if err != nil {
		return nil, err
	}
	defer st.Close()
	f, err := decodeFile(st)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return f, nil
}

func decodeFile(st *safetensors.File) (*File, error) {
	meta := st.Metadata
	switch {
	case meta["format"] != fileFormat:
		return nil, fmt.Errorf("not a detector file, which oodflow train writes (its format is %q)", meta["format"])
	case meta["format_version"] != fileVersion:
		return nil, fmt.Errorf("detector format version %q; this oodflow reads version %s: use a later oodflow, or train again",
			meta["format_version"], fileVersion)
	}
	decode, ok := decoders[meta["method"]]
	if !ok {
		return nil, fmt.Errorf("detector of the unknown method %q; it may need a later oodflow", meta["method"])
	}
	f := &File{Provenance: provenanceFromMap(meta)}
	if err := f.decodeMetadata(meta); err != nil {
		return nil, err
	}
	d := &decoder{file: st}
	if err := f.decodeReference(d); err != nil {
		return nil, err
	}
	var err error
	if f.Detector, err = decode(d); err != nil {
		return nil, err
	}
	return f, f.checkDims()
}

func (f *File) decodeMetadata(meta map[string]string) (err error) {
	if f.Threshold, err = strconv.ParseFloat(meta["threshold"], 64); err != nil || !finite(f.Threshold) {
		return fmt.Errorf("threshold %.40q is not a finite number", meta["threshold"])
	}
	if f.D, err = strconv.Atoi(meta["feature_dim"]); err != nil || f.D < 1 {
		return fmt.Errorf("feature_dim %.40q is not a positive whole number", meta["feature_dim"])
	}
	if f.C, err = strconv.Atoi(meta["logit_dim"]); err != nil || f.C < 0 {
		return fmt.Errorf("logit_dim %.40q is not a whole number", meta["logit_dim"])
	}
	if err := json.Unmarshal([]byte(meta["training"]), &f.Training); err != nil {
		return fmt.Errorf("training: %w", err)
	}
	if w, ok := meta["warnings"]; ok {
		if err := json.Unmarshal([]byte(w), &f.Warnings); err != nil {
			return fmt.Errorf("warnings: %w", err)
		}
	}
	return nil
}

func (f *File) decodeReference(d *decoder) error {
	shape, err := d.shape("reference", 1)
	if err != nil {
		return err
	}
	if f.Reference, err = d.float64("reference", shape...); err != nil {
		return err
	}
	if !slices.IsSorted(f.Reference) {
		return fmt.Errorf("tensor %q is not ascending", "reference")
	}
	return nil
}

// dims is a detector that knows how many features it reads; 0 means that it reads none.
type dims interface{ Dim() int }

// checkDims refuses a file whose detector reads another number of features than the file says.
func (f *File) checkDims() error {
	if d, ok := f.Detector.(dims); ok && d.Dim() != f.D {
		return fmt.Errorf("feature_dim is %d, but the detector reads %d features", f.D, d.Dim())
	}
	return nil
}

// provenanceToMap returns the fields under their JSON names.
func provenanceToMap(p features.Provenance) map[string]string {
	m := map[string]string{}
	b, err := json.Marshal(p)
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err != nil {
		panic(err) // a struct of strings always survives this
	}
	return m
}

// provenanceFromMap picks the fields out of the metadata.
func provenanceFromMap(m map[string]string) features.Provenance {
	var p features.Provenance
	b, err := json.Marshal(m)
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if err != nil {
		panic(err) // strings to strings
	}
	return p
}
