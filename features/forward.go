package features

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/oodflow/oodflow/internal/atomicfile"
	"github.com/oodflow/oodflow/internal/safetensors"
)

// stream yields a matrix's rows in order.
type stream interface {
	next(dst []float32) error
	io.Closer
}

// readStream is a stream by a function.
type readStream struct {
	read func(dst []float32) error
	io.Closer
}

func (s *readStream) next(dst []float32) error { return s.read(dst) }

// forwardMatrix can only be read from its beginning on, being compressed or in pages. Rows that follow those read last cost
// nothing more; others mean passing over rows or beginning again. When twice as many rows were passed over as there are, it is
// settled where any row can be reached: in place, in memory or in a scratch file.
type forwardMatrix struct {
	path        string // for errors
	rowsN, cols int
	start       func() (stream, error)
	place       func() (matrix, error) // nil, or gives nil, where it cannot be read in place

	mu      sync.Mutex
	s       stream
	at      int // the row that s yields next
	passed  int // rows that were passed over
	settled matrix
	scratch *os.File
}

// memoryBound is how large a settled matrix is kept in memory, in bytes.
var memoryBound int64 = 64 << 20

func (m *forwardMatrix) rows(dst []float32, index []int) error {
	done, err := m.forward(dst, index)
	if err != nil || done == len(index) {
		return err
	}
	return m.settled.rows(dst[done*m.cols:], index[done:])
}

// forward reads rows until the matrix is settled.
func (m *forwardMatrix) forward(dst []float32, index []int) (done int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for done < len(index) && m.settled == nil {
		if err := m.reach(index[done]); err != nil || m.settled != nil {
			return done, err
		}
		end := done + run(index[done:])
		if err := m.read(dst[done*m.cols : end*m.cols]); err != nil {
			return done, err
		}
		done = end
	}
	return done, nil
}

// reach goes to a row, or settles.
func (m *forwardMatrix) reach(row int) error {
	cost := row - m.at
	if cost < 0 {
		cost = m.at
	}
	if m.passed += cost; m.passed > 2*m.rowsN {
		return m.settle()
	}
	if row < m.at {
		if err := m.restart(); err != nil {
			return err
		}
	}
	skip := make([]float32, min(row-m.at, rowsAtATime(m.cols))*m.cols)
	for m.at < row {
		if err := m.read(skip[:min(len(skip), (row-m.at)*m.cols)]); err != nil {
			return err
		}
	}
	return nil
}

// read reads the rows that follow.
func (m *forwardMatrix) read(dst []float32) error {
	if m.s == nil {
		s, err := m.start()
		if err != nil {
			return err
		}
		m.s, m.at = s, 0
	}
	if err := m.s.next(dst); err != nil {
		m.restart()
		return err
	}
	m.at += len(dst) / m.cols
	return nil
}

func (m *forwardMatrix) restart() (err error) {
	if m.s != nil {
		err = m.s.Close()
	}
	m.s, m.at = nil, 0
	return err
}

// settle puts the matrix where any row can be reached.
func (m *forwardMatrix) settle() error {
	if err := m.restart(); err != nil {
		return err
	}
	if m.place != nil {
		placed, err := m.place()
		if placed != nil || err != nil {
			m.settled = placed
			return err
		}
	}
	var err error
	if 4*int64(m.rowsN)*int64(m.cols) <= memoryBound {
		x := make([]float32, m.rowsN*m.cols)
		if err = m.read(x); err == nil {
			m.settled = memoryMatrix{x, m.cols}
		}
	} else {
		err = m.unpack()
	}
	return errors.Join(err, m.restart())
}

// unpack settles in a scratch file, which has no name where the system allows that. One that could not be filled is given up.
func (m *forwardMatrix) unpack() (err error) {
	f, err := atomicfile.Spool(filepath.Join(os.TempDir(), "oodflow-features"))
	if err != nil {
		return m.scratchError(err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, atomicfile.Disown(f))
		}
	}()
	put, width := safetensors.Encode(safetensors.F32)
	get, _ := safetensors.Decode(safetensors.F32)
	x := make([]float32, min(m.rowsN, rowsAtATime(m.cols))*m.cols)
	b := make([]byte, len(x)*width)
	for m.at < m.rowsN {
		part := x[:min(len(x), (m.rowsN-m.at)*m.cols)]
		if err := m.read(part); err != nil {
			return err
		}
		put(b, part)
		if _, err := f.Write(b[:len(part)*width]); err != nil {
			return m.scratchError(err)
		}
	}
	m.scratch = f
	m.settled = fileMatrix{m.cols, func(dst []float32, from int64) error {
		if err := safetensors.DecodeAt(dst, f, from, width, get); err != nil {
			return m.scratchError(err)
		}
		return nil
	}}
	return nil
}

func (m *forwardMatrix) scratchError(err error) error {
	return fmt.Errorf("read %s: it is unpacked into a scratch file in %s: %w; set TMPDIR to a folder with more room, or convert the "+
		"file to .safetensors first", m.path, os.TempDir(), bare(err))
}

// Close removes the scratch file.
func (m *forwardMatrix) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.restart()
	if m.scratch != nil {
		err = errors.Join(err, atomicfile.Disown(m.scratch))
		m.scratch = nil
	}
	return err
}
