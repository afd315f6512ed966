// Package features owns the feature set: what one run of a classifier over a set of images leaves behind,
// that is the penultimate feature vectors, the logits, labels, image ids, the classifier's linear head and
// where all of it came from. It reads and writes the set's file formats, L2-normalises the vectors, and
// measures how the classifier spreads them (uniformity and tolerance).
package features

// Set is what one run of a classifier over N images leaves behind. All matrices are row-major; row i is
// image i.
type Set struct {
	N int // images
	D int // feature dimension
	C int // classes the classifier knows (logits per image); 0 when the set holds no logits

	Features []float32 // N×D, as the classifier computed them: not normalised
	Logits   []float32 // N×C, before any softmax; nil when not known
	Labels   []int64   // N true classes, -1 where not known; nil when none is known
	IDs      []string  // N image ids; the row numbers "0", "1", ... when the source names none

	// DType is the type the features were stored in ("F32", "F16", ...); empty for a set made in memory.
	DType string

	Head       *Head      // the classifier's last layer; nil when not known or not linear
	Classes    []string   // Classes[k] names label k; nil when not known
	Provenance Provenance // where the features came from
	Shard      *Shard     // which part of the source the images are; nil for all, or when not known
}

// Head is a linear classifier head: logits = W·f + B for a feature vector f.
type Head struct {
	C, D int       // classes, feature dimension
	W    []float32 // C×D, row-major; row c is class c
	B    []float32 // C
}

// Provenance tells where a feature set came from. A field is empty when it is not known. Two sets can be
// compared by a detector only when they come from the same classifier, tensor, pooling and preprocessing.
type Provenance struct {
	Classifier       string `json:"classifier"`        // file name of the classifier, without folders
	ClassifierSHA256 string `json:"classifier_sha256"` // SHA-256 of that file, lower-case hex
	Tensor           string `json:"tensor"`            // graph tensor the features were read from
	Pool             string `json:"pool"`              // "" or how a spatial map became a vector ("mean")
	Preprocess       string `json:"preprocess"`        // canonical JSON of the image preprocessing
	Engine           string `json:"engine"`            // what ran the classifier, with its version
	Source           string `json:"source"`            // the images, as named on the command line
	Version          string `json:"version"`           // version of oodflow that wrote the set
}

// Row returns the feature vector of image i, a slice of D values that aliases s.Features.
func (s *Set) Row(i int) []float32 { return s.Features[i*s.D : (i+1)*s.D : (i+1)*s.D] }

// LogitRow returns the logits of image i, a slice of C values that aliases s.Logits, or nil when the set
// holds no logits.
func (s *Set) LogitRow(i int) []float32 {
	if s.Logits == nil {
		return nil
	}
	return s.Logits[i*s.C : (i+1)*s.C : (i+1)*s.C]
}

// Predicted returns the class with the largest logit for every image, the lowest such class on ties, or
// nil when the set holds no logits.
func (s *Set) Predicted() []int {
	if s.Logits == nil {
		return nil
	}
	p := make([]int, s.N)
	for i := range p {
		p[i] = argmax(s.LogitRow(i))
	}
	return p
}

func argmax(x []float32) int {
	best := 0
	for j, v := range x {
		if v > x[best] {
			best = j
		}
	}
	return best
}
