package npy

import (
	"archive/zip"
	"errors"
	"io"
)

// ArchiveWriter writes a .npz file, array by array, as np.savez does: not compressed.
type ArchiveWriter struct {
	z    *zip.Writer
	last *Writer
}

// NewArchiveWriter starts a .npz file on w.
func NewArchiveWriter(w io.Writer) *ArchiveWriter { return &ArchiveWriter{z: zip.NewWriter(w)} }

// Create starts the array called name, after the one before is complete. There is no time stamp.
func (a *ArchiveWriter) Create(name string, t Type, shape ...int64) (*Writer, error) {
	if err := a.finish(); err != nil {
		return nil, err
	}
	member, err := a.z.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: zip.Store})
	if err != nil {
		return nil, err
	}
	a.last, err = NewWriter(member, t, shape...)
	return a.last, err
}

func (a *ArchiveWriter) finish() error {
	if a.last == nil {
		return nil
	}
	return a.last.Close()
}

// Close writes the end of the archive. It does not close the underlying writer.
func (a *ArchiveWriter) Close() error { return errors.Join(a.finish(), a.z.Close()) }
