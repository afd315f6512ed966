package imageset

import (
	"fmt"
	"strconv"
	"strings"
)

// maxShards bounds how many names a pattern may stand for.
const maxShards = 100_000

// Shards lists the archives that Open reads for a pattern such as
// shards-{000..012}.tar; nil for what is no such pattern.
func Shards(source string) []string {
	names, _, err := expandShards(source)
	if err != nil {
		return nil
	}
	return names
}

// expandShards lists the names that a pattern such as shards-{000..012}.tar
// stands for. The numbers have as many digits as the first one. ok is false when
// it is no pattern.
func expandShards(pattern string) (names []string, ok bool, err error) {
	before, rest, ok1 := strings.Cut(pattern, "{")
	inside, after, ok2 := strings.Cut(rest, "}")
	first, last, ok3 := strings.Cut(inside, "..")
	if !ok1 || !ok2 || !ok3 || !isTarName(pattern) {
		return nil, false, nil
	}
	from, err1 := strconv.ParseUint(first, 10, 31)
	to, err2 := strconv.ParseUint(last, 10, 31)
	switch {
	case err1 != nil || err2 != nil:
		return nil, true, fmt.Errorf("{%s} is no range of numbers: expected one as {000..012}", inside)
	case from > to:
		return nil, true, fmt.Errorf("{%s} ends before it begins", inside)
	case to-from >= maxShards:
		return nil, true, fmt.Errorf("{%s} stands for %d files, more than the limit of %d", inside, to-from+1, maxShards)
	}
	for n := from; n <= to; n++ {
		name := fmt.Sprintf("%s%0*d%s", before, len(first), n, after)
		more, ok, err := expandShards(name)
		if !ok {
			more = []string{name}
		}
		if names = append(names, more...); err == nil && len(names) > maxShards {
			err = fmt.Errorf("it stands for more files than the limit of %d", maxShards)
		}
		if err != nil {
			return nil, true, err
		}
	}
	return names, true, nil
}
