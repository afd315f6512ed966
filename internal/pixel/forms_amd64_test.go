package pixel

// withVectors switches the AVX2 forms on or off, where there are, and returns a function that switches back.
func withVectors(on bool) func() {
	was := vector
	vector = on && was
	return func() { vector = was }
}
