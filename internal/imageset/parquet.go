package imageset

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/oodflow/oodflow/internal/parquet"
)

// parquetSource is the rows of Parquet files as Hugging Face's datasets keep
// images: a column that holds the bytes of picture files, and one of labels.
type parquetSource struct {
	name    string
	shards  []shard
	total   int
	classes []string
}

// shard is one of the files.
type shard struct {
	path         string
	rows         int
	image, label string // columns; label is "" without one
}

func (s *parquetSource) Name() string      { return s.name }
func (s *parquetSource) Len() int          { return s.total }
func (s *parquetSource) Classes() []string { return s.classes }

// openParquet opens a file, the files of a folder, or those that match a
// pattern, in order of their names. Of a folder with several splits,
// "train-00000-of-00002.parquet" and so on, "#train" takes one.
func openParquet(name, rest string) (Source, error) {
	files, err := parquetFiles(rest)
	if err != nil {
		return nil, fmt.Errorf("open images %s: %w", name, err)
	}
	s := &parquetSource{name: name}
	for i, path := range files {
		classes, err := s.add(path)
		if err != nil {
			return nil, fmt.Errorf("open images %s: read %s: %w", name, path, err)
		}
		if i > 0 && !slices.Equal(classes, s.classes) {
			return nil, fmt.Errorf("open images %s: %s and %s have other class names", name, files[0], path)
		}
		s.classes = classes
	}
	if s.total == 0 {
		return nil, fmt.Errorf("open images %s: there are no rows", name)
	}
	return s, nil
}

// parquetFiles lists the files of PATH#SPLIT.
func parquetFiles(rest string) ([]string, error) {
	dir, split := rest, ""
	if _, err := os.Stat(rest); err != nil {
		dir, split, _ = cutLast(rest, "#")
	}
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() && split == "" {
		return []string{dir}, nil
	}
	pattern := dir
	if err == nil && info.IsDir() {
		pattern = filepath.Join(escapePattern(dir), "*.parquet")
	}
	files, bad := filepath.Glob(pattern)
	if bad != nil {
		return nil, fmt.Errorf("pattern %s: %w", pattern, bad)
	}
	if len(files) == 0 && err != nil {
		return nil, err
	}
	return chooseSplit(files, dir, split)
}

// escapePattern makes a pattern of a path that matches the path alone.
func escapePattern(path string) string {
	return strings.NewReplacer(`*`, `[*]`, `?`, `[?]`, `[`, `[[]`).Replace(path)
}

// chooseSplit takes the files of a split. Without one, all have to be of the
// same: the training and the test images in one go are hardly meant.
func chooseSplit(files []string, dir, split string) ([]string, error) {
	found := map[string][]string{}
	var names []string
	for _, f := range files {
		name := splitOf(filepath.Base(f))
		if found[name] == nil {
			names = append(names, name)
		}
		found[name] = append(found[name], f)
	}
	switch {
	case len(files) == 0:
		return nil, fmt.Errorf("no .parquet files in %s", dir)
	case split != "" && found[split] == nil:
		return nil, fmt.Errorf("no files of the split %q: there are those of %s", split, strings.Join(names, ", "))
	case split != "":
		return found[split], nil
	case len(names) > 1:
		return nil, fmt.Errorf("%s has the splits %s: say which, as %s#%s", dir, strings.Join(names, ", "), dir, names[0])
	}
	return files, nil
}

// splitOf is "train" in train-00000-of-00002.parquet and, as datasets' older
// versions name them, in train-00000-of-00002-0123456789abcdef.parquet; and the
// name before the first dot of other files.
func splitOf(base string) string {
	name, _, _ := strings.Cut(base, ".")
	if before, after, ok := strings.Cut(name, "-of-"); ok && after != "" {
		if split, number, ok := cutLast(before, "-"); ok && strings.Trim(number, "0123456789") == "" {
			return split
		}
	}
	if strings.Trim(name, "0123456789") == "" { // 0000.parquet, in a folder named for its split
		return "all"
	}
	return name
}

