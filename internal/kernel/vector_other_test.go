//go:build !amd64

package kernel

// forms are the forms of a kernel that this machine runs, and how to switch to them.
func forms() map[string]func() { return map[string]func(){"scalar": func() {}} }
