package flow

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"

	"github.com/oodflow/oodflow/internal/kernel"
)

// Config is the shape of a flow: everything but its numbers.
type Config struct {
	// Arch names the blocks. Empty, as in files of versions that knew no other, is ArchRealNVP.
	Arch Arch `json:"arch,omitempty"`
	// Dim is the number of coordinates d of a feature vector; at least 2, since a coupling needs two halves.
	Dim int `json:"dim"`
	// Layers is the number K of blocks; 0 leaves the whitened base density alone.
	Layers int `json:"layers"`
	// Hidden is the width of each coupling's one hidden layer.
	Hidden int `json:"hidden"`
	// Clamp bounds every log-scale of a coupling: |s| < Clamp.
	Clamp float64 `json:"clamp"`
	// Whiten says whether a whitening layer comes first, and from which covariance it was estimated.
	Whiten Whitening `json:"whiten"`
	// Classes is the number of components of the base: 0 is a standard normal.
	Classes int `json:"classes"`
}

// Arch names what a block of a flow is made of.
type Arch string

const (
	// ArchRealNVP is ActNorm and an affine coupling (arXiv:1605.08803).
	ArchRealNVP Arch = "realnvp"
	// ArchGlow is ActNorm, an invertible linear map and an affine coupling (arXiv:1807.03039).
	ArchGlow Arch = "glow"
)

func (a Arch) check() error {
	switch a {
	case "", ArchRealNVP, ArchGlow:
		return nil
	}
	return fmt.Errorf("unknown architecture %q: want realnvp or glow", string(a))
}

// MaxClamp bounds Config.Clamp: exp(20) for each of a few couplings is still far from float32's range.
const MaxClamp = 20.0

// maxSize keeps the number of parameters within an int.
const maxSize = 1 << 18

// Check tells whether a flow of this shape can be.
func (c Config) Check() error {
	switch {
	case c.Dim < 2:
		return fmt.Errorf("flow over %d dimensions: a coupling needs at least 2", c.Dim)
	case c.Layers < 0:
		return fmt.Errorf("flow with %d layers", c.Layers)
	case c.Layers > 0 && c.Hidden < 1:
		return fmt.Errorf("flow with %d hidden units", c.Hidden)
	case c.Layers > 0 && !(c.Clamp > 0 && c.Clamp <= MaxClamp):
		return fmt.Errorf("flow with log-scale clamp %v: want a value in (0, %v]", c.Clamp, MaxClamp)
	case c.Classes < 0:
		return fmt.Errorf("flow with %d base components", c.Classes)
	case max(c.Dim, c.Layers, c.Hidden, c.Classes) > maxSize:
		return fmt.Errorf("flow of %d dimensions, %d layers, %d hidden units and %d components: want at most %d of each",
			c.Dim, c.Layers, c.Hidden, c.Classes, maxSize)
	}
	return errors.Join(c.Arch.check(), c.Whiten.check())
}

// Flow is a density over R^d. It is immutable once trained or loaded: its methods may be called from several
// goroutines.
type Flow struct {
	cfg    Config
	whiten *whiten // nil without whitening
	blocks []block
	base   base
	params []float32 // all learned numbers; blocks and base hold slices of it
	fixed  []float32 // K×2×d, a Glow's permutations and signs; blocks hold slices of it

	tapes, scorings, factorings sync.Pool // of *tape, *scoring and *factors, so that LogProb need not allocate
}

// newFlow returns a flow whose couplings are the identity: last layers are zero, first layers drawn from rng
// (Kaiming uniform, as torch.nn.Linear), and whose linear maps are random rotations, so that training starts at the base
// density itself once the base's means have gone through them.
func newFlow(cfg Config, rng *rand.Rand) (*Flow, error) {
	f, err := layout(cfg)
	if err != nil {
		return nil, err
	}
	for i := range f.blocks {
		f.blocks[i].init(rng)
	}
	return f, nil
}

// layout allocates a flow's parameters as one slice and hands each layer its part.
func layout(cfg Config) (*Flow, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	f := &Flow{cfg: cfg, params: make([]float32, cfg.params())}
	if cfg.Arch == ArchGlow {
		f.fixed = make([]float32, cfg.Layers*2*cfg.Dim)
	}
	rest := f.params
	for k := range cfg.Layers {
		var b block
		b, rest = newBlock(cfg, k, rest, f.fixed)
		f.blocks = append(f.blocks, b)
	}
	f.base = newBase(cfg, rest)
	if cfg.Whiten != WhitenNone {
		f.whiten = newWhiten(cfg.Dim)
	}
	return f, nil
}

// params is the number of learned parameters.
func (c Config) params() int {
	n := 0
	for k := range c.Layers {
		n += blockParams(c, k)
	}
	return n + c.Classes*c.Dim
}

// Config returns the flow's shape.
func (f *Flow) Config() Config { return f.cfg }

