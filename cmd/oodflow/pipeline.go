package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/classifier"
	"github.com/oodflow/oodflow/internal/imageset"
	"github.com/oodflow/oodflow/internal/progress"
)

// pipeline takes images to features: decode, preprocess, classify. extract writes what comes out, score scores it.
type pipeline struct {
	opts imageOptions
	src  imageset.Source
	pre  *imageset.Preprocess
	cls  *classifier.Classifier
	info classifier.Info

	first, limit int            // the images to run over; see imageset.Options
	after        *imageset.Mark // where to go on; nil at the beginning

	report imageset.Report // of the last run
	watch  stopwatch       // likewise
}

// openPipeline opens what the flags name, the quick things first. Close it after use.
func openPipeline(ctx context.Context, opts imageOptions, c *console) (*pipeline, error) {
	p := &pipeline{opts: opts, limit: opts.limit}
	var err error
	if _, err := os.Stat(opts.model); err != nil {
		return nil, fmt.Errorf("open classifier %s: %w", opts.model, reason(err))
	}
	if p.pre, err = opts.openPreprocess(c); err != nil {
		return nil, err
	}
	if p.src, err = opts.openImages(c); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p.cls, err = classifier.Open(opts.model, classifier.Options{
		Engine: opts.engine.value, Library: opts.library, FeatureTensor: opts.featureTensor,
		Threads: opts.threads, Batch: opts.batch,
	})
	if err != nil {
		return nil, classifierHint(err, opts)
	}
	p.info = p.cls.Info()
	p.fitPreprocess(c)
	if err := p.checkSize(); err != nil {
		p.cls.Close()
		return nil, err
	}
	p.tell(c)
	return p, nil
}

// tell says what whoever typed the command should know of what was opened.
func (p *pipeline) tell(c *console) {
	warn := c.warn
	if pureGo() {
		warn = c.note // that it does not use ONNX Runtime is no surprise, and nothing to be done about
	}
	for _, w := range p.info.Warnings {
		warn("%s", w)
	}
	for _, w := range p.pre.Warnings {
		c.warn("preprocessing: %s", w)
	}
	if _, err := imageset.JPEGLibrary(); err != nil {
		c.warn("JPEG pictures are decoded in Go: %v", err)
	}
	if p.opts.engine.value == "auto" && p.info.Engine != "onnxruntime" && !pureGo() {
		c.note("ONNX Runtime would be faster than %s: 'oodflow doctor' says how to get it", p.info.Engine)
	}
}

// Close frees the classifier.
func (p *pipeline) Close() { p.cls.Close() }

// preprocessings says what --preprocess takes.
var preprocessings = "a Hugging Face preprocessor_config.json, a timm model's config.json, " +
	joinList(append(imageset.Presets(), "torchvision:MODEL"), "or")

// fitPreprocess makes the preprocessing that of the model's input, of --exif and of --fast-jpeg.
func (p *pipeline) fitPreprocess(c *console) {
	p.pre.Upright = p.pre.Upright || p.opts.exif
	p.pre.FastJPEG = p.pre.FastJPEG || p.opts.fastJPEG
	p.pre = p.pre.For(p.info.Height, p.info.Width)
	if p.info.Bytes {
		p.pre = p.pre.Bytes()
		c.note("%s takes pixels as bytes: scale, mean and std of the preprocessing are left to it", p.opts.model)
	}
}

// openImages opens the source and numbers its labels.
func (o *imageOptions) openImages(c *console) (imageset.Source, error) {
	var names []string
	if o.classes != "" {
		var err error
		if names, err = imageset.ParseClasses(o.classes); err != nil {
			return nil, withHint(err, "--classes takes a text file with one name per line, or names with commas between them")
		}
	}
	src, err := imageset.Opener{Root: o.root}.Open(o.images)
	if err != nil || names == nil {
		return src, err
	}
	src, others, err := imageset.Relabel(src, names)
	if err != nil {
		return nil, err
	}
	if len(others) > 0 {
		c.warn("%s of %s not among --classes, whose images are unlabelled: %s", count(len(others), "class", "classes"), o.images,
			strings.Join(others[:min(most, len(others))], ", "))
	}
	return src, nil
}

// openPreprocess reads the preprocessing from the flag or from beside the model.
func (o *imageOptions) openPreprocess(c *console) (*imageset.Preprocess, error) {
	if o.preprocess != "" {
		pre, err := imageset.ParsePreprocess(o.preprocess)
		return pre, withHint(err, "--preprocess takes %s", preprocessings)
	}
	path, err := o.findPreprocess()
	if err != nil {
		return nil, err
	}
	c.note("preprocessing from %s", path)
	return imageset.ParsePreprocess(path)
}

