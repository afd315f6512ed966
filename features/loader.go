package features

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// The names arrays go by, in order of preference.
var (
	featureNames = []string{"features", "feature", "feats", "feat", "embeddings", "embedding", "penultimate", "x", "z", "arr_0"}
	logitNames   = []string{"logits", "logit"}
	labelNames   = []string{"labels", "label", "y", "targets", "target"}
	idNames      = []string{"ids", "id", "paths"}
	classNames   = []string{"classes", "class_names"}
	weightNames  = []string{"w", "head.weight", "fc.weight"}
	biasNames    = []string{"b", "head.bias", "fc.bias"}
	otherNames   = slices.Concat(logitNames, labelNames, idNames, classNames, weightNames, biasNames)
)

// loader fills a Reader from a source. Its errors name the file.
type loader struct {
	path   string
	src    source
	arrays []array
	own    bool   // the file says that it is a feature set of ours
	key    string // the array that the user says the features are, or ""
	found  []finding
}

// finding is an array that part of the set is read from.
type finding struct {
	what string
	array
}

func (l *loader) errorf(format string, args ...any) error {
	return fmt.Errorf("read %s: "+format, append([]any{l.path}, args...)...)
}

// find returns the first array that goes by one of the names and is not taken yet.
func (l *loader) find(names []string) (array, bool) {
	for _, name := range names {
		for _, a := range l.arrays {
			if strings.EqualFold(a.name, name) && !l.taken(a) {
				return a, true
			}
		}
	}
	return array{}, false
}

func (l *loader) take(what string, a array) { l.found = append(l.found, finding{what, a}) }

func (l *loader) taken(a array) bool {
	return slices.ContainsFunc(l.found, func(p finding) bool { return p.name == a.name })
}

// describe tells which arrays the set was read from, and which not; "" where the file says so itself.
func (l *loader) describe() string {
	if l.own && l.key == "" || len(l.arrays) == 1 && l.arrays[0].name == "" {
		return ""
	}
	var parts, others []string
	for _, p := range l.found {
		parts = append(parts, fmt.Sprintf("%s from %.80q %s %s", p.what, p.name, p.dtype, p.dims()))
	}
	for _, a := range l.arrays {
		if !l.taken(a) {
			others = append(others, fmt.Sprintf("%.80q", a.name))
		}
	}
	text := strings.Join(parts, ", ")
	if more := len(others) - 10; more > 0 {
		others = append(others[:10], fmt.Sprintf("%d more", more))
	}
	if len(others) > 0 {
		text += "; not used: " + strings.Join(others, ", ")
	}
	return text
}

