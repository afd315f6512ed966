package detect

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/oodflow/oodflow/features"
)

// DefaultShare is the share of the training images that is held out to set the threshold.
const DefaultShare = 0.1

// leastHeld is the number of images that are held out where the share asks for fewer and there are twice as many: with 50
// reference scores a p-value is resolved to 0.02 and the threshold is good to about 3 points of the 95 %.
const leastHeld = 50

// mostHeld is the number of images that are held out at most unless a larger share is asked for: with 2,000 reference
// scores the share of new images that the threshold passes is good to half a point, and every further image serves the
// fit better.
const mostHeld = 2000

// mostWatched is the number of images that decide when a flow's training stops, at most: the gain in likelihood over a
// Gaussian is the mean of as many differences, and known to about a thousandth of a nat per dimension.
const mostWatched = 1000

// DefaultHeld is the share of n images to hold out where none is asked for: a tenth, but at most 2,000.
func DefaultHeld(n int) float64 { return min(DefaultShare, mostHeld/float64(n)) }

// DefaultParts is how many of n images [TrainFlow] holds out for the threshold, and how many of the rest it stops by, when
// no share is asked for; the others are fitted to. Both are 0 where there are too few.
func DefaultParts(n int) (held, watched int) {
	rest, calibration := Split(n, DefaultHeld(n), 0)
	fit, valid := splitRest(len(rest), DefaultHeld(n), 0)
	if len(fit) < 2 || len(valid) == 0 || len(calibration) == 0 {
		return 0, 0
	}
	return len(calibration), len(valid)
}

// splitRest divides n images that are not held out into those to fit to and those to stop by: as large a share of them, but
// at most mostWatched.
func splitRest(n int, share float64, seed uint64) (fit, valid []int) {
	return Split(n, min(share, mostWatched/float64(n)), seed+1)
}

// stoppedBy is which of the n images of the training its end was decided by; those of a training with default settings where n
// is the number of other images.
func (t Training) stoppedBy(n int) []int {
	held := n - t.Images - t.Validation
	if held < 1 || t.Validation < 1 {
		held, t.Validation = DefaultParts(n)
	}
	rest, _ := Split(n, float64(held)/float64(n), t.Seed)
	_, valid := Split(len(rest), float64(t.Validation)/float64(len(rest)), t.Seed+1)
	return pickRows(rest, 1, valid)
}

// Split divides the rows 0..n-1 at random into those to fit on and those to hold out, both ascending. It holds out
// share·n rows, rounded, but at least 50 or half of n, whichever is less, and at most n-1; with n below 2 nothing. The split
// depends on nothing but its arguments.
func Split(n int, share float64, seed uint64) (train, held []int) {
	count := int(math.Round(share * float64(n)))
	count = max(0, min(max(count, min(leastHeld, n/2)), n-1))
	r := rand.New(rand.NewPCG(seed, 0x6f6f64666c6f77)) // the second word is "oodflow"
	order := r.Perm(n)
	held, train = order[:count], order[count:]
	slices.Sort(held)
	slices.Sort(train)
	return train, held
}

// subset returns the given rows of s as a set of its own. Head, class names and provenance are shared.
func subset(s *features.Set, rows []int) *features.Set {
	out := *s
	out.N = len(rows)
	out.Features = pickRows(s.Features, s.D, rows)
	out.Logits = pickRows(s.Logits, s.C, rows)
	out.Labels = pickRows(s.Labels, 1, rows)
	out.IDs = make([]string, len(rows))
	for k, i := range rows {
		out.IDs[k] = imageID(s, i)
	}
	return &out
}

// pickRows copies the given rows of a matrix of width columns, or returns nil for a matrix that is nil.
func pickRows[T any](x []T, width int, rows []int) []T {
	if x == nil {
		return nil
	}
	out := make([]T, 0, len(rows)*width)
	for _, i := range rows {
		out = append(out, x[i*width:(i+1)*width]...)
	}
	return out
}
