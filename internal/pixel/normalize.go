package pixel

// Normalize writes a row of RGB pixels to three planes: red, green and blue each get one value per pixel, what values has
// for the sample.
func Normalize(red, green, blue []float32, row []byte, values *[3][256]float32) {
	n := len(row) / 3
	red, green, blue = red[:n], green[:n], blue[:n]
	done := normalize(red, green, blue, row, values)
	normalizeScalar(red[done:], green[done:], blue[done:], row[3*done:], values)
}

func normalizeScalar(red, green, blue []float32, row []byte, values *[3][256]float32) {
	for x := range red {
		p := row[3*x : 3*x+3 : 3*x+3]
		red[x], green[x], blue[x] = values[0][p[0]], values[1][p[1]], values[2][p[2]]
	}
}
