package features

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"sort"

	"github.com/oodflow/oodflow/internal/safetensors"
)

// A batchLog holds the batches of a set on their way to its file, one after the other as they came. Where it has a name,
// that is FEATURES.part, it outlives its process, see [Resume]. It is
//
//	bytes  meaning
//	16     "oodflow-part 1\r\n"
//	...    records, the first of which is the key
//
// with records of
//
//	bytes  meaning
//	8      n, little-endian as all numbers
//	n      the payload
//	4      CRC-32C of the 8 + n bytes before
//
// The key's payload is JSON: {"version", "d", "c", "key": {"name": "value", ...}}, see logKey. A batch's is
//
//	bytes  meaning
//	4      r, its images, at least 1
//	4      which columns were known: 1 labels, 2 ids
//	4      m
//	m      the mark
//	4·r·d  features, float32
//	4·r·c  logits, float32
//	8·r    labels
//	4·r    where the ids end in the text
//	...    the text of the ids
//
// A record that was not written to its end, or not as it was meant, ends the log: what follows is cut off.
type batchLog struct {
	f    *os.File
	w    *bufio.Writer
	d, c int
	n    int64 // images
	size int64 // bytes, with those that w still has

	labels, ids bool // some batch had them
	batches     []logged
	buf         []byte
}

// logged is where a batch is.
type logged struct {
	first int64 // its first image
	at    int64 // its features in the file
}

const logMagic = "oodflow-part 1\r\n"

// Flags of a record.
const (
	knowsLabels = 1 << iota
	knowsIDs
)

const (
	recordEnds  = 8 + 4    // bytes of a record around its payload
	recordFixed = 3 * 4    // bytes of a batch's payload before its mark
	perImage    = 8 + 4    // bytes of an image beside features, logits and the text of its id
	maxKey      = 16 << 20 // bytes of a key; class names may be many
)

