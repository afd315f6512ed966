package detect

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"math"
	"time"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/flow"
)

// Checkpoint is an interrupted training of a flow, as [LoadCheckpoint] found it.
type Checkpoint struct {
	Version string // version of oodflow that wrote it

	data     string // SHA-256 of the training features, see fingerprint
	settings checkpointSettings
	training flow.Checkpoint
}

// checkpointSettings are the options of [TrainFlow] that are not the flow's own.
type checkpointSettings struct {
	Share float64 `json:"share"`
	Raw   bool    `json:"raw"`
}

// Step returns the number of training steps done.
func (c *Checkpoint) Step() int { return c.training.Report.Steps }

// Keep says where [TrainFlow] keeps its state while it trains, and where it goes on from.
type Keep struct {
	// Path is the checkpoint's file; nothing is kept when it is empty.
	Path string
	// Every is the time between two checkpoints, 0 for DefaultEvery. It is stretched where writing takes long, so
	// that no more than a twentieth of the time goes into it.
	Every time.Duration
	// Resume is the checkpoint to go on from; nil starts at the beginning.
	Resume *Checkpoint
	// Saved, if not nil, is told of every attempt to write: the step, and the error. A disk that is full does not end
	// the training, and the last checkpoint that could be written stays.
	Saved func(step int, err error)
}

// DefaultEvery is the time between two checkpoints: short enough to lose little, and longer than most trainings take.
const DefaultEvery = 3 * time.Second

// writingShare is how many times as long as the last checkpoint took to write the next one is put off.
const writingShare = 20

// keeper writes the checkpoints of one training.
type keeper struct {
	Keep
	set      *features.Set
	version  string
	data     string // fingerprint of set, "" before it is needed
	settings checkpointSettings
	last     time.Time     // end of the last writing, at first the start
	pause    time.Duration // until the next one
}

func newKeeper(s *features.Set, opt FlowOptions) *keeper {
	k := &keeper{Keep: opt.Keep, set: s, version: opt.Version, settings: checkpointSettings{Share: opt.Share, Raw: opt.Raw}}
	if k.Every == 0 {
		k.Every = DefaultEvery
	}
	k.last, k.pause = time.Now(), k.Every
	return k
}

// keeping is what package flow is to know of it.
func (k *keeper) keeping() flow.Keeping {
	var keep flow.Keeping
	if k.Path != "" {
		keep.Due, keep.Save = k.due, k.save
	}
	if k.Resume != nil {
		keep.Resume = &k.Resume.training
	}
	return keep
}

// due tells whether to write now. At the end of an epoch a third of the pause will do.
func (k *keeper) due(epoch bool) bool {
	pause := k.pause
	if epoch {
		pause /= 3
	}
	return time.Since(k.last) >= pause
}

func (k *keeper) save(c *flow.Checkpoint) {
	if k.data == "" {
		k.data = fingerprint(k.set)
	}
	start := time.Now()
	err := saveCheckpoint(k.Path, &Checkpoint{Version: k.version, data: k.data, settings: k.settings, training: *c}, k.set.Provenance)
	k.last = time.Now()
	k.pause = max(k.Every, writingShare*k.last.Sub(start))
	if k.Saved != nil {
		k.Saved(c.Report.Steps, err)
	}
}

// check returns a *flow.ResumeError when the checkpoint to go on from is one of other data or settings. The flow compares
// its own options.
func (k *keeper) check() error {
	if k.Resume == nil {
		return nil
	}
	var differ []string
	k.data = fingerprint(k.set)
	if k.Resume.data != k.data {
		differ = append(differ, "it was trained on other features")
	}
	there, here := k.Resume.settings, k.settings
	if there.Share != here.Share {
		differ = append(differ, fmt.Sprintf("the share held out is %v there and %v here", there.Share, here.Share))
	}
	if there.Raw != here.Raw {
		differ = append(differ, fmt.Sprintf("raw is %v there and %v here", there.Raw, here.Raw))
	}
	if differ != nil {
		return &flow.ResumeError{Differences: differ}
	}
	return nil
}

// fingerprint returns the SHA-256 of everything in s that a detector depends on, in hexadecimal.
func fingerprint(s *features.Set) string {
	h := sha256.New()
	b, err := json.Marshal(s.Provenance)
	if err != nil {
		panic(err) // a struct of strings always survives this
	}
	fmt.Fprintf(h, "%s %d %d %d %d\n", b, s.N, s.D, s.C, len(s.Labels))
	hashNumbers(h, s.Features, func(b []byte, v float32) []byte { return binary.LittleEndian.AppendUint32(b, math.Float32bits(v)) })
	hashNumbers(h, s.Logits, func(b []byte, v float32) []byte { return binary.LittleEndian.AppendUint32(b, math.Float32bits(v)) })
	hashNumbers(h, s.Labels, func(b []byte, v int64) []byte { return binary.LittleEndian.AppendUint64(b, uint64(v)) })
	return hex.EncodeToString(h.Sum(nil))
}

// hashNumbers feeds x to h, piece by piece.
func hashNumbers[T float32 | int64](h hash.Hash, x []T, add func([]byte, T) []byte) {
	const piece = 1 << 13
	buf := make([]byte, 0, 8*piece)
	for len(x) > 0 {
		n := min(len(x), piece)
		buf = buf[:0]
		for _, v := range x[:n] {
			buf = add(buf, v)
		}
		h.Write(buf)
		x = x[n:]
	}
}
