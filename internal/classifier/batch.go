package classifier

// batchValues is how many input values make a good batch: enough images to keep every core busy and to
// spread the cost of a call, few enough that the activations between two layers stay small. 64 CIFAR images
// or 7 of 224×224 pixels.
const batchValues = 1 << 20

// chooseBatch chooses the number of images per run of the engine.
func chooseBatch(most int, in input, s started) int {
	if in.batch != 0 {
		return in.batch
	}
	h, w := in.probeSize()
	n := min(max(batchValues/(rgb*h*w), 4), 64)
	if most > 0 {
		n = min(n, most)
	}
	return n
}