// logKey is what a log belongs to.
type logKey struct {
	Version string            `json:"version"` // of oodflow; that of another may go on
	D       int               `json:"d"`
	C       int               `json:"c"`
	Key     map[string]string `json:"key"`
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// newLog starts a log in the empty file f.
func newLog(f *os.File, key logKey) (*batchLog, error) {
	l := &batchLog{f: f, w: bufio.NewWriterSize(f, 1<<18), d: key.D, c: key.C}
	text, err := json.Marshal(key)
	if err != nil {
		return nil, err
	}
	if len(text) > maxKey {
		return nil, fmt.Errorf("class names and provenance of %d bytes: at most %d can be kept", len(text), maxKey)
	}
	l.buf = append(l.record(), text...)
	if _, err := l.w.WriteString(logMagic); err != nil {
		return nil, err
	}
	l.size = int64(len(logMagic))
	return l, errors.Join(l.seal(), l.w.Flush())
}

// record returns the start of a record, whose length seal puts in.
func (l *batchLog) record() []byte { return append(l.buf[:0], "01234567"...) }

// sealed completes a record: its length at the beginning, and the checksum at the end.
func sealed(record []byte) []byte {
	binary.LittleEndian.PutUint64(record, uint64(len(record)-8))
	return binary.LittleEndian.AppendUint32(record, crc32.Checksum(record, castagnoli))
}

// seal writes the record in l.buf.
func (l *batchLog) seal() error {
	l.buf = sealed(l.buf)
	n, err := l.w.Write(l.buf)
	l.size += int64(n)
	return err
}

// append adds n images. The batch fits the set; ids are UTF-8.
func (l *batchLog) append(n int, b Batch) error {
	flags := uint32(0)
	if b.Labels != nil {
		flags |= knowsLabels
	}
	if b.IDs != nil {
		flags |= knowsIDs
	}
	buf := l.record()
	for _, v := range []uint32{uint32(n), flags, uint32(len(b.Mark))} {
		buf = binary.LittleEndian.AppendUint32(buf, v)
	}
	buf = append(buf, b.Mark...)
	at := l.size + int64(len(buf))
	buf = appendBits(appendBits(buf, b.Features), b.Logits)
	for i := range n {
		label := int64(-1)
		if b.Labels != nil {
			label = b.Labels[i]
		}
		buf = binary.LittleEndian.AppendUint64(buf, uint64(label))
	}
	end := 0
	for i := range n {
		end += len(l.id(b, i))
		buf = binary.LittleEndian.AppendUint32(buf, uint32(end))
	}
	for i := range n {
		buf = append(buf, l.id(b, i)...)
	}
	if end > math.MaxUint32 {
		return errors.New("the ids of a batch take more than 4 GiB")
	}
	l.buf = buf
	if err := l.seal(); err != nil {
		return err
	}
	l.note(n, flags, at)
	return nil
}

// id is the id of image i of a batch that is being added.
func (l *batchLog) id(b Batch, i int) string {
	if b.IDs != nil {
		return b.IDs[i]
	}
	return fmt.Sprint(l.n + int64(i))
}

// note remembers a batch of n images whose features are at the given place.
func (l *batchLog) note(n int, flags uint32, at int64) {
	l.labels = l.labels || flags&knowsLabels != 0
	l.ids = l.ids || flags&knowsIDs != 0
	l.batches = append(l.batches, logged{l.n, at})
	l.n += int64(n)
}

// reader returns the images of the log as a set. All has been written to the file.
func (l *batchLog) reader(h Header) (*Reader, error) {
	if err := l.w.Flush(); err != nil {
		return nil, err
	}
	r := &Reader{
		N: int(l.n), D: l.d, C: l.c, Head: h.Head, Classes: h.Classes, Provenance: h.Provenance, Shard: h.Shard,
		features: fileMatrix{l.d, func(dst []float32, from int64) error { return l.floats(dst, from/int64(l.d), l.d, 0) }},
		ids:      numberedIDs{},
	}
	if l.c > 0 {
		r.logits = fileMatrix{l.c, func(dst []float32, from int64) error { return l.floats(dst, from/int64(l.c), l.c, l.d) }}
	}
	if l.ids {
		r.ids = loggedIDs{l}
	}
	if !l.labels {
		return r, nil
	}
	r.Labels = make([]int64, l.n)
	for k, b := range l.batches {
		labels := r.Labels[b.first:l.end(k)]
		raw := make([]byte, 8*len(labels))
		if err := section(l.f, raw, b.at+4*int64(len(labels))*int64(l.d+l.c)); err != nil {
			return nil, err
		}
		for i := range labels {
			labels[i] = int64(binary.LittleEndian.Uint64(raw[8*i:]))
		}
	}
	return r, nil
}

// end is the image behind the last one of batch k.
func (l *batchLog) end(k int) int64 {
	if k+1 < len(l.batches) {
		return l.batches[k+1].first
	}
	return l.n
}

// find is the batch that image i is in.
func (l *batchLog) find(i int64) int {
	return sort.Search(len(l.batches), func(k int) bool { return l.end(k) > i })
}

// floats reads the rows from the given one on of a matrix with cols columns, which comes in each batch after one with
// before columns.
func (l *batchLog) floats(dst []float32, row int64, cols, before int) error {
	get, width := safetensors.Decode(safetensors.F32)
	for k := l.find(row); len(dst) > 0; k++ {
		b, end := l.batches[k], l.end(k)
		n := min(int(end-row)*cols, len(dst))
		at := b.at + 4*((end-b.first)*int64(before)+(row-b.first)*int64(cols))
		if err := safetensors.DecodeAt(dst[:n], io.NewSectionReader(l.f, at, int64(4*n)), 0, width, get); err != nil {
			return bare(err)
		}
		dst, row = dst[n:], end
	}
	return nil
}

// loggedIDs are the ids in a log.
type loggedIDs struct{ *batchLog }

func (l loggedIDs) read(index []int) ([]string, error) {
	out := make([]string, 0, len(index))
	for len(index) > 0 {
		k := l.find(int64(index[0]))
		ids, err := l.batch(k)
		if err != nil {
			return nil, err
		}
		first, end := int(l.batches[k].first), int(l.end(k))
		for len(index) > 0 && index[0] >= first && index[0] < end {
			out = append(out, ids[index[0]-first])
			index = index[1:]
		}
	}
	return out, nil
}

// batch reads the ids of a batch.
func (l loggedIDs) batch(k int) ([]string, error) {
	b := l.batches[k]
	n := l.end(k) - b.first
	at := b.at + n*(4*int64(l.d+l.c)+8)
	ends := make([]byte, 4*n)
	if err := section(l.f, ends, at); err != nil {
		return nil, err
	}
	text := make([]byte, binary.LittleEndian.Uint32(ends[4*(n-1):]))
	if err := section(l.f, text, at+4*n); err != nil {
		return nil, err
	}
	ids, from := make([]string, n), uint32(0)
	for i := range ids {
		end := binary.LittleEndian.Uint32(ends[4*i:])
		ids[i], from = string(text[from:end]), end
	}
	return ids, nil
}
