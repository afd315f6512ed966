package imageset

import (
	"context"
	"fmt"
	"runtime"
)

// DefaultMaxBad is the fraction of unreadable images that is usually let pass.
const DefaultMaxBad = 0.01

// DefaultBatch is the number of images per batch when [Options] names none.
const DefaultBatch = 32

// Options sets how [Load] works.
type Options struct {
	// First is the number of images at the start of the source to leave out.
	First int
	// Limit is the number of images to load, from there on. 0 is all.
	Limit int
	// After is where an earlier Load with the same options and preprocessing
	// left off: its images are passed over, and it is an error when they are
	// not the same any more ([ErrOtherImages]). What is handed over, reported
	// and counted is what one undisturbed Load would have handed over after that
	// mark, reported and counted. Nil starts at the beginning.
	After *Mark
	// Workers is the number of images decoded at the same time. 0 is one per
	// processor.
	Workers int
	// Batch is the number of images per batch, DefaultBatch when 0.
	Batch int
	// MaxBad is the fraction, 0 to 1, of images that may be unreadable: they
	// are skipped and reported. One more is an error. 0 lets none pass;
	// commands use DefaultMaxBad unless told otherwise. Whatever it is, it is
	// an error when no image can be read.
	MaxBad float64
	// Progress, when not nil, is called on the goroutine of Load after every
	// batch.
	Progress func(Progress)
}

// Batch is a number of preprocessed images. It and its slices are valid until
// the function it was given to returns, and are then used again; the ids
// themselves may be kept.
type Batch struct {
	// N images of C = 3 channels, H rows and W columns.
	N, C, H, W int
	// Input is N×C×H×W, row-major, channels in the order red, green, blue.
	Input []float32
	// IDs and Labels are those of the images. A label is Unlabelled when the
	// class is not known.
	IDs    []string
	Labels []int64
	// Mark is the place behind the batch. Its list of images that could not be
	// read begins after the batch before; all else may be kept.
	Mark Mark
}

// Load decodes and preprocesses the images of src and hands them to yield, in
// order, in batches of opt.Batch images of the source. One may be smaller: the
// last, one with images that could not be read, and one before an image of another
// size when pre does not fix the size. What is in a batch thus does not depend on
// how many images could be read before. yield runs on
// the caller's goroutine while the next images are being decoded. At most a few
// batches are held at a time, however many images there are.
//
// An image that cannot be read is skipped and listed in the report. Load stops
// with an error when there are too many of those ([TooManyBadError]), when the
// source itself cannot be read, when yield fails, or when ctx is cancelled. The
// report is valid in every case and covers what was seen until then.
func Load(ctx context.Context, src Source, pre *Preprocess, opt Options, yield func(*Batch) error) (Report, error) {
	var report Report
	if err := opt.fill(); err != nil {
		return report, err
	}
	pre, err := pre.ready()
	if err != nil {
		return report, err
	}
	l := newLoader(ctx, src, pre, opt)
	err = l.run(&report, yield)
	return report, err
}

// fill puts defaults where the options are zero.
func (o *Options) fill() error {
	if o.First < 0 || o.Limit < 0 || o.Workers < 0 || o.Batch < 0 {
		return fmt.Errorf("load images: first %d, limit %d, workers %d, batch %d: expected 0 or more", o.First, o.Limit, o.Workers, o.Batch)
	}
	if !(o.MaxBad >= 0 && o.MaxBad <= 1) {
		return fmt.Errorf("load images: --max-bad %v: expected a fraction from 0 to 1", o.MaxBad)
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Batch == 0 {
		o.Batch = DefaultBatch
	}
	if o.After == nil {
		o.After = new(Mark)
	}
	return nil
}
