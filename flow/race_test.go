//go:build race

package flow

// raceEnabled: pools then forget some of what they are given.
const raceEnabled = true
