package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/detect"
)

// inFile puts the path in front of errors about single images, which name the image alone.
func inFile(err error, path string) error {
	var zero *features.ZeroVectorError
	var bad *features.NotFiniteError
	if errors.As(err, &zero) || errors.As(err, &bad) {
		return fmt.Errorf("%s: %w", path, err)
	}
	return err
}

// interruptibly runs f and returns when it is done or ctx is cancelled, whichever comes first. f may then still be
// computing: it must not write files.
func interruptibly(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// trainingDump names the file of features that a detector was trained on, so that eval can fit baselines to the same
// images. It is kept in the detector file, in the report of its training.
type trainingDump struct {
	Path   string `json:"path"` // from the detector's folder
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
	Key    string `json:"key,omitempty"` // the array that the features were read from, where it was named
}

// trainingReport is what this program puts into the report of a training: the dump, and what the method itself reports.
type trainingReport struct {
	Features trainingDump    `json:"features"`
	Method   json.RawMessage `json:"method,omitempty"`
}

// describeDump makes the trainingDump for a detector at the given path.
func describeDump(features, key, detector string) (trainingDump, error) {
	size, sum, err := checksum(features)
	if err != nil {
		return trainingDump{}, err
	}
	return trainingDump{Path: relative(filepath.Dir(detector), features), Size: size, SHA256: sum, Key: key}, nil
}

// relative is path as seen from dir, with slashes, or as it is where there is no way from one to the other.
func relative(dir, path string) string {
	absDir, err1 := filepath.Abs(dir)
	absPath, err2 := filepath.Abs(path)
	if err := errors.Join(err1, err2); err != nil {
		return filepath.ToSlash(path)
	}
	rel, err := filepath.Rel(absDir, absPath)
	if err != nil {
		return filepath.ToSlash(path)
	}
	return filepath.ToSlash(rel)
}

// errNoDump says that a detector does not tell what it was trained on.
var errNoDump = errors.New("the detector does not say what it was trained on")

// findDump returns the path of the features that a detector was trained on, if they are still there, unchanged, and how they
// are read.
func findDump(file *detect.File, detector string) (string, dumpOptions, error) {
	var report trainingReport
	if err := json.Unmarshal(file.Training.Report, &report); err != nil || report.Features.SHA256 == "" {
		return "", dumpOptions{}, errNoDump
	}
	path := filepath.FromSlash(report.Features.Path)
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(detector), path)
	}
	st, err := os.Stat(path)
	if err != nil {
		return "", dumpOptions{}, fmt.Errorf("the training features are not at %s any more", path)
	}
	changed := fmt.Errorf("%s is not the file that the detector was trained on", path)
	if st.Size() != report.Features.Size {
		return "", dumpOptions{}, changed
	}
	if _, sum, err := checksum(path); err != nil || sum != report.Features.SHA256 {
		return "", dumpOptions{}, errors.Join(err, changed)
	}
	return path, dumpOptions{key: report.Features.Key}, nil
}

// checksum returns size and SHA-256 of a file.
func checksum(path string) (int64, string, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, "", fmt.Errorf("read %s: %w", path, reason(err))
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return 0, "", fmt.Errorf("read %s: %w", path, reason(err))
	}
	return n, hex.EncodeToString(h.Sum(nil)), nil
}
