package detect

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"os"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/atomicfile"
	"github.com/oodflow/oodflow/internal/safetensors"
)

// A checkpoint is a safetensors file with these fields:
//
//	metadata         meaning
//	format           "oodflow-checkpoint"
//	format_version   "1"
//	method           "flow"
//	version          version of oodflow that wrote it
//	data             SHA-256 of the training features, labels, logits and their provenance
//	settings         JSON, see checkpointSettings
//	training         JSON, see [flow.Checkpoint]
//	classifier, classifier_sha256, tensor, pool, preprocess, engine, source
//	                 provenance of the training features; absent when not known
//
//	tensor           type, shape   meaning
//	train.order      I64 [n]       the rows in the order of the epoch
//	...                            see [flow.Checkpoint.Layout]
//	checksum         U8 [4]        CRC-32C of all bytes before it, little-endian; the last of the file
const (
	checkpointFormat  = "oodflow-checkpoint"
	checkpointVersion = "1"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// saveCheckpoint writes c to path, atomically.
func saveCheckpoint(path string, c *Checkpoint, p features.Provenance) error {
	settings, err := json.Marshal(c.settings)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	training, err := json.Marshal(&c.training)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	meta := provenanceToMap(p)
	maps.DeleteFunc(meta, func(_, v string) bool { return v == "" })
	maps.Copy(meta, map[string]string{
		"format": checkpointFormat, "format_version": checkpointVersion, "method": "flow", "version": c.Version,
		"data": c.data, "settings": string(settings), "training": string(training),
	})
	e := &encoder{meta: meta}
	e.ints("train.order", c.training.Order)
	for _, t := range c.training.Tensors {
		if t.F64 != nil {
			e.float64(t.Name, t.F64, t.Shape...)
		} else {
			e.float32(t.Name, t.F32, t.Shape...)
		}
	}
	return atomicfile.Write(path, e.writeWithChecksum)
}

// writeWithChecksum is writeTo with a last tensor that holds the CRC-32C of everything before it.
func (e *encoder) writeWithChecksum(w io.Writer) error {
	sum := crc32.New(castagnoli)
	e.declare("checksum", safetensors.U8, []int{crc32.Size})
	e.write = append(e.write, func(sw *safetensors.Writer) error {
		_, err := sw.Write(binary.LittleEndian.AppendUint32(nil, sum.Sum32()))
		return err
	})
	return e.writeTo(io.MultiWriter(w, sum))
}

// LoadCheckpoint reads a checkpoint. Errors name the file; that there is none is [io/fs.ErrNotExist].
func LoadCheckpoint(path string) (*Checkpoint, error) {
	st, err := safetensors.Open(path)
	if err != nil {
		return nil, err
	}
	defer st.Close()
	c, err := decodeCheckpoint(st, func() error { return verifyChecksum(path) })
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return c, nil
}

// verifyChecksum compares the file's last bytes with the CRC-32C of the others.
func verifyChecksum(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	sum := crc32.New(castagnoli)
	if _, err := io.CopyN(sum, f, st.Size()-crc32.Size); err != nil {
		return err
	}
	var want [crc32.Size]byte
	if _, err := io.ReadFull(f, want[:]); err != nil {
		return err
	}
	if binary.LittleEndian.Uint32(want[:]) != sum.Sum32() {
		return errors.New("the file is damaged: its checksum does not fit")
	}
	return nil
}

// decodeCheckpoint reads what saveCheckpoint wrote; verify proves that the bytes are still the same.
func decodeCheckpoint(st *safetensors.File, verify func() error) (*Checkpoint, error) {
	meta := st.Metadata
	switch {
	case meta["format"] != checkpointFormat:
		return nil, fmt.Errorf("not a checkpoint of oodflow train (its format is %q)", meta["format"])
	case meta["format_version"] != checkpointVersion:
		return nil, fmt.Errorf("checkpoint format version %q; this oodflow reads version %s: resume with the oodflow that wrote it (%s)",
			meta["format_version"], checkpointVersion, meta["version"])
	}
	if err := verify(); err != nil {
		return nil, err
	}
	c := &Checkpoint{Version: meta["version"], data: meta["data"]}
	if err := json.Unmarshal([]byte(meta["settings"]), &c.settings); err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	if err := json.Unmarshal([]byte(meta["training"]), &c.training); err != nil {
		return nil, fmt.Errorf("training: %w", err)
	}
	if err := c.training.Config.Check(); err != nil {
		return nil, err
	}
	return c, c.decodeTensors(&decoder{file: st})
}

func (c *Checkpoint) decodeTensors(d *decoder) error {
	layout := c.training.Layout()
	for _, t := range layout { // before anything is allocated for them
		if err := d.has(t.Name, t.Shape); err != nil {
			return err
		}
	}
	if _, err := d.shape("train.order", 1); err != nil {
		return err
	}
	order, err := d.file.Int64("train.order")
	if err != nil {
		return err
	}
	for _, row := range order {
		c.training.Order = append(c.training.Order, int(row))
	}
	for _, t := range layout {
		if info, _ := d.file.Info(t.Name); info.DType == safetensors.F64 {
			t.F64, err = d.file.Float64(t.Name)
		} else {
			t.F32, err = d.file.Float32(t.Name)
		}
		if err != nil {
			return err
		}
		c.training.Tensors = append(c.training.Tensors, t)
	}
	return nil
}
