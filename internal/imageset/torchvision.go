package imageset

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// torchvisionPrefix is what begins the name of a torchvision preset.
const torchvisionPrefix = "torchvision:"

// torchvisionText is torchvision's own list of its ImageNet weights and of the
// transforms they were evaluated with, written by testdata/gen/preprocess.py. A
// line has model, weights, the short side, the crop, the interpolation, and, where
// they are not ImageNet's, mean and std; a star marks the weights that
// torchvision calls DEFAULT.
//
//go:embed torchvision.txt
var torchvisionText string

// weights is one line of that list.
type weights struct {
	model, name string
	isDefault   bool
	pre         Preprocess
}

// torchvisionWeights is the list.
var torchvisionWeights = sync.OnceValue(func() []weights {
	var list []weights
	for line := range strings.Lines(torchvisionText) {
		if f := strings.Fields(line); len(f) > 0 && f[0] != "#" {
			list = append(list, parseWeights(f))
		}
	}
	return list
})

// parseWeights reads a line. The list is compiled in: it cannot be wrong at run
// time, and a test reads it all.
func parseWeights(f []string) weights {
	name, star := strings.CutSuffix(f[1], "*")
	p := Preprocess{Resample: Bilinear, Scale: 1.0 / 255, Mean: imagenetMean, Std: imagenetStd}
	p.ShortSide, _ = strconv.Atoi(f[2])
	p.CropH, _ = strconv.Atoi(f[3])
	p.CropW = p.CropH
	if f[4] == Bicubic.String() {
		p.Resample = Bicubic
	}
	if len(f) == 11 {
		for i := range 3 {
			p.Mean[i], _ = strconv.ParseFloat(f[5+i], 64)
			p.Std[i], _ = strconv.ParseFloat(f[8+i], 64)
		}
	}
	return weights{f[0], name, star, p}
}

// TorchvisionPresets lists the names of torchvision's models and weights as
// [ParsePreprocess] takes them.
func TorchvisionPresets() []string {
	var names []string
	for _, w := range torchvisionWeights() {
		names = append(names, torchvisionPrefix+w.model, torchvisionPrefix+w.name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// torchvision finds the transform of a model ("resnet50", which stands for its
// DEFAULT weights), or of weights ("ResNet50_Weights.IMAGENET1K_V2",
// "ResNet50_Weights.DEFAULT").
func torchvision(name string) (*Preprocess, error) {
	enum, byDefault := strings.CutSuffix(name, ".DEFAULT")
	var found *Preprocess
	var of weights
	for _, w := range torchvisionWeights() {
		class, _, _ := strings.Cut(w.name, ".")
		if w.name == name || w.isDefault && (w.model == name || byDefault && class == enum) {
			p := w.pre
			found, of = &p, w
		}
	}
	if found == nil {
		return nil, fmt.Errorf("torchvision has no model or weights %q%s", name, similar(name))
	}
	if of.model == name {
		found.Warnings = otherWeights(of)
	}
	return found, found.finish()
}

// otherWeights warns where a model has weights with another transform than its
// default.
func otherWeights(of weights) []string {
	var others []string
	for _, w := range torchvisionWeights() {
		if w.model == of.model && w.pre.String() != of.pre.String() {
			others = append(others, torchvisionPrefix+w.name)
		}
	}
	if others == nil {
		return nil
	}
	return []string{fmt.Sprintf("%s%s is taken for its default weights, %s; there are others with another preprocessing: %s",
		torchvisionPrefix, of.model, of.name, strings.Join(others, ", "))}
}

// similar lists the models and weights whose names begin as name does for longest,
// to be added to an error.
func similar(name string) string {
	var near []string
	most := 3 // fewer letters in common say nothing
	for _, w := range torchvisionWeights() {
		for _, known := range []string{w.model, w.name} {
			n := common(known, name)
			if n > most {
				near, most = nil, n
			}
			if n == most && !slices.Contains(near, known) {
				near = append(near, known)
			}
		}
	}
	if near == nil {
		return ": names are such as resnet50 and ResNet50_Weights.IMAGENET1K_V2"
	}
	return ": it has " + strings.Join(near, ", ")
}

// common is the number of letters with which both begin, in whatever case.
func common(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && strings.EqualFold(a[n:n+1], b[n:n+1]) {
		n++
	}
	return n
}