// findPreprocess looks for a preprocessing file beside the model. There is no default: a classifier that gets pixels on
// another scale than in training still runs, and makes features of nothing.
func (o *imageOptions) findPreprocess() (string, error) {
	own := strings.TrimSuffix(o.model, filepath.Ext(o.model)) + ".preprocessor_config.json"
	for _, path := range []string{own, filepath.Join(filepath.Dir(o.model), "preprocessor_config.json")} {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	err := fmt.Errorf("how to preprocess images for %s is not known: there is no %s", o.model, own)
	return "", withHint(err, "give --preprocess what the classifier was trained with: %s", preprocessings)
}

// checkSize refuses preprocessing that makes images of another size than the classifier takes.
func (p *pipeline) checkSize() error {
	h, w := p.pre.OutputSize()
	if h == 0 || w == 0 || p.info.Height == 0 || p.info.Width == 0 || h == p.info.Height && w == p.info.Width {
		return nil
	}
	return withHint(fmt.Errorf("%s takes %d×%d images, the preprocessing makes %d×%d", p.opts.model, p.info.Width, p.info.Height, w, h),
		"give --preprocess the preprocessor_config.json that belongs to this classifier")
}

// run takes all images through, batch by batch, and gives what the classifier made of each to yield. The slices in
// a batch are valid until yield returns. Images that could not be read are in p.report, which is valid after an error too.
func (p *pipeline) run(ctx context.Context, c *console, what string, yield func(features.Batch, imageset.Mark) error) error {
	total := max(p.src.Len()-p.first, 0) // 0: told on the way
	if p.limit > 0 {
		total = min(total, p.limit)
	}
	seen := 0
	if p.after != nil {
		seen = p.after.Images
	}
	meter, finish := c.show(progress.Options{What: what, Unit: "images", Total: total, Done: seen})
	defer finish()
	p.watch.begin()
	var err error
	p.report, err = imageset.Load(ctx, p.src, p.pre, imageset.Options{
		First: p.first, Limit: p.limit, After: p.after, Workers: p.opts.workers, Batch: p.info.Together, MaxBad: p.opts.maxBad,
		Progress: func(s imageset.Progress) {
			meter.SetTotal(s.Total)
			meter.Add(s.Done - seen)
			seen = s.Done
			if s.Skipped > 0 {
				meter.Note(fmt.Sprintf("%d skipped", s.Skipped))
			}
		},
	}, func(b *imageset.Batch) error {
		start := time.Now()
		f, l, err := p.cls.Run(b.Input, b.N, b.H, b.W)
		if err != nil {
			return fmt.Errorf("at image %s: %w", b.IDs[0], err)
		}
		start = lap(&p.watch.inference, start)
		if err := yield(features.Batch{Features: f, Logits: l, Labels: b.Labels, IDs: b.IDs}, b.Mark); err != nil {
			return err
		}
		lap(&p.watch.writing, start)
		return ctx.Err()
	})
	finish()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var tooMany *imageset.TooManyBadError
	if errors.As(err, &tooMany) {
		if first := tooMany.Skipped[0]; isFile(p.opts.images) && strings.Contains(first.Reason, "no such file") {
			return withHint(err, "relative paths in a list start where the list lies: --root DIR names another folder")
		}
		return withHint(err, "--max-bad SHARE lets more pass; --skipped FILE of extract takes the whole list")
	}
	if n := p.report.Ignored; n > 0 {
		c.note("passed over %s of %s without an image's extension", count(n, "file", "files"), p.opts.images)
	}
	listSkipped(c, p.report.Skipped)
	return err
}

// most is how many skipped images are listed on stderr.
const most = 10

// listSkipped tells which images could not be read.
func listSkipped(c *console, skipped []imageset.Skip) {
	if len(skipped) == 0 {
		return
	}
	c.warn("skipped %s that could not be read:", count(len(skipped), "image", "images"))
	for i, s := range skipped {
		if i == most {
			c.errorln("  ... and %d more", len(skipped)-most)
			break
		}
		c.errorln("  %s: %s", s.ID, s.Reason)
	}
}

// header is what the file of features says about itself.
func (p *pipeline) header() features.Header {
	return features.Header{
		D: p.info.Dim, C: p.info.Classes, Head: p.info.Head, Classes: p.src.Classes(), Provenance: p.provenance(),
	}
}

// provenance tells where the features come from.
func (p *pipeline) provenance() features.Provenance {
	return features.Provenance{
		Classifier: p.info.File, ClassifierSHA256: p.info.SHA256,
		Tensor: p.info.FeatureTensor, Pool: p.info.Pool, Preprocess: p.pre.String(),
		Engine: p.info.Engine + " " + p.info.EngineVersion, Source: p.src.Name(), Version: moduleVersion(),
	}
}

// engine names what ran the classifier, for the last line.
func (p *pipeline) engine() string { return engineName(p.info) }

// engineName is "onnxruntime 1.30.0".
func engineName(info classifier.Info) string {
	return strings.TrimSpace(info.Engine + " " + info.EngineVersion)
}

// top1 is the classifier's accuracy on these images as a clause for the last line, where the labels are the
// classifier's classes: those of a list, of CIFAR-10 when the classifier has ten, and of as many folders as it has,
// if it was trained on them in the order of their names, as with torchvision's ImageFolder. That is said, not known;
// --classes makes it known.
func (p *pipeline) top1(a accuracy) string {
	classes := p.src.Classes()
	if a.n == 0 || classes != nil && len(classes) != p.info.Classes || strings.HasPrefix(p.opts.images, "svhn:") {
		return "" // SVHN's digits are ten classes too, seldom the classifier's
	}
	s := fmt.Sprintf("; top-1 %.2f %%", 100*float64(a.hits)/float64(a.n))
	if classes != nil && p.opts.classes == "" && !strings.HasPrefix(p.opts.images, "cifar") {
		s += " (taking the folders, by name, for the classes)"
	}
	return s
}

// classifierHint adds advice to what stops a classifier from being opened.
func classifierHint(err error, opts imageOptions) error {
	if errors.Is(err, classifier.ErrNoLibrary) {
		return withHint(err, "--engine gorgonia needs no library")
	}
	if opts.featureTensor != "" {
		return withHint(err, "'oodflow inspect %s' shows which tensor is found without --feature-tensor", opts.model)
	}
	return err
}

// reason is the cause of a file error without the path, which the caller has named.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// count writes "1 image", "2 images".
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
