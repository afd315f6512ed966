package detect

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"math"
	"slices"
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
	set      *features.Reader
	version  string
	data     string // fingerprint of set, "" before it is needed
	settings checkpointSettings
	last     time.Time     // end of the last writing, at first the start
	pause    time.Duration // until the next one
}

func newKeeper(r *features.Reader, opt FlowOptions) *keeper {
	k := &keeper{Keep: opt.Keep, set: r, version: opt.Version, settings: checkpointSettings{Share: opt.Share, Raw: opt.Raw}}
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
	start := time.Now()
	err := k.write(c)
	k.last = time.Now()
	k.pause = max(k.Every, writingShare*k.last.Sub(start))
	if k.Saved != nil {
		k.Saved(c.Report.Steps, err)
	}
}

// write writes a checkpoint of the features that were there at the start: it is an error if they are there no longer.
func (k *keeper) write(c *flow.Checkpoint) (err error) {
	if k.data == "" {
		if k.data, err = fingerprint(k.set); err != nil {
			return err
		}
	}
	return saveCheckpoint(k.Path, &Checkpoint{Version: k.version, data: k.data, settings: k.settings, training: *c}, k.set.Provenance)
}

// check returns a *flow.ResumeError when the checkpoint to go on from is one of other data or settings. The flow compares
// its own options.
func (k *keeper) check() error {
	if k.Resume == nil {
		return nil
	}
	var differ []string
	var err error
	if k.data, err = fingerprint(k.set); err != nil {
		return err
	}
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

// fingerprint returns the SHA-256 of everything in a set that a detector depends on, in hexadecimal.
func fingerprint(r *features.Reader) (string, error) {
	h := sha256.New()
	b, err := json.Marshal(r.Provenance)
	if err != nil {
		panic(err) // a struct of strings always survives this
	}
	fmt.Fprintf(h, "%s %d %d %d %d\n", b, r.N, r.D, r.C, len(r.Labels))
	if err := hashRows(h, r.N, r.D, r.Features); err != nil {
		return "", err
	}
	if err := hashRows(h, r.N, r.C, r.Logits); err != nil {
		return "", err
	}
	binary.Write(h, binary.LittleEndian, r.Labels) // a hash takes everything
	return hex.EncodeToString(h.Sum(nil)), nil
}

// hashRows feeds a matrix of n rows to h, some of them at a time.
func hashRows(h hash.Hash, n, cols int, read func(dst []float32, index []int) error) error {
	const some = 1024
	if cols == 0 {
		return nil
	}
	x, b := make([]float32, min(n, some)*cols), make([]byte, 0, 4*min(n, some)*cols)
	for index := range slices.Chunk(features.Span(0, n), some) {
		part := x[:len(index)*cols]
		if err := read(part, index); err != nil {
			return err
		}
		b = b[:0]
		for _, v := range part {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		h.Write(b)
	}
	return nil
}