// list describes all arrays for a message, as in: a [10], b [3 4 5].
func (l *loader) list() string {
	var b strings.Builder
	for i, a := range l.arrays {
		switch {
		case i == 20:
			fmt.Fprintf(&b, " and %d more", len(l.arrays)-i)
			return b.String()
		case i > 0:
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%.80s %s", a.name, a.dims())
	}
	if b.Len() == 0 {
		return "nothing"
	}
	return b.String()
}

func (l *loader) features(r *Reader) error {
	a, err := l.pickFeatures()
	if err != nil {
		return err
	}
	if err := l.checkFeatures(a); err != nil {
		return err
	}
	r.N, r.D, r.DType = int(a.shape[0]), int(a.shape[1]), a.dtype
	l.take("features", a)
	r.features, err = l.src.matrix(a.name, r.D)
	return err
}

func (l *loader) pickFeatures() (array, error) {
	if l.key != "" {
		return l.pickKey()
	}
	if a, ok := l.find(featureNames); ok {
		return a, nil
	}
	if len(l.arrays) == 1 && l.arrays[0].name == "" { // a .npy file
		return l.arrays[0], nil
	}
	var lone []array
	for _, a := range l.arrays {
		named := slices.ContainsFunc(otherNames, func(name string) bool { return strings.EqualFold(name, a.name) })
		if len(a.shape) == 2 && a.kind == kindFloat && !named {
			lone = append(lone, a)
		}
	}
	switch {
	case len(lone) == 1:
		return lone[0], nil
	case len(lone) > 1:
		return array{}, l.errorf("more than one array could be the features: found %s; name the right one with --features-key, "+
			"or rename it to features", l.list())
	}
	return array{}, l.errorf("no array looks like features: found %s; "+
		"name the array of shape [images, dimension] with --features-key, or rename it to features", l.list())
}

// pickKey finds the array that the user named.
func (l *loader) pickKey() (array, error) {
	for _, a := range l.arrays {
		if a.name == l.key {
			return a, nil
		}
	}
	if len(l.arrays) == 1 && l.arrays[0].name == "" {
		return array{}, l.errorf("is an .npy file, whose only array has no name: leave out --features-key %s", l.key)
	}
	if a, ok := l.find([]string{l.key}); ok {
		return a, nil
	}
	return array{}, l.errorf("has no array called %q: found %s; name one of them with --features-key", l.key, l.list())
}

// checkFeatures proves that a is a matrix of floating-point numbers, and says what to do if it is not.
func (l *loader) checkFeatures(a array) error {
	const want = "features are [images, dimension]"
	what := "the array"
	if a.name != "" {
		what = fmt.Sprintf("array %.80q", a.name)
	}
	switch {
	case a.err != nil:
		return a.err
	case len(a.shape) == 4:
		return l.errorf("%s has the shape %s, a spatial map: %s; pool it first, as with x.mean(axis=(2, 3)) for channels "+
			"in the second place", what, a.dims(), want)
	case len(a.shape) == 3:
		return l.errorf("%s has the shape %s, a sequence of vectors per image: %s; "+
			"take the class token or the mean first, as with x[:, 0] or x.mean(axis=1)", what, a.dims(), want)
	case len(a.shape) == 1 && a.kind == kindFloat:
		return l.errorf("%s has the shape %s, one vector: %s; save all images' vectors in one array, one per row",
			what, a.dims(), want)
	case len(a.shape) != 2:
		return l.errorf("%s has the shape %s: %s", what, a.dims(), want)
	case a.kind != kindFloat:
		return l.errorf("%s holds %s: features are floating-point numbers; save x.astype(np.float32)", what, a.dtype)
	case a.shape[0] == 0 || a.shape[1] == 0:
		return l.errorf("%s has the shape %s: there are no features in it", what, a.dims())
	case a.shape[0] > math.MaxInt/64 || a.shape[1] > math.MaxInt/64:
		return l.errorf("%s has the shape %s: too large for this machine", what, a.dims())
	}
	return nil
}

func (l *loader) logits(r *Reader) (err error) {
	a, ok := l.find(logitNames)
	switch {
	case !ok:
		return nil
	case a.err != nil:
		return a.err
	case a.kind != kindFloat || len(a.shape) != 2 || a.shape[0] != int64(r.N) || a.shape[1] == 0:
		return l.errorf("array %q holds %s %s: logits beside %d features are floating-point numbers [%d, classes]",
			a.name, a.dtype, a.dims(), r.N, r.N)
	}
	r.C = int(a.shape[1])
	l.take("logits", a)
	r.logits, err = l.src.matrix(a.name, r.C)
	return err
}

func (l *loader) labels(r *Reader) (err error) {
	a, ok := l.find(labelNames)
	switch {
	case !ok:
		return nil
	case a.err != nil:
		return a.err
	case !a.column(r.N) || a.kind != kindFloat && a.kind != kindInt:
		return l.errorf("array %q holds %s %s: labels of %d features are one class number each, [%d]", a.name, a.dtype, a.dims(), r.N, r.N)
	}
	l.take("labels", a)
	if a.kind == kindInt {
		r.Labels, err = l.src.int64s(a.name)
		return err
	}
	values, err := l.src.float64s(a.name)
	if err != nil {
		return err
	}
	r.Labels = make([]int64, r.N)
	for i, v := range values {
		if v != math.Trunc(v) || math.Abs(v) > 1<<53 { // also NaN and Inf
			return l.errorf("array %q: label %v of row %d is no class number", a.name, v, i)
		}
		r.Labels[i] = int64(v)
	}
	return nil
}

func (l *loader) ids(r *Reader) error {
	a, ok := l.find(idNames)
	if !ok {
		r.ids = numberedIDs{}
		return nil
	}
	if a.err != nil {
		return a.err
	}
	if offsets, ok := l.find([]string{tOffsets}); ok {
		return l.packedIDs(r, a, offsets)
	}
	if !a.column(r.N) || a.kind != kindString && a.kind != kindInt {
		return l.errorf("array %q holds %s %s: ids of %d features are one string or whole number each, [%d]",
			a.name, a.dtype, a.dims(), r.N, r.N)
	}
	l.take("ids", a)
	if a.kind == kindString {
		ids, err := l.src.strings(a.name)
		r.ids = memoryIDs(ids)
		return err
	}
	numbers, err := l.src.int64s(a.name)
	if err != nil {
		return err
	}
	ids := make(memoryIDs, r.N)
	for i, v := range numbers {
		ids[i] = strconv.FormatInt(v, 10)
	}
	r.ids = ids
	return nil
}

// packedIDs reads ids stored one after the other with the offsets of their ends.
func (l *loader) packedIDs(r *Reader, text, offsets array) error {
	if text.dtype != "U8" || len(text.shape) != 1 || offsets.kind != kindInt || len(offsets.shape) != 1 ||
		offsets.shape[0] != int64(r.N)+1 {
		return l.errorf("%s holds %s %s and %s holds %s %s: ids of %d features are U8 [bytes] with I64 [%d] offsets",
			text.name, text.dtype, text.dims(), offsets.name, offsets.dtype, offsets.dims(), r.N, r.N+1)
	}
	l.take("ids", text)
	l.take("their ends", offsets)
	p := &packedIDs{path: r.path, text: text, offsets: offsets, n: r.N}
	r.ids = p
	if f, ok := l.src.(*tensorSource); ok && offsets.dtype == "I64" {
		var err1, err2 error
		p.bytes, err1 = f.Section(text.name)
		p.ends, err2 = f.Section(offsets.name)
		return errors.Join(err1, err2)
	}
	all, err := l.src.bytes(text.name)
	if err != nil {
		return err
	}
	ends, err := l.src.int64s(offsets.name)
	if err != nil {
		return err
	}
	var raw []byte
	for _, v := range ends {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
	}
	p.bytes, p.ends = bytes.NewReader(all), bytes.NewReader(raw)
	return nil
}

func (l *loader) classes(r *Reader) (err error) {
	if _, table := l.src.(*tableSource); table {
		return nil // a column has a value for every image
	}
	if a, ok := l.find(classNames); ok && !l.own && a.kind == kindString && len(a.shape) == 1 {
		l.take("class names", a)
		r.Classes, err = l.src.strings(a.name)
	}
	return err
}

// head reads W and b. A file of ours must hold them right; elsewhere arrays that happen to be called so are
// passed over when their shapes are not a head's.
func (l *loader) head(r *Reader) (err error) {
	own := l.own && (l.key == "" || l.key == tFeatures) // a head is for the features it came with
	if t, table := l.src.(*tableSource); table {
		r.Head, err = t.head(own, r.D, r.C)
		return err
	}
	w, okW := l.find(weightNames)
	b, okB := l.find(biasNames)
	if !okW && !okB {
		return nil
	}
	fits := okW && okB && w.err == nil && b.err == nil && w.kind == kindFloat && b.kind == kindFloat &&
		len(w.shape) == 2 && len(b.shape) == 1 && w.shape[0] > 0 && w.shape[0] == b.shape[0] &&
		w.shape[1] == int64(r.D) && (r.C == 0 || w.shape[0] == int64(r.C))
	switch {
	case !fits && !own:
		return nil
	case !fits:
		return l.errorf("the head W, b is not [%d, %d] and [%d]: found %s", r.C, r.D, r.C, l.list())
	}
	l.take("W", w)
	l.take("b", b)
	h := &Head{C: int(w.shape[0]), D: r.D}
	if h.W, err = l.src.float32s(w.name); err != nil {
		return err
	}
	if h.B, err = l.src.float32s(b.name); err != nil {
		return err
	}
	r.Head = h
	return nil
}
