package features

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Join makes of the parts of a set, in any order, what one run over all images would have made, in the order of the
// images. It proves that the parts are of one run: classifier, tensor, preprocessing, engine, source, class names and head
// are the same, none is missing and none there twice. Versions of oodflow may differ; that of the first part is
// the set's. What else is wrong is a *PartError.
//
// The set reads from the parts, which the caller closes after it. Labels are in memory, all else is not.
func Join(parts []*Reader) (*Reader, error) {
	sorted, err := whole(parts)
	if err != nil {
		return nil, err
	}
	first := sorted[0]
	r := &Reader{
		D: first.D, C: first.C, DType: first.DType, Head: first.Head, Classes: first.Classes, Provenance: first.Provenance,
	}
	j := joined{parts: sorted}
	for _, p := range sorted {
		j.first = append(j.first, r.N)
		r.N += p.N
	}
	if first.Labels != nil {
		r.Labels = make([]int64, 0, r.N)
	}
	for _, p := range sorted {
		r.Labels = append(r.Labels, p.Labels...)
	}
	r.features = joinedMatrix{j, r.D, (*Reader).Features}
	if first.logits != nil {
		r.logits = joinedMatrix{j, r.C, (*Reader).Logits}
	}
	r.ids = numberedIDs{}
	if first.named() {
		r.ids = joinedIDs{j}
	}
	return r, nil
}

// PartError says why files are not the parts of one set.
type PartError struct {
	Missing []*Shard // parts that are not there, when that is all
	text    string
}

func (e *PartError) Error() string { return e.text }

// whole returns the parts in their order, when they are all of one set.
func whole(parts []*Reader) ([]*Reader, error) {
	if len(parts) == 0 {
		return nil, errors.New("there are no parts to join")
	}
	for _, p := range parts {
		switch {
		case p.Shard == nil:
			return nil, &PartError{text: p.path + ": is a set of its own and no part of one"}
		case p.N > p.Shard.End-p.Shard.First:
			return nil, &PartError{text: fmt.Sprintf("%s: is damaged: part %s, it says, with %d images", p.path, p.Shard, p.N)}
		}
	}
	sorted := slices.Clone(parts)
	slices.SortStableFunc(sorted, func(a, b *Reader) int { return a.Shard.Number - b.Shard.Number })
	first := sorted[0]
	for i, p := range sorted[1:] {
		if d := first.differences(p); d != nil {
			return nil, &PartError{text: fmt.Sprintf("%s and %s are not parts of one set: %s", first.path, p.path, strings.Join(d, "; "))}
		}
		if before := sorted[i]; p.Shard.Number == before.Shard.Number {
			return nil, &PartError{text: fmt.Sprintf("%s and %s are both part %d of %d", before.path, p.path, p.Shard.Number, p.Shard.Of)}
		}
	}
	return sorted, missing(sorted)
}

// differences says in what two parts are not of one set.
func (r *Reader) differences(p *Reader) []string {
	a, b := r.partKey(), p.partKey()
	return a.differences(b, func(name, a, b string) string { return fmt.Sprintf("%s is %s in one and %s in the other", name, a, b) })
}

// partKey is what the parts of a set have in common.
func (r *Reader) partKey() logKey {
	h := Header{D: r.D, C: r.C, Head: r.Head, Classes: r.Classes, Provenance: r.Provenance}
	s := r.Shard
	return h.key(map[string]string{
		"the number of parts": strconv.Itoa(s.Of), "the number of images": strconv.Itoa(s.Total), "batch": strconv.Itoa(s.Batch),
		"type": r.DType, "labels": known(r.Labels != nil), "ids": known(r.named()),
	})
}

func known(b bool) string {
	if b {
		return "known"
	}
	return "not known"
}

// missing tells which parts are not there.
func missing(sorted []*Reader) error {
	s := sorted[0].Shard
	e := &PartError{}
	var numbers []string
	for number := 1; number <= s.Of; number++ {
		if len(sorted) > 0 && sorted[0].Shard.Number == number {
			sorted = sorted[1:]
			continue
		}
		if part := ShardOf(number, s.Of, s.Total, s.Batch); part.First < part.End {
			e.Missing = append(e.Missing, part)
			numbers = append(numbers, strconv.Itoa(number))
		}
	}
	switch n := len(numbers); {
	case n == 0:
		return nil
	case n == 1:
		e.text = fmt.Sprintf("part %s of %d is missing", numbers[0], s.Of)
	case n <= 10:
		e.text = fmt.Sprintf("parts %s and %s of %d are missing", strings.Join(numbers[:n-1], ", "), numbers[n-1], s.Of)
	default:
		e.text = fmt.Sprintf("%d of %d parts are missing, of which part %s is the first", n, s.Of, numbers[0])
	}
	return e
}

// joined finds images in the parts of a set.
type joined struct {
	parts []*Reader
	first []int // image of the set that is a part's first
}

// each calls f with every stretch of index that lies in one part: the part, the stretch counted from the part's first
// image, and where in index it begins.
func (j joined) each(index []int, f func(p *Reader, local []int, at int) error) error {
	for at := 0; at < len(index); {
		k := sort.SearchInts(j.first, index[at]+1) - 1
		p, first := j.parts[k], j.first[k]
		var local []int
		for _, i := range index[at:] {
			if i < first || i >= first+p.N {
				break
			}
			local = append(local, i-first)
		}
		if err := f(p, local, at); err != nil {
			return err
		}
		at += len(local)
	}
	return nil
}

// joinedMatrix is a matrix that lies in parts.
type joinedMatrix struct {
	joined
	cols int
	read func(p *Reader, dst []float32, index []int) error
}

func (m joinedMatrix) rows(dst []float32, index []int) error {
	return m.each(index, func(p *Reader, local []int, at int) error {
		return m.read(p, dst[at*m.cols:(at+len(local))*m.cols], local)
	})
}

// joinedIDs are ids that lie in parts.
type joinedIDs struct{ joined }

func (j joinedIDs) read(index []int) ([]string, error) {
	out := make([]string, 0, len(index))
	err := j.each(index, func(p *Reader, local []int, _ int) error {
		ids, err := p.ids.read(local)
		out = append(out, ids...)
		return errors.Join(err, p.Unchanged())
	})
	return out, err
}
