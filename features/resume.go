package features

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"unicode/utf8"
)

// ResumeError says that an unfinished set is another than the one that is to be gone on with.
type ResumeError struct {
	Differences []string // "engine is A there and B here"
}

func (e *ResumeError) Error() string {
	return "is what another run left: " + strings.Join(e.Differences, "; ")
}

// openLog reads the log in f to go on with it: key tells what it must belong to, and mark is told the mark of each batch.
// What is not whole is cut off.
func openLog(f *os.File, key logKey, mark func([]byte) error) (*batchLog, Found, error) {
	var found Found
	st, err := f.Stat()
	if err != nil {
		return nil, found, err
	}
	l := &batchLog{f: f, d: key.D, c: key.C}
	s := &logScanner{r: bufio.NewReaderSize(f, 1<<18), left: st.Size()}
	there, err := s.key()
	if err != nil {
		return nil, found, err
	}
	if err := there.compare(key); err != nil {
		return nil, found, err
	}
	for l.size = s.at; ; l.size = s.at {
		payload, err := s.record(st.Size())
		if errors.Is(err, errTorn) {
			break
		}
		if err != nil {
			return nil, found, err
		}
		b, err := parseBatch(payload, l.d, l.c)
		if err != nil {
			return nil, found, fmt.Errorf("%w at byte %d", err, l.size)
		}
		if err := mark(b.mark); err != nil {
			return nil, found, err
		}
		l.note(b.n, b.flags, l.size+8+b.features)
	}
	l.w = bufio.NewWriterSize(f, 1<<18)
	if err := f.Truncate(l.size); err != nil {
		return nil, found, err
	}
	found.Lost, found.Version = st.Size()-l.size, there.Version
	_, err = f.Seek(l.size, io.SeekStart)
	return l, found, err
}

// compare is a *ResumeError when there is another than here.
func (there logKey) compare(here logKey) error {
	d := there.differences(here, func(name, a, b string) string { return fmt.Sprintf("%s is %s there and %s here", name, a, b) })
	if d != nil {
		return &ResumeError{d}
	}
	return nil
}

// differences says in what a differs from b, in words.
func (a logKey) differences(b logKey, words func(name, a, b string) string) (differ []string) {
	note := func(name, a, b string) {
		if a != b {
			a, b = apart(a, b)
			differ = append(differ, words(name, a, b))
		}
	}
	note("the feature dimension", fmt.Sprint(a.D), fmt.Sprint(b.D))
	note("the number of logits", fmt.Sprint(a.C), fmt.Sprint(b.C))
	all := maps.Clone(a.Key)
	maps.Copy(all, b.Key)
	for _, k := range slices.Sorted(maps.Keys(all)) {
		note(k, a.Key[k], b.Key[k])
	}
	return differ
}

// apart shortens two texts that differ to where they do.
func apart(a, b string) (string, string) {
	const most, before = 200, 30
	same := 0
	for same < min(len(a), len(b)) && a[same] == b[same] {
		same++
	}
	short := func(s string) string {
		from := 0
		if same > most {
			from = same - before
		}
		switch text := strings.ToValidUTF8(s[from:min(len(s), from+most)], ""); {
		case s == "":
			return "nothing"
		case from > 0 && len(s) > from+most:
			return "..." + text + "..."
		case from > 0:
			return "..." + text
		case len(s) > most:
			return text + "..."
		default:
			return text
		}
	}
	return short(a), short(b)
}

// errTorn says that a log ends here: with less than a record, or with something that is none.
var errTorn = errors.New("is damaged at its beginning")

// logScanner reads the records of a log from its beginning.
type logScanner struct {
	r    io.Reader
	left int64 // bytes to come
	at   int64 // bytes read, to the end of the last record
	buf  []byte
}

// key reads the magic and the first record.
func (s *logScanner) key() (k logKey, err error) {
	magic := make([]byte, len(logMagic))
	if _, err := io.ReadFull(s.r, magic); err != nil || string(magic) != logMagic {
		if rest, ok := strings.CutPrefix(string(magic), logMagic[:len("oodflow-part ")]); ok && err == nil {
			return k, fmt.Errorf("is of version %.1s, and this oodflow writes version 1: resume with the oodflow that wrote it", rest)
		}
		return k, errors.New("is not what an interrupted extraction leaves")
	}
	s.at, s.left = int64(len(magic)), s.left-int64(len(magic))
	payload, err := s.record(maxKey)
	if err != nil {
		return k, err
	}
	if err := json.Unmarshal(payload, &k); err != nil || k.Key == nil {
		return k, errTorn
	}
	return k, nil
}

// record returns the payload of the next record, which is valid until the one after. A record that is larger than most, not
// all there, or has another checksum is errTorn.
func (s *logScanner) record(most int64) ([]byte, error) {
	var fixed [8]byte
	if s.left < recordEnds {
		return nil, errTorn
	}
	if _, err := io.ReadFull(s.r, fixed[:]); err != nil {
		return nil, shrunk(err)
	}
	n := binary.LittleEndian.Uint64(fixed[:])
	if n > uint64(min(most, s.left-recordEnds)) {
		return nil, errTorn
	}
	s.buf = slices.Grow(s.buf[:0], int(n)+4)[:n+4]
	if _, err := io.ReadFull(s.r, s.buf); err != nil {
		return nil, shrunk(err)
	}
	sum := crc32.Update(crc32.Checksum(fixed[:], castagnoli), castagnoli, s.buf[:n])
	if sum != binary.LittleEndian.Uint32(s.buf[n:]) {
		return nil, errTorn
	}
	s.at += recordEnds + int64(n)
	s.left -= recordEnds + int64(n)
	return s.buf[:n], nil
}

// shrunk words the end of a file before the size that it had.
func shrunk(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("became shorter while it was read")
	}
	return bare(err)
}

// batchRecord is what a record says of its batch.
type batchRecord struct {
	n        int
	flags    uint32
	mark     []byte
	features int64 // where they begin in the payload
}

// parseBatch proves that a payload is that of a batch.
func parseBatch(p []byte, d, c int) (b batchRecord, err error) {
	damaged := errors.New("holds a batch that contradicts itself")
	if len(p) < recordFixed {
		return b, damaged
	}
	n, m := uint64(binary.LittleEndian.Uint32(p)), uint64(binary.LittleEndian.Uint32(p[8:]))
	b.flags = binary.LittleEndian.Uint32(p[4:])
	rest := uint64(len(p) - recordFixed)
	image := perImage + 4*(uint64(d)+uint64(c))
	if n == 0 || m > rest || n > (rest-m)/image || b.flags&^(knowsLabels|knowsIDs) != 0 {
		return b, damaged
	}
	b.n, b.mark, b.features = int(n), p[recordFixed:recordFixed+m], recordFixed+int64(m)
	text := p[recordFixed+m+n*image:]
	ends := p[recordFixed+m+n*(image-4):][:4*n]
	from := uint32(0)
	for i := range n {
		end := binary.LittleEndian.Uint32(ends[4*i:])
		if end < from || uint64(end) > uint64(len(text)) || !utf8.Valid(text[from:end]) {
			return b, damaged
		}
		from = end
	}
	if uint64(from) != uint64(len(text)) {
		return b, damaged
	}
	return b, nil
}
