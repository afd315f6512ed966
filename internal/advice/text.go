package advice

import (
	"fmt"
	"math"

	"github.com/oodflow/oodflow/features"
	"github.com/oodflow/oodflow/internal/detect"
)

// sameLength is the variation of norms (standard deviation over mean) below which normalising changes next to nothing.
const sameLength = 0.01

// normalising says whether to normalise. The likelihood is reported, but does not decide: on classifiers whose detection
// gains 3 to 11 points from normalising (docs/recipe.md) the two models are within a hundredth of a nat of each other.
func (a *Advice) normalising(sum *features.Summary) []string {
	const most = "Normalise, as is the default: "
	switch {
	case sum.Norms.CV < sameLength:
		return []string{"Normalising changes next to nothing: all vectors are about as long."}
	case a.Pull == nil:
		return []string{most + "there is too little here to tell what it gains, and it rarely loses."}
	case a.Pull.Raw > a.Pull.Normalised && a.Pull.Raw > 0:
		return []string{fmt.Sprintf(most+"distances of raw features grow with the norm (rank correlation %.2f, normalised %.2f), "+
			"so that images the classifier is unsure of, whose vectors are short, would look close to its classes.", a.Pull.Raw, a.Pull.Normalised)}
	case a.Pull.Raw > a.Pull.Normalised:
		return []string{fmt.Sprintf(most+"short vectors, which unsure images have, are farther off by it "+
			"(rank correlation of norm and distance %.2f, raw %.2f).", a.Pull.Normalised, a.Pull.Raw)}
	}
	return []string{fmt.Sprintf("It is not clear that normalising helps: short vectors, which unsure images have, are farther off without it "+
		"(rank correlation of norm and distance %.2f, normalised %.2f). Compare with train --raw.", a.Pull.Raw, a.Pull.Normalised)}
}

// recipe says what train does with the set when no flag is set.
func recipe(sum *features.Summary) []string {
	held, watched := detect.DefaultParts(sum.N)
	if held == 0 || watched == 0 {
		return []string{"There are too few images to train on."}
	}
	start := ""
	switch {
	case sum.Labelled > 0:
		start = fmt.Sprintf("at Mahalanobis++ over the %s", plural(sum.Balance.Classes, "labelled class", "labelled classes"))
	case sum.Classes > 0:
		start = "at Mahalanobis++ over the classes that the classifier predicts, for want of labels"
	default:
		start = "at one Gaussian, for want of labels and logits; with either it would detect better"
	}
	return []string{fmt.Sprintf("The default of train starts %s, holds out %d images for the threshold and %d to stop by.", start, held, watched)}
}

// mostUnusual bounds the remarks, the gravest first.
const mostUnusual = 2

// unusual says what is not as it is with most sets.
func unusual(sum *features.Summary) []string {
	var text []string
	say := func(when bool, format string, args ...any) {
		if when && len(text) < mostUnusual {
			text = append(text, fmt.Sprintf(format, args...))
		}
	}
	images := float64(sum.N)
	say(sum.ZeroVectors > 0, "%s of zeros only: leave such images out, or use another tensor.", plural(sum.ZeroVectors, "vector is", "vectors are"))
	say(sum.Dims.Constant == sum.D, "No feature varies: this is hardly the penultimate layer.")
	say(sum.DuplicateRows > sum.N/100, "%.0f %% of the images have the features of an earlier one: is a folder in it twice?", 100*float64(sum.DuplicateRows)/images)
	say(images < 5*float64(sum.D), "%.1f images a dimension leave the covariance poorly known; more images would help.", images/float64(sum.D))
	if b := sum.Balance; b != nil {
		say(sum.Labelled < sum.N, "%s no label and will be left out.", plural(sum.N-sum.Labelled, "image has", "images have"))
		say(sum.Classes > 0 && 2*b.Classes <= sum.Classes, "Labels name %d of the %d classes that the classifier knows: images of the others will count as out-of-distribution.", b.Classes, sum.Classes)
		say(b.Max > 10*b.Min, "The largest class has %d images, the smallest %d: the mean of a small class is poorly known.", b.Max, b.Min)
	}
	if sum.Accuracy != nil {
		say(*sum.Accuracy >= 0.99, "The classifier is right about %.1f %% of these images, as it is with those it was trained on: new images will "+
			"score higher, so check the threshold on images that it has not seen.", math.Floor(1000**sum.Accuracy)/10)
		say(*sum.Accuracy < 0.5, "The classifier is right about %.0f %% of these images only: look at the preprocessing, and at the order of the classes.", 100**sum.Accuracy)
	}
	if sum.Tolerance != nil {
		say(sum.Tolerance.Value > 0.8, "Images of a class point almost the same way (tolerance %.2f): the classifier has folded each class into a point, "+
			"and what it left of differences within is what near-OOD detection has to work with.", sum.Tolerance.Value)
	}
	share := float64(sum.Dims.Constant) / float64(sum.D)
	say(share > 0.1 && share < 1, "%d of %d features hardly vary; whitening keeps them from counting.", sum.Dims.Constant, sum.D)
	return text
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
