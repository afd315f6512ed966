package imageset

import (
	"fmt"
	"strings"
	"time"
)

// Report says what became of the images of a source.
type Report struct {
	// Images is the number of images handed over.
	Images int
	// Skipped lists the images that could not be read, in order.
	Skipped []Skip
	// Ignored is the number of files passed over because their names are not
	// those of image files.
	Ignored int
	// Times is where the time of this Load went.
	Times Times
}

// Times is where the time of a [Load] went. Decode and Preprocess are sums over
// the workers, which work at the same time as each other and as the caller;
// Waiting is the caller's.
type Times struct {
	// Decode is reading the files and what their formats take to pixels or,
	// of JPEG, to samples.
	Decode time.Duration
	// Preprocess is all from there to the tensors: colours, resizing, scaling.
	Preprocess time.Duration
	// Waiting is how long the caller had no batch to work on.
	Waiting time.Duration
	// Workers is the number of images that were decoded at the same time.
	Workers int
}

// Skip is an image that could not be read.
type Skip struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// Progress counts images.
type Progress struct {
	// Done is the number of images handed over or skipped.
	Done int
	// Total is the number of images to come to, 0 while that is not known.
	Total int
	// Skipped is how many of Done could not be read.
	Skipped int
}

// TooManyBadError is returned when more images could not be read than
// [Options].MaxBad allows.
type TooManyBadError struct {
	// Skipped are the images that could not be read until loading stopped.
	Skipped []Skip
	// Total is the number of images to load, Limit the fraction allowed.
	Total int
	Limit float64
}

// listed is the number of bad images that the message names.
const listed = 5

func (e *TooManyBadError) Error() string {
	var b strings.Builder
	if e.Limit >= 1 {
		fmt.Fprintf(&b, "none of %s could be read:", count(e.Total, "image"))
	} else {
		fmt.Fprintf(&b, "%d of %s could not be read, more than the fraction of %v that --max-bad allows:",
			len(e.Skipped), count(e.Total, "image"), e.Limit)
	}
	for _, s := range e.Skipped[:min(listed, len(e.Skipped))] {
		fmt.Fprintf(&b, "\n  %s: %s", s.ID, s.Reason)
	}
	if more := len(e.Skipped) - listed; more > 0 {
		fmt.Fprintf(&b, "\n  and %d more", more)
	}
	return b.String()
}

// allowed is the number of bad images among total that a fraction permits.
func allowed(total int, fraction float64) int {
	const slack = 1e-9 // 0.29·100 is 28.999...
	return min(int(fraction*float64(total)+slack), total-1)
}
