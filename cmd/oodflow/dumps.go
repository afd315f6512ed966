package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/detect"
)

// featureFiles are the extensions of files that features.Open reads.
var featureFiles = []string{"safetensors", "npy", "npz", "parquet"}

// featuresHelp describes FEATURES in the help of commands that read them.
const featuresHelp = `FEATURES is a file written by 'oodflow extract', or one from elsewhere: an .npy
file, or arrays in an .npz or .safetensors file, or columns of a .parquet file
whose vectors are lists of one length. Arrays are found by their names (features,
feats, embeddings, x, ...; logits; labels, y, ...; ids), and what was found is
printed; --features-key names the features where that is not right.`

// dumpOptions say how files of features are read.
type dumpOptions struct {
	key string // the array that holds the features, or ""
}

// AddFlags defines the flags.
func (o *dumpOptions) AddFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.key, "features-key", "", "the features are the array or column called `NAME` (default: found by its name)")
	noFiles(cmd, "features-key")
}

// checkSafetensors refuses a name that promises another format than is written.
func checkSafetensors(out string) error {
	ext := strings.ToLower(strings.TrimPrefix(filepath.Ext(out), "."))
	if ext == featureFiles[0] || !slices.Contains(featureFiles, ext) {
		return nil
	}
	name := strings.TrimSuffix(out, filepath.Ext(out)) + "." + featureFiles[0]
	return usagef("--out %s would be a safetensors file under another name: write %s, and make it a .%[3]s with 'oodflow features convert %[2]s %[1]s'",
		out, name, ext)
}

// openReader opens a file of features to be read image by image, and tells which of its arrays are read.
func (o dumpOptions) openReader(path string, c *console) (*features.Reader, error) {
	r, err := features.OpenOptions{Key: o.key}.OpenReader(path)
	if err != nil {
		return nil, err
	}
	if found := r.Found(); found != "" {
		c.note("%s: %s", path, found)
	}
	return r, nil
}

// openChecked does so, and checks what the reader holds in memory. Whoever reads images checks their values.
func (o dumpOptions) openChecked(path string, c *console) (*features.Reader, error) {
	r, err := o.openReader(path, c)
	if err != nil {
		return nil, err
	}
	if err := r.Check(); err != nil {
		r.Close()
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return r, nil
}

// openScored opens a file of features that a detector is to score, and refuses one made by another classifier, from another
// tensor or with other preprocessing.
func (o dumpOptions) openScored(path string, file *detect.File, c *console) (*features.Reader, error) {
	r, err := o.openChecked(path, c)
	if err != nil {
		return nil, err
	}
	if err := file.Fits(r); err != nil {
		r.Close()
		return nil, fmt.Errorf("score %s: %w", path, err)
	}
	return r, nil
}

// whole reads all that a checked reader reads, and checks its values.
func whole(r *features.Reader, path string) (*features.Set, error) {
	set, err := r.Read(features.Span(0, r.N))
	if err != nil {
		return nil, err
	}
	if err := set.Check(); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return set, nil
}
