package classifier

// A batch is small, so that the activations between two layers stay in the processor's caches: with batches of 64
// CIFAR images instead of 16, or 6 of 224×224 pixels instead of 3, ONNX Runtime takes a tenth more time for each. How
// many images that are is a matter of the model alone: on another machine, or in shards on several, the classifier sees
// the same batches.
const (
	batchValues = 1 << 19 // input values
	leastBatch  = 2
	mostBatch   = 16
)

// chooseBatch chooses how many images to take at a time: as many as wanted, when that is not 0 and they fit
// maxValues, and a multiple of the model's own batch where it fixes one.
func chooseBatch(want int, in input) int {
	h, w := in.probeSize()
	n := min(max(batchValues/(rgb*h*w), leastBatch), mostBatch)
	if want > 0 {
		n = min(want, max(maxValues/(rgb*h*w), 1))
	}
	if in.batch != 0 {
		n = max(n/in.batch, 1) * in.batch
	}
	return n
}

// together is how many batches a caller does best to hand over in one call of Run, where the engine has twins, and
// batchesAtATime how many of them are computed at the same time: cores that work on batches of their own need not wait for each
// other between two layers, as those that share one do, but only at the end of the call. Both are the same on every machine, so
// that what is in a batch is, too.
const (
	together       = 12
	batchesAtATime = 4
)

// lanesOf divides threads among lanes: how many lanes, and how many threads each has.
func lanesOf(threads int) (lanes, each int) {
	lanes = min(threads, batchesAtATime)
	return lanes, (threads + lanes/2) / lanes
}