// add reads the description of one file.
func (s *parquetSource) add(path string) (classes []string, err error) {
	f, file, err := openShard(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	sh := shard{path: path, rows: int(f.Rows)}
	if sh.image, err = imageColumn(f); err != nil {
		return nil, err
	}
	sh.label = labelColumn(f)
	s.shards = append(s.shards, sh)
	s.total += sh.rows
	return classNames(f, sh.label), nil
}

// openShard opens a file. Close it after use.
func openShard(path string) (*parquet.File, *os.File, error) {
	file, size, err := openRegular(path)
	if err != nil {
		return nil, nil, err
	}
	f, err := parquet.Open(file, size)
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return f, file, nil
}

// imageColumn finds the column of picture bytes: a struct with a field "bytes",
// or byte arrays called image or img.
func imageColumn(f *parquet.File) (string, error) {
	var all []string
	for _, c := range f.Columns {
		if c.Type == parquet.ByteArray && (strings.HasSuffix(c.Path, ".bytes") || c.Path == "image" || c.Path == "img") {
			all = append(all, c.Path)
		}
	}
	for _, name := range []string{"image.bytes", "img.bytes", "image", "img"} {
		if slices.Contains(all, name) {
			return name, nil
		}
	}
	if len(all) != 1 {
		return "", fmt.Errorf("expected a column image or img, a struct of bytes and path: the columns are %s", f.Schema())
	}
	return all[0], nil
}

// labelColumn finds the column of labels. Of CIFAR-100's two the fine one is
// taken.
func labelColumn(f *parquet.File) string {
	for _, name := range []string{"label", "labels", "fine_label", "target"} {
		if i := f.Column(name); i >= 0 && (f.Columns[i].Type == parquet.Int32 || f.Columns[i].Type == parquet.Int64) {
			return name
		}
	}
	return ""
}

// classNames reads the names of the labels from the notes that datasets leaves
// in its files; nil without such.
func classNames(f *parquet.File, label string) []string {
	var notes struct {
		Info struct {
			Features map[string]json.RawMessage `json:"features"`
		} `json:"info"`
	}
	if json.Unmarshal([]byte(f.Meta["huggingface"]), &notes) != nil {
		return nil
	}
	var feature struct {
		Names []string `json:"names"`
	}
	if json.Unmarshal(notes.Info.Features[label], &feature) != nil {
		return nil
	}
	for i, name := range feature.Names {
		feature.Names[i] = printable(name)
	}
	return feature.Names
}

func (s *parquetSource) read(from int) (reader, error) {
	r := &parquetReader{shards: s.shards}
	for len(r.shards) > 0 && from >= r.shards[0].rows {
		from -= r.shards[0].rows
		r.shards = r.shards[1:]
	}
	if len(r.shards) == 0 {
		return r, nil
	}
	if err := r.open(from); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// parquetReader reads row after row, group after group, file after file.
type parquetReader struct {
	shards        []shard // the present one first
	f             *parquet.File
	file          *os.File
	group         int
	left          int64 // rows of the group
	row           int   // of the file
	image, labels *parquet.Cursor
}

// open opens the first of the shards at a row.
func (r *parquetReader) open(row int) (err error) {
	s := r.shards[0]
	if r.f, r.file, err = openShard(s.path); err != nil {
		return fmt.Errorf("read %s: %w", s.path, err)
	}
	if r.f.Rows != int64(s.rows) {
		return fmt.Errorf("read %s: %w", s.path, errChanged)
	}
	r.group, r.row, r.left = -1, row, 0
	skip := int64(row)
	for r.group+1 < r.f.Groups() && skip >= r.f.GroupRows(r.group+1) {
		r.group++
		skip -= r.f.GroupRows(r.group)
	}
	return r.nextGroup(skip)
}

// nextGroup goes to the next group that has rows, and past the first of them.
func (r *parquetReader) nextGroup(skip int64) (err error) {
	s := r.shards[0]
	for r.left == 0 {
		if r.group++; r.group >= r.f.Groups() {
			return nil
		}
		r.left = r.f.GroupRows(r.group)
	}
	if r.image, err = r.cursor(s.image, skip); err != nil {
		return err
	}
	r.labels = nil
	if s.label != "" {
		r.labels, err = r.cursor(s.label, skip)
	}
	r.left -= skip
	return err
}

// cursor starts reading a column of the group.
func (r *parquetReader) cursor(column string, skip int64) (*parquet.Cursor, error) {
	i := r.f.Column(column)
	if i < 0 {
		return nil, fmt.Errorf("read %s: %w", r.shards[0].path, errChanged)
	}
	c, err := r.f.Cursor(r.group, i)
	if err == nil {
		err = c.Skip(skip)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", r.shards[0].path, err)
	}
	return c, nil
}

func (r *parquetReader) next(it *item) error {
	for r.left == 0 {
		if len(r.shards) == 0 {
			return io.EOF
		}
		if r.group < r.f.Groups() {
			if err := r.nextGroup(0); err != nil {
				return err
			}
			continue
		}
		r.file.Close()
		r.file, r.shards = nil, r.shards[1:]
		if len(r.shards) > 0 {
			if err := r.open(0); err != nil {
				return err
			}
		}
	}
	it.id, it.label = fmt.Sprintf("%s#%d", printable(filepath.Base(r.shards[0].path)), r.row), Unlabelled
	r.row++
	r.left--
	return r.fill(it)
}

// fill reads the row's picture and label.
func (r *parquetReader) fill(it *item) error {
	v, err := r.image.Next()
	if err == nil {
		it.buf = append(it.buf[:0], v.Bytes...)
		if v.Null {
			it.bad = errors.New("the row holds no picture")
		}
		if r.labels != nil {
			if v, err = r.labels.Next(); err == nil && !v.Null && v.Int >= 0 {
				it.label = v.Int
			}
		}
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", r.shards[0].path, err)
	}
	return nil
}

func (r *parquetReader) Close() error {
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}
