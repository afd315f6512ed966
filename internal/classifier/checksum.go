package classifier

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/oodflow/oodflow/internal/onnx"
)

// checksum is the SHA-256, in lower-case hex, of the model file, followed by the files of its external data
// in the order of their names when it has any: changed weights must not pass for the same classifier.
func checksum(path string, m *onnx.Model) (string, error) {
	sum := sha256.New()
	sum.Write(m.Bytes())
	for _, name := range externalFiles(m.Bytes()) {
		if err := addFile(sum, filepath.Join(filepath.Dir(path), filepath.FromSlash(name))); err != nil {
			return "", fmt.Errorf("compute the SHA-256 of the model's external data: %w", err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func addFile(dst io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(dst, f)
	return err
}

// externalFiles lists the locations of a model's external data, sorted, each once. They are field 13,
// key "location", of the TensorProto initializers, field 5, of the GraphProto, field 7, of the ModelProto.
// The model has been read before, so malformed bytes need no message here.
func externalFiles(model []byte) []string {
	var names []string
	messages(model, 7, func(graph []byte) {
		messages(graph, 5, func(tensor []byte) {
			messages(tensor, 13, func(entry []byte) {
				var key, value string
				messages(entry, 1, func(b []byte) { key = string(b) })
				messages(entry, 2, func(b []byte) { value = string(b) })
				if key == "location" {
					names = append(names, value)
				}
			})
		})
	})
	slices.Sort(names)
	return slices.Compact(names)
}

// messages calls yield for every length-delimited field of the given number.
func messages(b []byte, number protowire.Number, yield func([]byte)) {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return
		}
		b = b[n:]
		if num == number && typ == protowire.BytesType {
			v, n := protowire.ConsumeBytes(b)
			if n < 0 {
				return
			}
			yield(v)
		}
		if n = protowire.ConsumeFieldValue(num, typ, b); n < 0 {
			return
		}
		b = b[n:]
	}
}
