package main

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/imageset"
)

// shard is the value of --shard: part number of of parts. The zero value is all images.
type shard struct{ number, of int }

var _ pflag.Value = (*shard)(nil)

func (s *shard) String() string {
	if *s == (shard{}) {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.number, s.of)
}

// Type is empty: the usage text of the flag names the value.
func (s *shard) Type() string { return "" }

// Set takes "2/4".
func (s *shard) Set(text string) error {
	var v shard
	if n, err := fmt.Sscanf(text, "%d/%d", &v.number, &v.of); n < 2 || err != nil || v.String() != text || v.number < 1 || v.number > v.of || v.of > features.MaxShards {
		return fmt.Errorf("want I/N with I from 1 to N, as in 2/4, and N at most %d", features.MaxShards)
	}
	*s = v
	return nil
}

// in returns which of the pipeline's images the shard is, nil for all.
func (s *shard) in(ctx context.Context, p *pipeline) (*features.Shard, error) {
	if *s == (shard{}) {
		return nil, nil
	}
	if p.src.Name() == "-" {
		return nil, withHint(fmt.Errorf("--shard %s: how many images a list on standard input names shows only at its end", s), "save the list as a file")
	}
	total, err := imageset.Count(ctx, p.src)
	if err != nil {
		return nil, err
	}
	if p.limit > 0 {
		total = min(total, p.limit)
	}
	part := features.ShardOf(s.number, s.of, total, p.info.Together)
	if part.First >= part.End {
		return nil, withHint(fmt.Errorf("--shard %s: the %d images of %s are too few for %d parts of whole batches of %d", s, total, p.src.Name(), s.of, p.info.Together),
			"make fewer parts, or --batch smaller")
	}
	return part, nil
}
