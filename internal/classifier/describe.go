package classifier

import (
	"path/filepath"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/onnx"
)

// describe gathers what is known of a classifier before its first run.
func describe(path, sum string, in input, head *onnx.Head, s started) Info {
	info := Info{
		Engine:        s.name,
		EngineVersion: s.version(),
		Warnings:      s.warnings,
		File:          filepath.Base(path),
		SHA256:        sum,
		FeatureTensor: head.Features,
		Pool:          head.Pool,
		Dim:           head.Dim,
		LogitsTensor:  head.Logits,
		Classes:       head.Classes,
		InputName:     in.name,
		Channels:      rgb,
		Height:        in.height,
		Width:         in.width,
		ChannelsLast:  in.channelsLast,
		Bytes:         in.bytes,
		FixedBatch:    in.batch,
		Why:           head.Why,
	}
	if r, ok := s.engine.(interface{ libraryPath() string }); ok {
		info.Library = r.libraryPath()
	}
	if head.Linear {
		info.Head = &features.Head{C: head.Classes, D: head.Dim, W: head.W, B: head.B}
	}
	return info
}
