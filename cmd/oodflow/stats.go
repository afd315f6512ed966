package main

import (
	"fmt"
	"io"
	"time"

	"github.com/oodflow/oodflow/internal/atomicfile"
)

// stopwatch times the stages of a pipeline.
type stopwatch struct {
	start     time.Time
	cpu       time.Duration // of the process before the start
	inference time.Duration // in the classifier
	writing   time.Duration // in what takes the features
}

// begin starts it.
func (s *stopwatch) begin() { *s = stopwatch{start: time.Now(), cpu: cpuTime()} }

// lap adds the time since start to one of the stages and returns now.
func lap(stage *time.Duration, start time.Time) time.Time {
	now := time.Now()
	*stage += now.Sub(start)
	return now
}

// runStats says how fast images were taken through a pipeline and where the time went, in its JSON form. Inference,
// waiting and writing follow each other; decoding and preprocessing happen meanwhile, and are sums over the workers.
type runStats struct {
	Images       int     `json:"images"`
	Skipped      int     `json:"skipped"`
	Seconds      float64 `json:"seconds"`
	ImagesPerSec float64 `json:"images_per_s"`
	Decode       float64 `json:"decode_s"`
	Preprocess   float64 `json:"preprocess_s"`
	Inference    float64 `json:"inference_s"`
	Waiting      float64 `json:"waiting_s"`
	Writing      float64 `json:"writing_s"`
	CPU          float64 `json:"cpu_s"`          // user and system, of the whole process
	PeakRSS      int64   `json:"peak_rss_bytes"` // so far; 0 where the system does not tell
	Batch        int     `json:"batch"`
	Threads      int     `json:"threads"`
	Workers      int     `json:"workers"`
	Engine       string  `json:"engine"`
}

// stats are those of the last run alone, without the images of one that it resumed.
func (p *pipeline) stats() runStats {
	t, images, skipped := p.report.Times, p.report.Images, len(p.report.Skipped)
	if p.after != nil {
		skipped -= len(p.after.Skipped)
		images -= p.after.Images - len(p.after.Skipped)
	}
	s := runStats{
		Images: images, Skipped: skipped, Seconds: time.Since(p.watch.start).Seconds(),
		Decode: t.Decode.Seconds(), Preprocess: t.Preprocess.Seconds(), Inference: p.watch.inference.Seconds(),
		Waiting: t.Waiting.Seconds(), Writing: p.watch.writing.Seconds(), CPU: (cpuTime() - p.watch.cpu).Seconds(),
		PeakRSS: peakRSS(), Batch: p.info.Batch, Threads: p.info.Threads, Workers: t.Workers, Engine: p.engine(),
	}
	s.ImagesPerSec = float64(s.Images) / s.Seconds
	return s
}

// line is the statistics for people.
func (s runStats) line() string {
	return fmt.Sprintf("%s in %.2f s, %.1f images/s: inference %.2f s, waiting %.2f s, writing %.2f s; meanwhile decoding %.2f s, preprocessing %.2f s on %s",
		count(s.Images, "image", "images"), s.Seconds, s.ImagesPerSec, s.Inference, s.Waiting, s.Writing,
		s.Decode, s.Preprocess, count(s.Workers, "thread", "threads"))
}

// tellStats ends a command with its statistics, and writes them to path if there is one.
func tellStats(c *console, path string, s runStats) error {
	c.note("%s", s.line())
	if path == "" {
		return nil
	}
	return atomicfile.Write(path, func(w io.Writer) error { return writeJSON(w, s) })
}
