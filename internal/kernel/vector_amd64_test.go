package kernel

import "golang.org/x/sys/cpu"

// forms are the forms of a kernel that this machine runs, and how to switch to them.
func forms() map[string]func() {
	f := map[string]func(){"scalar": func() { vector = false }}
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		f["vector"] = func() { vector = true }
	}
	return f
}
