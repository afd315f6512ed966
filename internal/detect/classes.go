package detect

import (
	"fmt"
	"slices"
)

// classes assigns training images to classes, numbered without gaps.
type classes struct {
	of    []int // class of each image, -1 for one to leave out
	count int   // number of classes, at least 1
	size  []int // images of each class
}

// classesOf takes the classes of images from their labels, or where there are none from the predicted classes, with
// warnings about what a reader of the scores has to know. Either may be nil.
func classesOf(detector string, labels []int64, predicted []int) (classes, []string, error) {
	given, warnings := known(labels)
	if given == nil {
		if predicted == nil {
			return classes{}, nil, &NeedsError{Detector: detector, What: "labels or logits"}
		}
		for _, p := range predicted {
			given = append(given, int64(p))
		}
		warnings = append(warnings, "the features hold no labels, so the predicted classes stand in for them")
	}
	c := compact(given)
	if c.count == 0 {
		return classes{}, nil, &NeedsError{Detector: detector, What: "at least one image"}
	}
	if c.count == 1 {
		warnings = append(warnings, "there is only one class, so this is a single Gaussian")
	}
	for i := range warnings {
		warnings[i] = detector + ": " + warnings[i]
	}
	return c, warnings, nil
}

// merged puts the images of all classes into one.
func (c classes) merged() classes {
	m := classes{of: make([]int, len(c.of)), count: 1, size: []int{0}}
	for i, k := range c.of {
		m.of[i] = min(k, 0)
		if k >= 0 {
			m.size[0]++
		}
	}
	return m
}

// oneClass puts n images into one class.
func oneClass(n int) classes { return classes{of: make([]int, n), count: 1, size: []int{n}} }

// known returns the labels, or nil when no image has one.
func known(labels []int64) ([]int64, []string) {
	unknown := 0
	for _, l := range labels {
		if l < 0 {
			unknown++
		}
	}
	switch unknown {
	case len(labels):
		return nil, nil
	case 0:
		return labels, nil
	}
	return labels, []string{fmt.Sprintf("%d of %d training images have no label and are left out", unknown, len(labels))}
}

// compact numbers the labels that occur 0, 1, ... in their order.
func compact(labels []int64) classes {
	values := slices.Clone(labels)
	slices.Sort(values)
	values = slices.Compact(values)
	known, _ := slices.BinarySearch(values, 0)
	values = values[known:]
	c := classes{of: make([]int, len(labels)), count: len(values), size: make([]int, len(values))}
	for i, l := range labels {
		c.of[i] = -1
		if l >= 0 {
			k, _ := slices.BinarySearch(values, l)
			c.of[i] = k
			c.size[k]++
		}
	}
	return c
}
