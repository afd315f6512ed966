package features

import (
	"encoding/json"
	"fmt"
)

// A feature set on disk is a safetensors file:
//
//	tensor       type  shape       since  meaning
//	features     F32   [n, d]      1      penultimate features, not normalised
//	logits       F32   [n, c]      1      optional
//	labels       I64   [n]         1      optional; -1 where not known
//	ids          U8    [bytes]     1      optional; the image ids, UTF-8, one after the other
//	ids_offsets  I64   [n+1]       1      with ids: id i is the bytes ids_offsets[i] to ids_offsets[i+1]
//	W            F32   [c, d]      1      optional; the linear head, logits = W·f + b
//	b            F32   [c]         1      with W
//
//	metadata     since  meaning
//	format          1   "oodflow-features"
//	format_version  1   "1"
//	classes         1   optional; JSON list of the labels' names
//	shard           1   optional; JSON object of which part of the source it is, see Shard
//	classifier, classifier_sha256, tensor, pool, preprocess, engine, source, version
//	                1   optional; see Provenance
//
// There is no time stamp and no machine name: the same run writes the same bytes.
const (
	format        = "oodflow-features"
	formatVersion = "1"
)

// Names of the tensors and of the metadata's own keys.
const (
	tFeatures = "features"
	tLogits   = "logits"
	tLabels   = "labels"
	tIDs      = "ids"
	tOffsets  = "ids_offsets"
	tW        = "W"
	tB        = "b"

	mFormat  = "format"
	mVersion = "format_version"
	mClasses = "classes"
	mShard   = "shard"

	// The head in a Parquet file: float32s, little-endian, in base64.
	mHeadW = "head_W"
	mHeadB = "head_b"

	// mArray is the array of an .npz file that holds all metadata, as a JSON object.
	mArray = "metadata"
)

// Metadata returns p as safetensors metadata: its JSON keys, without the fields that are not known.
func (p Provenance) Metadata() map[string]string {
	m := map[string]string{}
	for k, v := range p.fields() {
		if *v != "" {
			m[k] = *v
		}
	}
	return m
}

// ProvenanceFrom reads from metadata what Provenance.Metadata put there, and ignores other keys.
func ProvenanceFrom(metadata map[string]string) Provenance {
	var p Provenance
	for k, v := range p.fields() {
		*v = metadata[k]
	}
	return p
}

func (p *Provenance) fields() map[string]*string {
	return map[string]*string{
		"classifier":        &p.Classifier,
		"classifier_sha256": &p.ClassifierSHA256,
		"tensor":            &p.Tensor,
		"pool":              &p.Pool,
		"preprocess":        &p.Preprocess,
		"engine":            &p.Engine,
		"source":            &p.Source,
		"version":           &p.Version,
	}
}

// metadata returns what a file with header h carries.
func (h Header) metadata() map[string]string {
	m := h.Provenance.Metadata()
	m[mFormat] = format
	m[mVersion] = formatVersion
	if h.Classes != nil {
		names, _ := json.Marshal(h.Classes) // a list of strings always encodes
		m[mClasses] = string(names)
	}
	if h.Shard != nil {
		m[mShard] = h.Shard.metadata()
	}
	return m
}

// readMetadata checks that a file with this metadata is a feature set of this version, or of no stated format at all, and reads
// what its metadata says into r. own tells which.
func (r *Reader) readMetadata(metadata map[string]string) (own bool, err error) {
	switch kind := metadata[mFormat]; {
	case kind == format:
	case len(kind) > 8 && kind[:8] == format[:8]:
		return false, fmt.Errorf("is a file of kind %q, not a feature set; give the file that extract wrote", kind)
	default:
		return false, nil
	}
	if v := metadata[mVersion]; v != formatVersion {
		return true, fmt.Errorf("is a feature set of version %q, and this oodflow reads version %s; extract again, or update oodflow",
			v, formatVersion)
	}
	r.Provenance = ProvenanceFrom(metadata)
	if names, ok := metadata[mClasses]; ok {
		if err := json.Unmarshal([]byte(names), &r.Classes); err != nil {
			return true, fmt.Errorf("read the class names: %w", err)
		}
	}
	if text, ok := metadata[mShard]; ok {
		if r.Shard, err = parseShard(text); err != nil {
			return true, err
		}
	}
	return true, nil
}