// Parameters returns the number of learned parameters, the whitening not counted.
func (f *Flow) Parameters() int { return len(f.params) }

// ErrNotFinite is returned when a log-density is NaN or infinite; the input that causes it is not finite itself or
// many orders of magnitude outside the training features.
var ErrNotFinite = errors.New("log-density is not finite")

// RowError says which row of the input an error is about.
type RowError struct {
	Of  string // "training" or "validation" in errors of [Train]
	Row int
	Err error
}

func (e *RowError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("%s row %d: %v", e.Of, e.Row, e.Err))
}

// Unwrap returns the reason.
func (e *RowError) Unwrap() error { return e.Err }

// LogProb writes log p(x_i), in nats, for each row of x (n×d, row-major) to dst and returns it; a nil dst is
// allocated. x is not changed. The result is finite or the error is a *RowError that wraps ErrNotFinite. It panics
// if len(x) is not a multiple of d or dst has another length than n.
func (f *Flow) LogProb(dst []float64, x []float32) ([]float64, error) {
	n := rows(x, f.cfg.Dim)
	if dst == nil {
		dst = make([]float64, n)
	}
	if len(dst) != n {
		panic(fmt.Sprintf("flow: LogProb of %d rows into %d", n, len(dst)))
	}
	f.score(dst, x)
	for i, p := range dst {
		if !finite(p) {
			return dst, &RowError{Row: i, Err: ErrNotFinite}
		}
	}
	return dst, nil
}

// Forward maps each row of x (n×d) to its latent z and returns z (n×d) with log |det ∂z/∂x| of each row.
func (f *Flow) Forward(x []float32) (z []float32, logdet []float64) {
	n, d := rows(x, f.cfg.Dim), f.cfg.Dim
	z, logdet = make([]float32, len(x)), make([]float64, n)
	p := f.newPrepared()
	f.prepare(p)
	f.shareRows(n, func(t *tape, lo, hi int) {
		copy(z[lo*d:], f.forward(t, x[lo*d:hi*d], logdet[lo:hi], p))
	})
	return z, logdet
}

// Inverse maps each row of z (n×d) back to x: Inverse(Forward(x)) = x up to rounding.
func (f *Flow) Inverse(z []float32) []float32 {
	n, d := rows(z, f.cfg.Dim), f.cfg.Dim
	x := make([]float32, len(z))
	copy(x, z)
	upper := f.uppers()
	f.shareRows(n, func(t *tape, lo, hi int) {
		part := x[lo*d : hi*d]
		for k := len(f.blocks) - 1; k >= 0; k-- {
			f.blocks[k].inverse(part, hi-lo, upper[k], &t.blocks[k])
		}
		if f.whiten != nil {
			f.whiten.inverse(part)
		}
	})
	return x
}

// uppers returns U of each linear map of a Glow, and of nil in a RealNVP.
func (f *Flow) uppers() [][]float32 {
	u := make([][]float32, len(f.blocks))
	for k, b := range f.blocks {
		if b.linear != nil {
			u[k] = make([]float32, f.cfg.Dim*f.cfg.Dim)
			b.linear.upper(u[k])
		}
	}
	return u
}

// Sample draws n feature vectors (n×d) from the density.
func (f *Flow) Sample(n int, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, sampleStream))
	return f.Inverse(f.base.sample(n, rng))
}

// Streams keep the draws of one seed for different purposes independent.
const (
	initStream = iota + 1
	shuffleStream
	sampleStream
)

// forward passes rows through whitening and blocks. z lives in t until its next use; logdet is
// written.
func (f *Flow) forward(t *tape, x []float32, logdet []float64, p *prepared) (z []float32) {
	n, d := len(logdet), f.cfg.Dim
	for i := range logdet {
		logdet[i] = p.ladj
	}
	if f.whiten != nil {
		f.whiten.forward(t.z, t.centred, x, p, t.gemm)
		x = t.z[:len(x)]
	}
	if len(f.blocks) == 0 {
		copy(t.z, x)
		return t.z[:n*d]
	}
	kernel.ActNorm(matrix(t.blocks[0].in, n, d), matrix(x, n, d), p.scale[0], p.shift[0])
	for k := range f.blocks {
		out := t.z
		if k+1 < len(f.blocks) {
			out = t.blocks[k+1].in
		}
		f.blocks[k].forward(out, n, p.scale[k+1], p.shift[k+1], p.w[k], logdet, &t.blocks[k])
	}
	return t.z[:n*d]
}

// start is the log-determinant that every row brings from the whitening.
func (f *Flow) start() float64 {
	if f.whiten == nil {
		return 0
	}
	return f.whiten.logdet[0]
}

func rows(x []float32, d int) int {
	if len(x)%d != 0 {
		panic(fmt.Sprintf("flow: %d numbers are not rows of %d", len(x), d))
	}
	return len(x) / d
}
