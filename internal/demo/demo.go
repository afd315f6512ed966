// Package demo draws the images that the demonstration runs on.
//
// Four sets of 32×32 RGB images, all with the same backgrounds, colours, blur
// and noise, so that what is drawn is the only difference between them:
//
//	id-train/<digit>/  digits, for fitting a detector
//	id-test/<digit>/   other digits from the same source: in-distribution (ID)
//	near-ood/          letters drawn as the digits are: near out-of-distribution (near-OOD)
//	far-ood/           stripes, rings, blobs and the like: far-OOD
//
// Nothing is random but through the seed. An image depends on the seed and on
// its own name alone, so drawing more of a set keeps those that were there:
// the classifier in testdata/demo was trained on a longer id-train of seed 1,
// whose beginning is the demonstration's.
package demo

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"image"
	"image/png"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
)

// Size is the width and height of every image in pixels.
const Size = 32

// Digits are the classes of the in-distribution sets, one folder each.
const Digits = "0123456789"

// Letters are what near-OOD images show: the Latin letters without those that
// a person may take for a digit (B D G I O Q S Z and b g i j l o q s z).
const Letters = "ACEFHJKLMNPRTUVWXYacdefhkmnprtuvwxy"

// Options says how many images of each set are drawn.
type Options struct {
	Seed  uint64 // every seed gives other images
	Train int    // images in id-train, a multiple of the ten classes
	Test  int    // images in id-test, a multiple of the ten classes
	Near  int    // images in near-ood
	Far   int    // images in far-ood
}

// picture is one image still to be drawn: its slash-separated name below the
// output folder, without extension, and what it shows.
type picture struct {
	name string
	draw func(*canvas, *rand.Rand)
}

// Write draws every set below dir as PNG files. It creates dir, and refuses
// one that holds something already: leftovers would become part of a set.
func Write(dir string, opt Options) error {
	pictures, err := list(opt)
	if err != nil {
		return err
	}
	if err := prepare(dir, pictures); err != nil {
		return err
	}
	var (
		workers sync.WaitGroup
		next    atomic.Int64
		errs    = make([]error, runtime.GOMAXPROCS(0))
	)
	for w := range errs {
		workers.Go(func() {
			for errs[w] == nil {
				i := int(next.Add(1)) - 1
				if i >= len(pictures) {
					return
				}
				errs[w] = write(dir, opt.Seed, pictures[i])
			}
		})
	}
	workers.Wait()
	return errors.Join(errs...)
}

// list names all pictures that opt asks for, the classes of a set in turn.
func list(opt Options) ([]picture, error) {
	if opt.Train < 0 || opt.Test < 0 || opt.Near < 0 || opt.Far < 0 {
		return nil, errors.New("the number of images of a set must not be negative")
	}
	if opt.Train%len(Digits) != 0 || opt.Test%len(Digits) != 0 {
		return nil, fmt.Errorf("the numbers of training and test images must be multiples of %d, one share for each digit", len(Digits))
	}
	var all []picture
	for _, split := range []struct {
		name string
		n    int
	}{{"id-train", opt.Train}, {"id-test", opt.Test}} {
		for i := range split.n {
			digit := Digits[i%len(Digits)]
			name := fmt.Sprintf("%s/%c/%05d", split.name, digit, i/len(Digits))
			all = append(all, picture{name, character(digit, Digits)})
		}
	}
	for i := range opt.Near {
		letter := Letters[i%len(Letters)]
		all = append(all, picture{fmt.Sprintf("near-ood/letter-%c-%04d", letter, i), character(letter, Letters)})
	}
	for i := range opt.Far {
		s := scenes[i%len(scenes)]
		all = append(all, picture{fmt.Sprintf("far-ood/%s-%04d", s.name, i), scene(s.shape)})
	}
	return all, nil
}

// prepare creates dir and the folders that the pictures go into.
func prepare(dir string, pictures []picture) error {
	switch entries, err := os.ReadDir(dir); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("draw into %s: %w", dir, err)
	case len(entries) > 0:
		return fmt.Errorf("draw into %s: the folder is not empty; remove it or name another", dir)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("draw into %s: %w", dir, err)
	}
	made := map[string]bool{}
	for _, p := range pictures {
		parent := path.Dir(p.name)
		if made[parent] {
			continue
		}
		made[parent] = true
		if err := os.MkdirAll(filepath.Join(dir, filepath.FromSlash(parent)), 0o777); err != nil {
			return fmt.Errorf("draw into %s: %w", dir, err)
		}
	}
	return nil
}

// write draws one picture and stores it below dir.
func write(dir string, seed uint64, p picture) error {
	var b bytes.Buffer
	if err := encoder.Encode(&b, render(seed, p)); err != nil {
		return fmt.Errorf("encode %s: %w", p.name, err)
	}
	file := filepath.Join(dir, filepath.FromSlash(p.name)+".png")
	if err := os.WriteFile(file, b.Bytes(), 0o666); err != nil {
		return fmt.Errorf("store a drawn image: %w", err)
	}
	return nil
}

// encoder keeps its compressors: making one costs far more than using it.
var encoder = png.Encoder{BufferPool: new(compressors)}

// compressors is a [png.EncoderBufferPool].
type compressors struct{ pool sync.Pool }

func (c *compressors) Get() *png.EncoderBuffer {
	b, _ := c.pool.Get().(*png.EncoderBuffer)
	return b // nil makes the encoder create one
}

func (c *compressors) Put(b *png.EncoderBuffer) { c.pool.Put(b) }

// render draws a picture from random numbers that belong to its name.
func render(seed uint64, p picture) *image.RGBA {
	h := fnv.New64a()
	h.Write([]byte(p.name))
	rng := rand.New(rand.NewPCG(seed, h.Sum64()))
	var c canvas
	c.ground(rng)
	p.draw(&c, rng)
	c.camera(rng)
	return c.image()
}
