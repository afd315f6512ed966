//go:build !amd64

package pixel

// withVectors does nothing: there is one form of every pass.
func withVectors(bool) func() { return func() {} }
