package classifier

// batchValues is how many input values make a good batch: enough images to keep every core busy and to
// spread the cost of a call, few enough that the activations between two layers stay small. 64 CIFAR images
// or 7 of 224×224 pixels.
const batchValues = 1 << 20

// chooseBatch chooses how many images to take at a time: as many as wanted, when that is not 0 and they fit
// maxValues, and a multiple of the model's own batch where it fixes one.
func chooseBatch(want int, in input) int {
	h, w := in.probeSize()
	n := min(max(batchValues/(rgb*h*w), 4), 64)
	if want > 0 {
		n = min(want, max(maxValues/(rgb*h*w), 1))
	}
	if in.batch != 0 {
		n = max(n/in.batch, 1) * in.batch
	}
	return n
}
